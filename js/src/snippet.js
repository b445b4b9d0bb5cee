/*
 * The script of a page. The state is kept under a symbol, which markup with an id of the same name cannot take the place of. The script takes
 * itself out of the page: Turbo runs no script of a new page that the old one still holds, so the
 * chat would stay with whoever came before when a user comes back.
 *
 * A page may have been made for another moment: it was prefetched or prerendered, or comes from the
 * back button or from a service worker. So it asks who is logged in before it names anybody, and a
 * prerendered page waits until it is opened. So does each page that is fetched into such a one: what
 * it fetches may come from the same cache. A worker that only passes pages on looks like any other,
 * and not all browsers have `workerStart`.
 *
 * A page from the back/forward cache has a live chat. If it was made for a user who is gone, it is
 * replaced by a fresh one; not by a reload, which would send a form again that the page was the
 * answer to. If no answer comes, the page names nobody and keeps what was typed into it; offline, it
 * stays as it is. The next look at the page, or the network's return, asks again.
 *
 * Pages in other tabs tell of a change by a digest in localStorage, 32 bits of who was named. When a
 * page becomes visible again, it asks if the digest is not the one that it has seen; if the page
 * names somebody, also once the last answer is 10 seconds old. Such a routine question changes
 * nothing if it fails. If the digest changes while a question is open, the page asks again, or the
 * answer would hide the change from the other tabs. Of several questions, only the answer to the
 * newest counts, and an identity that came with a page is newer than any question before it.
 *
 * The question goes to the page's own origin, whatever its `<base>` says, or a global variable of
 * the page named `origin`. Its answer sets who is chatting, and never an option of the site's. In an
 * opaque origin, such as that of a sandbox, the page is not the site's, so nobody is named there and
 * nothing is loaded. The embed is loaded meanwhile, while a policy that a `<meta>` sets does not
 * rule yet; but not before it is known that the visitor consents.
 *
 * The elements of the scripts that it loads leave the page at once: React renders a whole document
 * anew where it finds an element in the head that it has not put there.
 *
 * The Trusted Types policy makes the script's own URLs and throws for others, and no later script
 * of the page gets hold of it. The first run creates it at once, so that no later script takes its
 * name, and makes all elements that the page needs. So a later run creates no second policy, which a
 * `trusted-types` directive would forbid.
 *
 * A page that borrows its login loads share.js of the site that lends it, and hands it the code of
 * a handoff, which it takes out of the address bar at once. Where there is no share.js, init is
 * called with `shareAuth`, and the embed may know what to do.
 */

/** @typedef {Record<string, unknown>} Options  of init */

/**
 * What the scripts of one document share.
 *
 * @typedef {object} State
 * @property {() => void} load  loads the embed
 * @property {number} number  counts what was learned and asked, so that no older answer counts
 * @property {() => void} [check]  asks who is logged in
 * @property {() => void} [look]  asks if the last answer is old, or another tab has learned more
 * @property {boolean} [loads]
 * @property {boolean} [ready]
 * @property {boolean} [borrows]
 * @property {Options} [options]  the newest ones for init
 * @property {string} [text]  those of the last call of init, as JSON
 * @property {string | null} [seen]  the digest that other tabs may change
 * @property {number} [time]  of the last answer, in milliseconds
 * @property {boolean} [isNamed]
 * @property {boolean} [doubts]  whether the page may name somebody who is gone
 * @property {boolean} [restored]  whether it came back with its chat
 * @property {boolean} [failed]  whether the last question had no answer
 */

/**
 * @param {string} url  of the embed
 * @param {Options} options  of the site
 * @param {Options} identity  of the page's user; empty for nobody
 * @param {'never' | 'restored' | 'always' | 'first'} asks  when the page asks who is logged in
 * @param {boolean} inFrames  whether a page in a frame has a chat
 * @param {string} path  where it asks
 * @param {string} lender  the URL of the script by which it borrows its login; '' if it does not
 * @param {string} bubble  for that script, a selector of the chat's bubble
 */
function main(url, options, identity, asks, inFrames, path, lender, bubble) {
  const key = Symbol.for('pavior-middleware');
  const page = /** @type {Record<symbol, State>} */ (/** @type {unknown} */ (window));
  let state = page[key];
  const isFirst = !state;
  const current = Object.getOwnPropertyDescriptor(Document.prototype, 'currentScript');
  /** @type {HTMLScriptElement | null} */
  const self = current?.get?.call(document);
  if (self) self.remove();
  if (window.origin === 'null') return;
  if (!inFrames) if (window.parent !== window) return;
  /** @param {Error} [error] */
  function warn(error) {
    var why = error ? `: ${error.message}` : '';
    console.warn(`Pavior: the chat could not be loaded from ${url}${why}`);
  }
  function init() {
    var text = JSON.stringify(state.options);
    if (!state.ready || state.text === text) return;
    state.text = text;
    window.Pavior?.('init', /** @type {Options} */ (state.options));
  }
  /** @type {{createScriptURL(address: string): string} | undefined} */
  let policy;
  function makePolicy() {
    var rules = {
      /** @param {string} made */
      createScriptURL: (made) => {
        if (made === url) return made;
        if (lender) if (made === lender) return made;
        throw new TypeError('Pavior: not a URL of the chat');
      },
    };
    try {
      if (window.trustedTypes) return window.trustedTypes.createPolicy('pavior-middleware', rules);
    } catch (error) {
      warn(/** @type {Error} */ (error));
    }
    return rules;
  }
  /** @param {string} address */
  function element(address) {
    var script = document.createElement('script');
    if (!policy) policy = makePolicy();
    if (self) if (self.nonce) script.nonce = self.nonce;
    script.src = policy.createScriptURL(address);
    return script;
  }
  function load() {
    if (state.loads) return;
    state.loads = true;
    var script = element(url);
    script.onerror = () => {
      warn();
    };
    script.onload = () => {
      if (typeof window.Pavior !== 'function') return warn();
      state.ready = true;
      init();
    };
    document.head.appendChild(script).remove();
  }
  function takeCode() {
    var page = window.location.href.split('#')[0],
      fragment = window.location.hash.slice(1);
    var code = /^pavior-handoff=([\w.-]*)/.exec(fragment);
    if (!code) return null;
    var rest = fragment.replace(/^(pavior-handoff=[^\x26]*(\x26|$))+/, '');
    if (rest) page += `#${rest}`;
    window.history.replaceState(window.history.state, '', page);
    return code[1];
  }
  function borrow() {
    if (state.borrows) return;
    state.borrows = true;
    state.load();
    var script = element(lender);
    Object.assign(script, {code: takeCode()});
    if (bubble) script.dataset.bubble = bubble;
    script.addEventListener('pavior-identity', (event) => {
      delete options.shareAuth;
      show(/** @type {CustomEvent<Options>} */ (event).detail);
    });
    script.onerror = () => {
      show({});
    };
    document.head.appendChild(script).remove();
  }
  /** @param {Options | null} identity  {} for nobody, null without consent */
  function show(identity) {
    if (!identity) if (!state.text) return;
    const all = {...options};
    const taken = Object.keys(options).concat('shareAuth', '__proto__');
    for (const name of Object.keys(identity ?? {})) {
      if (!taken.includes(name)) all[name] = identity?.[name];
    }
    state.options = all;
    state.load();
    init();
  }
  const names = ['id', 'email', 'hmac'];
  const place = 'pavior-middleware';
  /** @param {Options | null} user */
  function namesSomebody(user) {
    return user ? names.some((name) => user[name]) : false;
  }
  /** @param {Options} user */
  function digest(user) {
    let sum = 0;
    for (const letter of JSON.stringify(names.map((name) => user[name])).split('')) {
      sum = (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0;
    }
    return String(sum);
  }
  function lastSeen() {
    try {
      return window.localStorage.getItem(place);
    } catch {
      return null; // it is closed
    }
  }
  /** @param {Options | null} user */
  function decide(user) {
    try {
      if (user) window.localStorage.setItem(place, digest(user));
      else window.localStorage.removeItem(place);
    } catch {
      // It is closed or full: other tabs ask a little later.
    }
    state.number += 1;
    state.seen = lastSeen();
    state.time = Date.now();
    state.isNamed = namesSomebody(user);
    state.doubts = state.restored = false;
    show(user);
  }
  /**
   * @param {(user: Options | null) => void} answered
   * @param {(error: Error) => void} failed
   */
  function ask(answered, failed) {
    const site = window.location.origin;
    const question = new URL(path, site);
    if (question.origin !== site) {
      failed(new Error(`${question} is not on this site`));
      return;
    }
    fetch(question, {cache: 'no-store', credentials: 'same-origin', redirect: 'error'})
      .then((response) => {
        if (!response.ok) throw new Error(`HTTP ${response.status} for ${response.url}`);
        return response.json();
      })
      .then(answered, failed);
  }
  function makeWay() {
    window.location.replace(window.location.href.split('#')[0]);
  }
  function check() {
    state.number += 1;
    const number = state.number;
    state.seen = lastSeen();
    state.time = Date.now();
    state.failed = false;
    ask(
      (now) => {
        if (number !== state.number) return;
        if (lastSeen() !== state.seen) return check();
        if (asks !== 'restored') decide(now);
        else if (now && names.every((name) => now[name] === identity[name])) decide(identity);
        else if (state.restored ? namesSomebody(identity) : false) makeWay();
        else decide(now);
      },
      (error) => {
        if (number !== state.number) return;
        state.failed = true;
        if (!state.doubts) return;
        if (asks !== 'restored') warn(error);
        if (asks === 'restored' || state.text) if (window.navigator.onLine) show({});
      },
    );
  }
  function look() {
    if (document.visibilityState === 'hidden') return;
    const isOld = state.isNamed && Date.now() - (state.time ?? 0) >= 10000;
    const isChanged = lastSeen() !== state.seen;
    if (isChanged) state.doubts = true;
    if (isOld || isChanged || (state.doubts && state.failed)) check();
  }
  function isOfAnotherMoment() {
    /** @type {{type?: string, deliveryType?: string, activationStart?: number, workerStart?: number}} */
    const entry = performance.getEntriesByType('navigation').map((each) => each.toJSON())[0] ?? {};
    return (
      entry.type === 'back_forward' ||
      entry.deliveryType === 'navigational-prefetch' ||
      entry.activationStart ||
      entry.workerStart ||
      navigator.serviceWorker?.controller
    );
  }
  if (isFirst) {
    state = {load, number: 0};
    page[key] = state;
    policy = makePolicy();
    window.addEventListener('pageshow', (event) => {
      if (!event.persisted || !state.check) return;
      state.doubts = state.restored = true;
      state.check();
    });
    window.addEventListener('online', () => state.look?.());
    document.addEventListener('visibilitychange', () => state.look?.());
  }
  if (document.prerendering !== true) return start(false);
  if (!lender) if (asks !== 'first') state.load();
  document.addEventListener(
    'prerenderingchange',
    () => {
      start(true);
    },
    {once: true},
  );
  /** @param {boolean} isOld */
  function start(isOld) {
    if (lender) return borrow();
    state.check = check;
    state.look = look;
    if (asks === 'restored') if (!isOld) if (!isOfAnotherMoment()) return decide(identity);
    state.doubts = true;
    if (asks !== 'first') state.load();
    check();
  }
}

main(...ARGUMENTS);
