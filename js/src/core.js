/*
 * The script that stands in every page, as its text. It names whoever was logged in when the server
 * made the page, and loads the embed. What an ordinary page view does not need is in a file, which
 * this script loads when something else happens: see page.js.
 *
 * The text is the same for everybody, on all pages of all sites; what differs is in its element's
 * data. The first script of a page stays in charge: the scripts that visits bring, as Turbo does, hand
 * their data to it, and where a policy blocks them, it takes the data out of their elements. Every
 * element leaves the page, or Turbo would not run the script of a page that is visited again.
 *
 * It is in each page's bytes, so it is written to be small.
 */

/** @typedef {import('./shared').Data} Data */
/** @typedef {import('./shared').Entry & PerformanceEntry} Entry */
/** @typedef {import('./shared').Options} Options */
/** @typedef {import('./shared').Page} Page */
/** @typedef {import('./shared').PageEvent} PageEvent */

const document = window.document;
const LONG = 10000; // milliseconds; a page that is looked at again after that asks

/**
 * Take the next element out of the page, and use its data.
 */
function take() {
  /** @type {HTMLScriptElement | null} */
  const element = document.querySelector('script[data-pavior]');
  if (!element) return;
  element.remove();
  const data = JSON.parse(/** @type {string} */ (element.dataset.pavior));
  // An opaque origin, such as that of a sandbox, is not the site.
  if (window.origin === 'null' || (window.parent !== window && !data.frames)) return;
  data.user = data.user || {};
  if (data.hmac) {
    // Masked, since the lengths of compressed pages would tell its digits.
    const bytes = atob(data.hmac);
    data.user.hmac = '';
    for (let at = 0; at < 32; at++) {
      const byte = bytes.charCodeAt(at) ^ bytes.charCodeAt(at + 32);
      data.user.hmac += (byte | 256).toString(16).slice(1);
    }
  }
  /** @type {Record<symbol, Page | undefined>} */
  const shared = /** @type {any} */ (window);
  const key = Symbol.for('pavior');
  const page = shared[key];
  if (page) {
    page.data = data;
    page.begin();
  } else {
    shared[key] = takeCharge(data, element.nonce);
  }
}

/**
 * @param {Data & {user: Options}} first
 * @param {string} nonce
 * @returns {Page}
 */
function takeCharge(first, nonce) {
  /** @type {Page} */
  const page = {
    data: first,
    user: {},
    since: 0,
    turn: 0,
    events: [],
    begin,
    show,
    nobody,
    load,
    script,
    on,
  };
  // The page's own origin, whatever its `<base>` says, and whatever the path is.
  const file = new URL(`.${first.root || ''}/.well-known/pavior/${FILE}`, window.location.origin)
    .href;
  const urls = [file, first.embed, first.lender];
  /** @type {string | undefined} */
  let told;
  /** @type {boolean | undefined} */
  let isLoading;
  /** @type {boolean | undefined} */
  let hasFile;
  /** @type {{createScriptURL(url: string): string} | undefined} */
  let policy;

  function begin() {
    const {data} = page;
    // In a document that was brought back, the browser may take what is fetched from its cache, too.
    const entry = /** @type {Entry} */ (performance.getEntriesByType('navigation')[0] || {});
    page.turn++;
    page.isLeft = false;
    if (
      data.ask ||
      data.lender ||
      document.prerendering ||
      navigator.serviceWorker?.controller ||
      entry.activationStart ||
      entry.type === 'back_forward' ||
      entry.deliveryType === 'navigational-prefetch'
    ) {
      on('begin');
    } else {
      show(data.user || {}, true);
    }
  }

  /** @type {Page['script']} */
  function script(url, onload, onerror) {
    const element = document.createElement('script');
    element.nonce = nonce;
    if (url === file && first.integrity) element.integrity = first.integrity;
    if (onload) element.onload = onload;
    element.onerror = () => {
      console.warn(`Pavior: could not load ${url}`);
      if (onerror) onerror();
    };
    try {
      // For whatever gets hold of it, it makes no other URLs.
      policy =
        policy ||
        window.trustedTypes?.createPolicy('pavior-middleware', {
          createScriptURL(made) {
            if (urls.includes(made)) return made;
            throw TypeError();
          },
        });
      element.src = policy ? policy.createScriptURL(url) : url;
      document.head.append(element);
      // React renders a whole document anew where it finds an element that it has not put there.
      element.remove();
    } catch (error) {
      console.warn('Pavior:', error);
    }
    return element;
  }

  function load() {
    if (isLoading) return;
    isLoading = true;
    const embed = () =>
      script(first.embed, () => {
        if (window.Pavior) init();
        else console.warn(`Pavior: no chat in ${first.embed}`);
      });
    // The page's `load` event does not wait for the embed.
    if (first.early || document.readyState === 'complete') embed();
    else window.addEventListener('load', embed);
  }

  function init() {
    const {data, user} = page;
    const options = {...data.site};
    for (const name in user) if (!(name in options)) options[name] = user[name];
    const text = JSON.stringify(options);
    if (!window.Pavior || !page.since || text === told) return;
    told = text;
    window.Pavior('init', options);
    const {id = null, email = null, hmac} = user;
    const detail = {id, email, authenticated: !!hmac};
    window.dispatchEvent(new CustomEvent('pavior:identity', {detail}));
  }

  // What tells the user from others, and says nothing of them.
  function digest() {
    let sum = 0;
    for (const character of `${[page.user.id, page.user.email, page.user.hmac]}`) {
      sum = (sum * 31 + character.charCodeAt(0)) | 0;
    }
    return `${sum}`;
  }

  /** @type {Page['show']} */
  function show(user, isKnown) {
    page.user = user;
    page.since = Date.now();
    load();
    init();
    try {
      if (isKnown) localStorage.pavior = digest();
    } catch {
      // The storage is closed or full: other tabs ask a little later.
    }
  }

  /** @type {Page['on']} */
  function on(event) {
    page.events.push(event);
    handle();
  }

  function handle() {
    if (page.run) page.run();
    else if (!hasFile) {
      hasFile = true;
      const element = script(
        file,
        // A site may answer with a page of its own.
        () => page.run || element.dispatchEvent(new Event('error')),
        () => {
          hasFile = false;
          window.addEventListener('online', handle, {once: true});
          // A page that was brought back stays as it is while there is no network.
          if (page.events.includes('begin') || page.events.includes('change')) nobody();
          else if (page.events.includes('pageshow') && navigator.onLine) nobody();
        },
      );
    }
  }

  // Before it is known that a visitor consents, nothing is loaded.
  /** @param {boolean} [isKnown] */
  function nobody(isKnown) {
    if (page.since || page.data.ask !== 'first') show({}, isKnown);
  }

  window.addEventListener('pageshow', (event) => event.persisted && on('pageshow'));
  window.addEventListener('pavior:refresh', () => on('pavior:refresh'));
  window.addEventListener('pavior:logout', () => {
    page.isLeft = page.isLeft || page.user;
    page.turn++;
    nobody(true);
    on('pavior:logout');
  });
  document.addEventListener('visibilitychange', () => {
    let stored;
    try {
      stored = localStorage.pavior;
    } catch {
      // It is closed.
    }
    if (document.hidden) return;
    const isNamed = page.user.id || page.user.email;
    if (stored && stored !== digest()) on('change');
    else if (isNamed && Date.now() - page.since > LONG) on('look');
  });
  const observer = new MutationObserver(take);
  observer.observe(document.documentElement, {childList: true});
  observer.observe(document.head, {childList: true});
  if (first.early && first.ask !== 'first') load();
  begin();
  if (first.links) on('links');
  return page;
}

// Older engines have no chat, and no error either.
if ('fetch' in window && 'Symbol' in window && 'Promise' in window) take();

export {};
