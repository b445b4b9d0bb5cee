/*
 * Borrows the login of the site that serves this file, for the page that loads it.
 *
 *   <script src="https://auth.example.com/.well-known/pavior/share.js"
 *     data-init='{"teamVanityId": "…", "doChat": true, "doTimeTravel": true}'></script>
 *
 * loads Pavior's embed and calls init with these options and the borrowed identity, once it is
 * known and when it changes. Further attributes: data-embed, the embed's URL; data-bubble, a
 * selector of the bubble (in an open shadow tree: "host >>> bubble"), whose first click then asks
 * the browser for this site's cookie.
 *
 * Without data-init it only dispatches an event "pavior-identity" on the script element, each time:
 * `detail` is {id, email, hmac}, those that apply, or {} for nobody. Before it inserts the element,
 * the loader may set on it `code`, a handoff's code, and `bubble`, a function that returns the
 * bubble; so may an embed, in `Pavior.bubble`.
 *
 * An event "pavior:refresh" on the window makes it ask again.
 */
(() => {
  'use strict';

  // Markup with the name of a property takes its place in the document.
  const {get} = Object.getOwnPropertyDescriptor(Document.prototype, 'currentScript');
  const script = get.call(document);
  if (!script) {
    console.warn('Pavior: load share.js with a plain <script src>, not as a module.');
    return;
  }
  const lender = new URL(script.src).origin;
  const base = new URL('.', script.src);
  const LONGEST_WAIT = 5000; // milliseconds
  const SHORTEST_LOAN = 5; // seconds
  const LONGEST_PAUSE = 10000; // milliseconds; a click counts for five seconds
  const LONGEST_ADDRESS = 4000; // characters; some servers take little more
  const MOST_TRIPS = 2;
  const handsOff = true; // whether the lender has a handoff; it says so here

  // What the tab keeps: the loan, and what it knows of its way by the lender.

  const KEY = 'pavior-share ' + base.href;
  const VERIFIER = KEY + ' verifier';
  const TRIPS = KEY + ' trips';

  function stored(key) {
    try {
      return JSON.parse(window.sessionStorage.getItem(key));
    } catch { // it is closed, or has something else there
      return null;
    }
  }

  function store(key, value) {
    try {
      window.sessionStorage.removeItem(key);
      if (value !== null) window.sessionStorage.setItem(key, JSON.stringify(value));
      return true;
    } catch { // it is closed or full
      return false;
    }
  }

  const LONGEST_NAP = 60000; // milliseconds; timers stand still while the machine sleeps
  let inMemory = null; // where the storage has no room for it, the loan lasts as long as the page
  let isStored = true;
  let timer;

  function keep(loan) {
    inMemory = loan;
    clearTimeout(timer);
    if (loan) endAt(loan.until);
    isStored = store(KEY, loan) && isStored;
  }

  function endAt(time) {
    const left = time - Date.now();
    timer = left > LONGEST_NAP
      ? setTimeout(endAt, LONGEST_NAP, time)
      : setTimeout(end, Math.max(0, left));
  }

  function kept() {
    const loan = isStored ? stored(KEY) : inMemory;
    return loan && Date.now() < loan.until ? loan : null;
  }

  const isTop = window.top === window; // frames of the same site have the same storage

  let leads = 0;
  let ownVerifier = null; // the same, however often this page asks

  // The lender led the tab here. Nobody but its user may be known here now; until the tab has
  // learned who that is, its pages ask, and go to the lender for that, though not for ever.
  function setLed(trips = 0) {
    if (!isTop) return;
    leads += 1;
    keep(null);
    store(TRIPS, trips);
    forgetTrip();
  }

  function hasLearned() {
    if (!isTop) return;
    store(TRIPS, null);
    forgetTrip();
  }

  // Whoever a trip that is still under way brings is not who is asked for now.
  function forgetTrip() {
    ownVerifier = null;
    store(VERIFIER, null);
  }

  // A page that nobody looks at does not ask, so that it keeps no session of the lender's alive.
  function end() {
    if (document.visibilityState === 'visible') {
      refresh();
      return;
    }
    keep(null);
    tell({});
  }

  // What the lender says.

  function identified(said) {
    const names = ['id', 'email', 'hmac'].filter((name) => typeof said?.[name] === 'string');
    return Object.fromEntries(names.map((name) => [name, said[name]]));
  }

  async function ask(request) {
    const response = await fetch(new URL('share-auth', base), {
      ...request, cache: 'no-store', signal: AbortSignal.timeout?.(LONGEST_WAIT),
    });
    if (!response.ok) {
      throw Object.assign(new Error('HTTP ' + response.status), {status: response.status});
    }
    const seconds = response.headers.get('Pavior-Expires-In');
    const identity = identified(await response.json());
    return {
      identity,
      seconds: seconds === null ? null : Number(seconds),
      hasAccess: response.headers.get('Pavior-Storage-Access') === 'active',
    };
  }

  function isSomebody(identity) {
    return Object.keys(identity).length > 0;
  }

  // If the lender says neither who is there nor that nobody is, the loan lasts;
  // but not one that this way has brought, nor one by the cookie, if that would have come along.
  function take({identity, seconds, hasAccess}, way) {
    if (isSomebody(identity) || seconds === 0) hasLearned();
    if (isSomebody(identity)) {
      removeFrame();
      keep({identity, until: Date.now() + Math.max(seconds || 0, SHORTEST_LOAN) * 1000, way});
      tell(identity);
      return;
    }
    const loan = kept();
    const isOver = seconds === 0 || loan?.way === way || (hasAccess && loan?.way !== 'code');
    const left = isOver ? null : loan;
    keep(left);
    tell(left ? left.identity : {});
  }

  let told = null;

  function tell(identity) {
    const text = JSON.stringify(identity);
    if (text === told) return;
    told = text;
    script.dispatchEvent(new CustomEvent('pavior-identity', {detail: identity}));
  }

  let turn = 0; // counts what is asked, so that an older answer does not come after a newer one
  let exchanging = null; // what is to come before that

  // Asks who is there; if no cookie tells whom the lender led here, on the way.
  async function refresh() {
    turn += 1;
    const mine = turn;
    await exchanging;
    try {
      const said = mine === turn ? await ask({credentials: 'include'}) : null;
      if (mine !== turn) return;
      const isOpen = said.seconds === null; // who is there
      if (isOpen && (await askOnTheWay(mine))) return;
      if (mine !== turn) return;
      take(said, 'cookie');
      if (isOpen && !said.hasAccess && !kept()) askForAccess();
    } catch (error) {
      console.info(
        'Pavior: ' + lender + ' does not say who is logged in. It may not know '
        + window.location.host + ' as one of its Shared Authentication Domains:', error.message);
      if (mine === turn) take({identity: {}, seconds: null}, 'none');
    }
  }

  // The code, handed over in the address.

  function codeInAddress() {
    const [page, fragment] = window.location.href.split(/#(.*)/s);
    const code = /^pavior-handoff=([\w.-]*)(?=&|$)/.exec(fragment ?? '');
    if (!code) return null;
    const rest = fragment.replace(/^(pavior-handoff=[^&]*(&|$))+/, '');
    const url = page + (rest && '#' + rest);
    if (rest && document.readyState !== 'loading') window.location.replace(url); // and scroll there
    else window.history.replaceState(window.history.state, '', url);
    return code[1];
  }

  // Neither a reload nor a step in the history.
  function isNavigation() {
    return window.performance.getEntriesByType('navigation')[0]?.type === 'navigate';
  }

  function isFromLender() {
    try {
      return new URL(document.referrer).origin === lender;
    } catch { // there is none
      return false;
    }
  }

  function base64url(bytes) {
    const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
    return text.replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
  }

  // Whether somebody has begun to fill in the page, which is loaded anew if it goes to the lender.
  let isTypedIn = false;
  document.addEventListener('input', ({isTrusted}) => { isTypedIn ||= isTrusted; }, true);
  window.addEventListener('blur', () => setTimeout(() => { isTypedIn ||= isInFrame(); }));

  function focused() {
    let element = document.activeElement;
    while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
    return element;
  }

  // What they do in a frame does not show, and a frame may take the focus by itself.
  function isInFrame() {
    const frame = focused();
    return frame?.localName === 'iframe' && frame !== accessFrame
      && window.navigator.userActivation?.hasBeenActive !== false;
  }

  function isFilledIn() {
    const field = focused(); // in which it may have begun before this script did
    const isText = typeof field?.defaultValue === 'string';
    return isTypedIn || isInFrame() || (isText && field.value !== field.defaultValue);
  }

  function maySetOut() {
    const trips = stored(TRIPS);
    return trips !== null && trips < MOST_TRIPS && handsOff && lender !== window.location.origin
      && isTop && window.crypto?.subtle && !isFilledIn();
  }

  // Soon after a click or a key press, a trip looks like a link that the user follows, for which
  // there is no code (`Sec-Fetch-User`). No event says when that is over.
  async function isActivationOver() {
    const end = Date.now() + LONGEST_PAUSE;
    const isActive = () => window.navigator.userActivation?.isActive;
    while (isActive() && Date.now() < end) await new Promise((done) => setTimeout(done, 100));
    return !isActive();
  }

  // Goes to the lender, which sends the page back with a code. Without the verifier, which stays in
  // this tab, a code is worth nothing: none is of use elsewhere, and no other one is of use here.
  async function askOnTheWay(mine) {
    if (!maySetOut()) return false;
    const verifier = ownVerifier ?? base64url(window.crypto.getRandomValues(new Uint8Array(32)));
    ownVerifier = verifier;
    const text = new TextEncoder().encode(verifier);
    const digest = await window.crypto.subtle.digest('SHA-256', text);
    if (!(await isActivationOver()) || mine !== turn || !maySetOut()) return false;
    const to = window.location.href;
    const url = new URL('handoff', base);
    url.searchParams.set('to', to);
    url.searchParams.set('challenge', base64url(digest));
    if (url.href.length > LONGEST_ADDRESS) return false;
    if (!store(VERIFIER, {verifier, to}) || !store(TRIPS, stored(TRIPS) + 1)) return false;
    const policy = document.createElement('meta'); // so that the lender is told this origin
    policy.name = 'referrer';
    policy.content = 'strict-origin';
    document.head.append(policy);
    window.location.replace(url);
    setTimeout(() => take({identity: {}, seconds: null}, 'none'), LONGEST_WAIT); // if it is stopped
    return true;
  }

  async function exchange(code, verifier) {
    if (code === '') return {identity: {}, seconds: 0};
    const body = new URLSearchParams({code, verifier});
    return ask({method: 'POST', body, credentials: 'omit'});
  }

  // Returns whether the tab has learned by the code who is there.
  async function use(code, verifier) {
    const lead = leads;
    try {
      const said = await exchange(code, verifier);
      if (lead === leads) {
        take(said, 'code');
        return true;
      }
    } catch (error) {
      console.info('Pavior: ' + lender + ' does not take the code:', error.message);
      // If it failed, another one may be taken.
      if (lead === leads && error.status === 403) hasLearned();
    }
    return false;
  }

  async function begin(code) {
    const asked = isTop ? stored(VERIFIER) : null;
    if (isTop) store(VERIFIER, null);
    if (code === 'ask' || (asked === null && isNavigation() && isFromLender())) {
      // The hint may also be all that a trip brings, time and again.
      setLed(asked && !isFromLender() ? stored(TRIPS) ?? 0 : 0);
    } else if (asked !== null && code !== null) {
      exchanging = use(code, asked.verifier);
      if (await exchanging) return;
    } else if (asked?.to === window.location.href && isNavigation()) {
      hasLearned(); // it is back without a code, and is not sent again
    }
    const loan = kept();
    if (loan) {
      keep(loan);
      if (loan.way !== 'cookie') tell(loan.identity); // of the others, a cookie tells more
    }
    await refresh();
  }

  // Access to the lender's cookie, by a click on the bubble.

  const selector = script.dataset.bubble;
  const bubble = script.bubble ?? (selector ? () => find(selector) : null);
  let isAsking = false; // once a page is enough
  const MOVES = ['resize', 'scroll', 'transitionend'];

  function find(selector) {
    return selector.split('>>>').reduce(
      (found, part) => (found?.shadowRoot ?? found)?.querySelector(part) ?? null, document);
  }

  // The frame comes after the bubble, so that it lies over it.
  function askForAccess() {
    if (isAsking || !document.requestStorageAccess) return;
    isAsking = true;
    const watcher = new MutationObserver(frameWhereBubbleIs);
    watcher.observe(document, {childList: true, subtree: true});
    frameWhereBubbleIs();

    function frameWhereBubbleIs() {
      const embed = typeof window.Pavior === 'function' ? window.Pavior : null;
      const target = bubble ? bubble() : embed?.bubble;
      if (target?.isConnected) addFrame(target);
      if (target?.isConnected || (!bubble && embed && !target)) watcher.disconnect();
    }
  }

  let accessFrame = null;
  let removeFrame = () => {};

  function addFrame(target) {
    const frame = document.createElement('iframe');
    accessFrame = frame;
    frame.src = new URL('frame?origin=' + encodeURIComponent(window.location.origin), base);
    frame.title = 'Chat';
    Object.assign(frame.style, {
      position: 'fixed', border: '0', zIndex: '2147483647', colorScheme: 'normal',
      visibility: 'hidden',
    });

    // Lays the frame over the bubble, so that the click is one in the frame, as browsers want it.
    function place() {
      const box = target.getBoundingClientRect();
      Object.assign(frame.style, {
        left: box.left + 'px', top: box.top + 'px',
        width: box.width + 'px', height: box.height + 'px',
        visibility: box.width ? 'visible' : 'hidden',
      });
    }
    const watcher = new ResizeObserver(place); // which also tells when the bubble comes and goes

    function hear({source, origin, data}) {
      if (source !== frame.contentWindow || origin !== lender) return;
      if (data.pavior === 'click') {
        watcher.observe(target);
        for (const type of MOVES) window.addEventListener(type, place, true);
        return;
      }
      removeFrame();
      const identity = identified(data.identity);
      if (isSomebody(identity)) turn += 1;
      take({identity, seconds: data.seconds}, 'frame');
      if (data.isClicked) target.click();
    }
    removeFrame = () => {
      window.removeEventListener('message', hear);
      for (const type of MOVES) window.removeEventListener(type, place, true);
      watcher.disconnect();
      frame.remove();
    };
    window.addEventListener('message', hear);
    document.body.append(frame);
  }

  // On its own.

  function standAlone() {
    const {shareAuth, ...options} = JSON.parse(script.dataset.init);
    const embed = document.createElement('script');
    const url = script.dataset.embed ?? 'https://app.pavior.com/embed';
    const policy = trustedTypesPolicy(url);
    let latest = null;
    let isReady = false;
    function init() {
      if (latest && isReady) window.Pavior('init', {...options, ...latest});
    }
    script.addEventListener('pavior-identity', ({detail}) => {
      latest = detail;
      init();
    });
    embed.nonce = script.nonce;
    embed.src = policy ? policy.createScriptURL(url) : url;
    embed.onload = () => {
      isReady = typeof window.Pavior === 'function';
      if (isReady) init();
      else console.warn('Pavior: there is no chat at ' + url);
    };
    embed.onerror = () => console.warn('Pavior: the chat could not be loaded from ' + url);
    document.head.append(embed);
  }

  // A policy that made any URL would undo the page's own restriction.
  function trustedTypesPolicy(url) {
    function createScriptURL(made) {
      if (made === url) return made;
      throw new TypeError('Pavior: not a URL of the chat');
    }
    try {
      return window.trustedTypes?.createPolicy('pavior-middleware', {createScriptURL});
    } catch { // the page's policy has no place for its name, and may not ask for it either
      return null;
    }
  }

  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') refresh();
  });
  window.addEventListener('pageshow', (event) => {
    if (event.persisted) refresh();
  });
  window.addEventListener('pavior:refresh', () => {
    if (script.dataset.init === undefined) told = null; // the loader may have named nobody since
    refresh();
  });
  const code = codeInAddress();
  window.addEventListener('hashchange', () => {
    if (codeInAddress() !== 'ask') return;
    setLed(); // by a link to a page that is open already
    refresh();
  });
  if (script.dataset.init !== undefined) standAlone();
  begin(script.code === undefined ? code : script.code);
})();
