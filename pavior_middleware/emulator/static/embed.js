/*
 * The widget, served as /embed: defines the global function Pavior.
 *
 *   Pavior('init', {teamVanityId, doChat, doTimeTravel, doTracking, quadClickForFeedback,
 *                   id, email, hmac | shareAuth, firstName, lastName, name, phone, …})
 *
 * For a developer's console and for tests:
 *
 *   Pavior.calls   every call so far: [{command, options}]
 *   Pavior.state   the newest init's result, as in the event below; null until there is one
 *   'pavior:ready' on window, once the server has answered the newest init, and again when the
 *                  login that it borrows has changed; its detail is
 *                  {status: 'anonymous' | 'lead' | 'signup', authenticated, reason, options}
 *
 * An init that a newer one overtakes has no event. Every text from elsewhere is set as text.
 *
 * With `shareAuth`, a domain, the identity is the one that share.js of that domain tells. The embed
 * takes a handoff's code out of the address bar when it is loaded, so load it before other scripts.
 */
(() => {
  'use strict';

  if (typeof window.Pavior === 'function' && Array.isArray(window.Pavior.calls)) return;

  // Markup with the name of a property takes its place in the document.
  const {get} = Object.getOwnPropertyDescriptor(Document.prototype, 'currentScript');
  const script = get.call(document);
  if (!script) {
    console.error('Pavior emulator: load /embed with a plain <script src>, not as a module.');
    return;
  }
  const handoffCode = codeInAddress();
  const server = new URL('.', script.src);
  const VISITOR_KEY = 'pavior-emulator-visitor';
  const SHARE_SCRIPT_PATH = '/.well-known/pavior/share.js';
  const LONGEST_LOAN_WAIT = 10000; // milliseconds
  const lenders = new Map(); // by domain, each of which has loaded its share.js

  let newest = 0; // counts inits, so that an answer to an older one is known as such
  let person = 0; // counts identities, so that nothing is sent as somebody else
  let session = null;
  let connecting = Promise.resolve();
  let options = {};
  let lender = null; // the one that the newest init borrows from
  let visitorInMemory = null;

  // ── Who is here ────────────────────────────────────────────────────────────────────────────

  function visitor() {
    try {
      const known = window.localStorage.getItem(VISITOR_KEY);
      if (known) return known;
      const fresh = visitorInMemory ?? randomName();
      window.localStorage.setItem(VISITOR_KEY, fresh);
      return fresh;
    } catch { // storage is blocked or full: the visitor lasts as long as the page
      visitorInMemory ??= randomName();
      return visitorInMemory;
    }
  }

  function randomName() {
    const bytes = window.crypto.getRandomValues(new Uint8Array(16));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  }

  // ── Who lends the identity ─────────────────────────────────────────────────────────────────

  // As in share.js, which would find the code itself, but comes later.
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

  function isLoopback(host) {
    return host === 'localhost' || host.endsWith('.localhost') || host === '127.0.0.1' || host === '[::1]';
  }

  function lenderUrl(domain) {
    const url = new URL('https://' + domain + SHARE_SCRIPT_PATH);
    if (url.username || url.password || url.pathname !== SHARE_SCRIPT_PATH || url.search || url.hash) {
      throw new TypeError('shareAuth is not a domain');
    }
    if (isLoopback(url.hostname)) url.protocol = window.location.protocol;
    return url;
  }

  function lenderAt(domain) {
    if (!lenders.has(domain)) lenders.set(domain, createLender(domain));
    return lenders.get(domain);
  }

  // Returns an object whose `loan` is a promise of {identity, failure}, in the place of which a
  // newer one is put. Whatever goes wrong, the visitor is anonymous and the page goes on.
  function createLender(domain) {
    const created = {};
    let known = null;
    created.loan = new Promise((resolve) => {
      const timer = setTimeout(fail, LONGEST_LOAN_WAIT, 'share.js tells nothing');

      function take(identity, failure) {
        clearTimeout(timer);
        const isFirst = known === null;
        if (!isFirst && sameIdentity(known, identity)) return;
        known = identity;
        if (isFirst) {
          resolve({identity, failure});
          return;
        }
        created.loan = Promise.resolve({identity, failure});
        if (created === lender) greetAnother();
      }

      function fail(failure) {
        console.info('Pavior emulator: ' + domain + ' lent no identity:', failure);
        take({}, failure);
      }

      try {
        const loader = document.createElement('script');
        loader.src = lenderUrl(domain);
        loader.nonce = script.nonce;
        loader.code = handoffCode;
        loader.bubble = () => (created === lender ? view.bubble : null);
        loader.addEventListener('pavior-identity', ({detail}) => take(detail));
        loader.addEventListener('error', () => {
          lenders.delete(domain); // so that another init tries again
          fail('share.js could not be loaded');
        });
        document.head.append(loader);
      } catch (error) { // no domain, or a page whose policy asks for Trusted Types
        fail(String(error.message));
      }
    });
    return created;
  }

  function greetAnother() {
    person += 1;
    view.forget();
    view.wait();
    reconnect();
  }

  // ── The server ─────────────────────────────────────────────────────────────────────────────

  function call(name, body) {
    return fetch(new URL('widget/' + name, server), {
      method: 'POST',
      credentials: 'omit',
      headers: {'content-type': 'application/json'},
      body: JSON.stringify(body),
    });
  }

  async function connect() {
    const turn = ++newest;
    const current = options;
    session = null;
    const loan = await lender?.loan;
    if (turn !== newest) return;
    const tracked = current.doTracking !== false;
    const response = await call('init', {
      options: current,
      visitor: visitor(),
      borrowed: loan?.identity,
      borrowFailure: loan?.failure,
      page: tracked ? {url: window.location.href, title: document.title} : undefined,
    });
    if (!response.ok) throw new Error('HTTP ' + response.status + ' for init');
    const answer = await response.json();
    if (turn !== newest) return;
    session = answer.session;
    const {status, authenticated, reason} = answer;
    Pavior.state = {status, authenticated, reason, options: copyOf(current)};
    view.show(answer, current);
    window.dispatchEvent(new CustomEvent('pavior:ready', {detail: copyOf(Pavior.state)}));
  }

  function reconnect() {
    connecting = connect().catch((error) => {
      console.warn('Pavior emulator: init failed:', error.message);
    });
    return connecting;
  }

  // Waits for the newest init, should another one come while an older one is under way.
  async function settled() {
    let awaited;
    do {
      awaited = connecting;
      await awaited;
    } while (awaited !== connecting);
  }

  async function sendOnce(text, sender) {
    await settled();
    if (sender !== person) throw new Error('somebody else is here now');
    return call('messages', {session, text});
  }

  async function send(text, sender) {
    await settled();
    if (!session) reconnect();
    let response = await sendOnce(text, sender);
    if (response.status === 410) { // the emulator was restarted, or its inbox cleared
      reconnect();
      response = await sendOnce(text, sender);
    }
    if (!response.ok) throw new Error('HTTP ' + response.status);
    return response.json();
  }

  // ── The call that sites make ───────────────────────────────────────────────────────────────

  function copyOf(value) {
    return JSON.parse(JSON.stringify(value));
  }

  function sameIdentity(one, other) {
    return ['id', 'email', 'hmac', 'shareAuth'].every(
      (name) => JSON.stringify(one[name]) === JSON.stringify(other[name]));
  }

  function Pavior(command, given) {
    let copy;
    try {
      copy = copyOf(given ?? {});
    } catch (error) {
      console.error('Pavior emulator: the options are not JSON:', error.message);
      return;
    }
    Pavior.calls.push({command, options: copy});
    if (command !== 'init') {
      console.warn('Pavior emulator: unknown command', command);
      return;
    }
    if (copy === null || typeof copy !== 'object' || Array.isArray(copy)) {
      console.error('Pavior emulator: the options of init are not an object.');
      return;
    }
    if (!sameIdentity(options, copy)) {
      person += 1;
      view.forget();
    }
    options = copy;
    const {shareAuth} = copy;
    lender = typeof shareAuth === 'string' && shareAuth ? lenderAt(shareAuth) : null;
    view.use(copy);
    reconnect();
  }
  Pavior.calls = [];
  Pavior.state = null;

  // ── What people see ────────────────────────────────────────────────────────────────────────

  const STYLE = `
    :host { all: initial !important; }
    * { box-sizing: border-box; margin: 0; padding: 0; }
    [hidden] { display: none !important; }
    .frame {
      --surface: #ffffff; --raised: #f5f4f2; --line: #e3e0dc; --field-line: #8a837b;
      --text: #1c1917; --quiet: #5f5953; --accent: #0f766e; --accent-strong: #0b5c56;
      --on-accent: #ffffff; --bad: #b3261e; --bad-soft: #fdecea;
      color-scheme: light;
      position: fixed; inset-block-end: 1.25rem; inset-inline-end: 1.25rem; z-index: 2147483647;
      display: flex; flex-direction: column; align-items: flex-end; gap: 0.875rem;
      font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif;
      color: var(--text); overflow-wrap: anywhere; text-align: start;
      pointer-events: none;
    }
    .frame > * { pointer-events: auto; }
    @media (prefers-color-scheme: dark) {
      .frame {
        --surface: #1c1a18; --raised: #2a2724; --line: #3a3632; --field-line: #7d756d;
        --text: #f2efec; --quiet: #b0a79e; --accent: #5ecabb; --accent-strong: #82dccf;
        --on-accent: #06201d; --bad: #ffa79f; --bad-soft: #3a1a17;
        color-scheme: dark;
      }
    }
    button { font: inherit; cursor: pointer; border: 0; background: var(--accent); color: var(--on-accent); }
    button:hover { background: var(--accent-strong); }
    :focus-visible { outline: 3px solid var(--accent); outline-offset: 3px; }
    .bubble {
      width: 3.5rem; height: 3.5rem; border-radius: 50%; display: grid; place-items: center;
      box-shadow: 0 2px 6px rgb(28 25 23 / 20%), 0 8px 24px rgb(28 25 23 / 18%);
      transition: transform 120ms ease-out, background-color 120ms;
    }
    .bubble:hover { transform: scale(1.05); }
    .bubble svg { width: 1.625rem; height: 1.625rem; }
    .bubble[aria-expanded="true"] .chat, .bubble[aria-expanded="false"] .cross { display: none; }
    .panel {
      width: min(23rem, calc(100vw - 2rem)); height: min(34rem, calc(100vh - 7.5rem));
      display: flex; flex-direction: column; overflow: hidden;
      background: var(--surface); border: 1px solid var(--line); border-radius: 18px;
      box-shadow: 0 4px 12px rgb(28 25 23 / 10%), 0 16px 48px rgb(28 25 23 / 18%);
      animation: rise 160ms ease-out;
    }
    @keyframes rise { from { opacity: 0; transform: translateY(0.75rem); } }
    .head { padding: 1.125rem 1.25rem; background: var(--accent); color: var(--on-accent); }
    .head h2 { font-size: 1.125rem; line-height: 1.35; letter-spacing: -0.01em; }
    .head p { font-size: 0.875rem; }
    .log { flex: 1; min-height: 0; overflow-y: auto; padding: 1rem 1.25rem; }
    .log:focus-visible { outline-offset: -4px; }
    .log ol { list-style: none; display: grid; gap: 0.75rem; justify-items: end; }
    .log li { max-width: 85%; display: grid; justify-items: end; gap: 0.1875rem; }
    .log li p {
      padding: 0.5rem 0.8125rem; border-radius: 14px 14px 4px; white-space: pre-wrap;
      background: var(--accent); color: var(--on-accent);
    }
    .log time { font-size: 0.75rem; color: var(--quiet); font-variant-numeric: tabular-nums; }
    .empty { color: var(--quiet); text-align: center; text-wrap: balance; padding: 1.5rem 1rem; }
    form { padding: 0.75rem 1rem 0.625rem; border-block-start: 1px solid var(--line); }
    label { display: block; font-size: 0.8125rem; font-weight: 600; margin-block-end: 0.3125rem; }
    .row { display: flex; gap: 0.5rem; align-items: flex-end; }
    textarea {
      flex: 1; min-width: 0; min-height: 2.625rem; max-height: 8rem; resize: none; padding: 0.5rem 0.75rem;
      font: inherit; color: inherit; background: var(--surface);
      border: 1px solid var(--field-line); border-radius: 10px; field-sizing: content;
    }
    textarea:focus-visible { outline-offset: 0; }
    .send { padding: 0 1rem; height: 2.625rem; border-radius: 10px; font-weight: 600; }
    .send[aria-disabled="true"] { opacity: 0.65; cursor: progress; }
    .alert {
      margin-block-end: 0.5rem; padding: 0.4375rem 0.75rem; border-radius: 8px; font-size: 0.875rem;
      background: var(--bad-soft); color: var(--bad);
    }
    .standing { padding: 0 1rem 0.75rem; font-size: 0.75rem; color: var(--quiet); }
    @media (max-width: 30rem) {
      .frame { inset-block-end: 1rem; inset-inline-end: 1rem; }
      .panel { height: calc(100vh - 6.5rem); height: calc(100dvh - 6.5rem); }
    }
    @media (prefers-reduced-motion: reduce) {
      *, *::before { animation: none !important; transition: none !important; }
      .bubble:hover { transform: none; }
    }
    @media (forced-colors: active) { button, .panel, .log li p { border: 1px solid; } }
  `;

  function element(tag, attributes, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  }

  function icon(name, path) {
    const namespace = 'http://www.w3.org/2000/svg';
    const svg = document.createElementNS(namespace, 'svg');
    const line = document.createElementNS(namespace, 'path');
    const look = {
      viewBox: '0 0 24 24', fill: 'none', stroke: 'currentColor', class: name,
      'stroke-width': '2', 'stroke-linecap': 'round', 'stroke-linejoin': 'round', 'aria-hidden': 'true',
    };
    for (const [attribute, value] of Object.entries(look)) svg.setAttribute(attribute, value);
    line.setAttribute('d', path);
    svg.append(line);
    return svg;
  }

  function timeOf(moment) {
    const date = new Date(moment);
    const text = date.toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'});
    return element('time', {datetime: moment}, text);
  }

  function nameIn(given, email) {
    const names = [given.firstName, given.name, given.email, email];
    return names.find((name) => typeof name === 'string' && name.trim()) ?? '';
  }

  function standingOf(answer) {
    if (answer.status === 'anonymous' && !answer.reason) return 'anonymous visitor';
    if (answer.authenticated) return 'authenticated';
    return answer.status + ' – ' + answer.reason;
  }

  function createView() {
    const title = element('h2', {id: 'title'}, 'Chat with us');
    const greeting = element('p', {});
    const list = element('ol', {});
    const empty = element('p', {class: 'empty'}, 'Write us a message. We read every one.');
    const log = element('div', {class: 'log', role: 'log', 'aria-label': 'Messages', tabindex: '0'}, empty, list);
    const alert = element('div', {role: 'alert'});
    const box = element('textarea', {id: 'message', rows: '1', autocomplete: 'off', maxlength: '10000'});
    const button = element('button', {class: 'send', type: 'submit'}, 'Send');
    const form = element('form', {},
      alert,
      element('label', {for: 'message'}, 'Message'),
      element('div', {class: 'row'}, box, button));
    const standing = element('p', {class: 'standing'});
    const panel = element('section', {class: 'panel', id: 'panel', role: 'dialog', 'aria-labelledby': 'title', hidden: ''},
      element('header', {class: 'head'}, title, greeting), log, form, standing);
    const bubble = element('button', {
      class: 'bubble', type: 'button', 'aria-label': 'Open chat', 'aria-expanded': 'false', 'aria-controls': 'panel',
    },
      icon('chat', 'M21 11.5a8.4 8.4 0 0 1-12.2 7.5L3 21l2-5.8A8.4 8.4 0 1 1 21 11.5Z'),
      icon('cross', 'M6 6l12 12M18 6L6 18'));
    const host = document.createElement('pavior-widget');
    const sheet = new CSSStyleSheet();
    let feedbackByClicks = false;
    let sending = false;

    sheet.replaceSync(STYLE);
    const shadow = host.attachShadow({mode: 'open'});
    shadow.adoptedStyleSheets = [sheet];
    shadow.append(element('div', {class: 'frame'}, panel, bubble));

    function setOpen(now) {
      panel.hidden = !now;
      bubble.setAttribute('aria-expanded', String(now));
      bubble.setAttribute('aria-label', now ? 'Close chat' : 'Open chat');
    }

    function open() {
      setOpen(true);
      log.scrollTop = log.scrollHeight;
      box.focus();
    }

    function close() {
      setOpen(false);
      bubble.focus();
    }

    function add(message) {
      const key = message.number + ' ' + message.sentAt;
      if ([...list.children].some((item) => item.dataset.key === key)) return;
      list.append(element('li', {'data-key': key}, element('p', {}, message.text), timeOf(message.sentAt)));
      empty.hidden = true;
      log.scrollTop = log.scrollHeight;
    }

    function complain(text) {
      alert.className = text ? 'alert' : '';
      alert.textContent = text;
    }

    function setSending(now) {
      sending = now;
      button.setAttribute('aria-disabled', String(now)); // not `disabled`, which would drop the focus
    }

    async function submit() {
      const text = box.value;
      const sender = person;
      if (sending || !text.trim()) return;
      setSending(true);
      complain('');
      try {
        const message = await send(text, sender);
        if (sender !== person) return;
        add(message);
        if (box.value === text) box.value = '';
      } catch (error) {
        console.warn('Pavior emulator: the message was not sent:', error.message);
        if (sender === person) complain('Your message could not be sent. It is still here: please try again.');
      } finally {
        setSending(false);
      }
    }

    form.addEventListener('submit', (event) => {
      event.preventDefault();
      submit();
    });
    box.addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        submit();
      }
    });
    bubble.addEventListener('click', () => (panel.hidden ? open() : close()));
    for (const type of ['keydown', 'keypress', 'keyup']) {
      shadow.addEventListener(type, (event) => {
        if (type === 'keydown' && event.key === 'Escape' && !panel.hidden) close();
        event.stopPropagation(); // what is typed here is no shortcut of the page's
      });
    }
    document.addEventListener('click', (event) => {
      if (feedbackByClicks && event.detail === 4 && host.isConnected && event.target !== host) open();
    });

    function place() {
      if (options.doChat === false) {
        setOpen(false);
        host.remove();
      } else if (!host.isConnected) {
        document.body.append(host);
      }
    }

    function wait() {
      greeting.textContent = '';
      standing.textContent = 'Connecting…';
    }

    return {
      bubble,
      wait,
      /* Take up an init's options; the server's answer comes later. */
      use(given) {
        feedbackByClicks = given.quadClickForFeedback === true;
        wait();
        if (document.body) place();
        else document.addEventListener('DOMContentLoaded', place, {once: true});
      },
      /* Somebody else is here now: nothing of the one before may stay. */
      forget() {
        list.replaceChildren();
        empty.hidden = false;
        box.value = '';
        complain('');
      },
      show(answer, given) {
        const name = nameIn(given, answer.email);
        title.textContent = name ? 'Hello ' + name : 'Chat with us';
        greeting.textContent = name ? 'How can we help?' : 'Ask us anything.';
        standing.textContent = 'Emulator: ' + standingOf(answer);
        answer.messages.forEach(add);
      },
    };
  }

  const view = createView();
  Pavior.bubble = view.bubble; // where share.js may lay its frame
  window.Pavior = Pavior;
})();
