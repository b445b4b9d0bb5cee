/*
 * Links to a borrower take the login along.
 *
 * A link's address changes at the last moment before the browser follows it, and changes back right
 * after that. So the status bar, a copied link and other scripts have the link's own address. The last
 * moment is when the last listener of the window runs. To be the last, that listener is added anew while
 * the document captures the event. A link is left alone if its event is cancelled, or if a script
 * follows it in its own way.
 *
 * What the address gains is a hint in its fragment. It holds nothing, so it may get anywhere: the
 * borrower's page asks when it finds it.
 */

/** @typedef {HTMLAnchorElement | HTMLAreaElement} Link */

/**
 * Whether an origin equals a pattern, in which `*.` stands for any subdomains.
 *
 * @param {string} origin
 * @param {string} pattern
 */
function matches(origin, pattern) {
  const [before, after] = pattern.split('*');
  if (after === undefined) return origin === pattern;
  if (!origin.startsWith(before) || !origin.endsWith(after)) return false;
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(origin.slice(before.length, -after.length));
}

/**
 * @param {EventTarget} node
 * @returns {node is Link}
 */
function isLink(node) {
  const {localName, href} = /** @type {Link} */ (node);
  return (localName === 'a' || localName === 'area') && typeof href === 'string';
}

/**
 * Lead links to these origins there with a hint; called once on a page.
 *
 * @param {string[]} patterns
 */
function followLinks(patterns) {
  /** @type {WeakSet<Link>} */
  const followed = new WeakSet();

  /** @param {Link} link */
  function leadsToBorrower(link) {
    // A link with a user name or of a `blob:` does not begin with its origin.
    if (link.hasAttribute('download') || !link.href.startsWith(link.origin)) return false;
    if (link.origin === window.location.origin) return false;
    return patterns.some((pattern) => matches(link.origin, pattern));
  }

  /** @param {Event} event */
  function follow(event) {
    if (event.defaultPrevented || /** @type {MouseEvent} */ (event).button === 2) return;
    const link = event.composedPath().find(isLink);
    if (!link || followed.has(link) || !leadsToBorrower(link)) return;
    const own = /** @type {string} */ (link.getAttribute('href'));
    const fragment = link.hash.slice(1);
    followed.add(link);
    link.hash = `pavior-handoff=ask${fragment && `&${fragment}`}`;
    setTimeout(() => {
      followed.delete(link);
      link.setAttribute('href', own);
    });
  }

  for (const type of ['click', 'auxclick']) {
    const listen = () => {
      window.removeEventListener(type, follow);
      window.addEventListener(type, follow);
    };
    document.addEventListener(type, listen, true);
  }
}

followLinks(navigator.pavior?.links ?? []);
