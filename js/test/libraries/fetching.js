/**
 * An app without a library, which fetches pages. The query of this script's URL says what else it does:
 *
 * - `?tells`: it dispatches `pavior:refresh`, as documented;
 * - `?pushes`: it pushes what it shows to the history;
 * - `?morphs`: it morphs whole pages into the document by Idiomorph.
 */

const {search} = new URL(document.currentScript.src);

/** @param {string} text */
function show(text) {
  if (search === '?morphs') {
    window.Idiomorph.morph(document.documentElement, text, {head: {style: 'merge'}});
    return;
  }
  const next = new DOMParser().parseFromString(text, 'text/html');
  document.querySelector('main').replaceWith(next.querySelector('main'));
}

/**
 * @param {string} url
 * @param {RequestInit} [options]
 */
async function visit(url, options) {
  const response = await fetch(url, options);
  const text = await response.text();
  if (search !== '' && search !== '?tells') history.pushState(null, '', response.url);
  show(text);
  if (search === '?tells' && options) dispatchEvent(new Event('pavior:refresh'));
}

addEventListener('click', (event) => {
  const link = event.target.closest('a');
  if (!link) return;
  event.preventDefault();
  visit(link.href);
});
addEventListener('submit', (event) => {
  event.preventDefault();
  const body = new URLSearchParams(new FormData(event.target, event.submitter));
  visit(event.target.action, {method: 'POST', body});
});
addEventListener('popstate', async () => {
  show(await (await fetch(location.href)).text());
});
