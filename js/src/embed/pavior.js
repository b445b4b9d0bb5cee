/*
 * The function that sites call, and its talk with the emulator's server.
 */

import {takeCode} from '../handoff.js';
import {identityOf, sameIdentity} from './identity.js';
import {createLenders} from './lenders.js';
import {createView} from './view.js';
import {visitor} from './visitor.js';

/**
 * @typedef {object} Options  of init; as they come from a site, of any type
 * @property {unknown} [id]
 * @property {unknown} [email]
 * @property {unknown} [hmac]
 * @property {unknown} [shareAuth]
 * @property {unknown} [doChat]
 * @property {unknown} [doTracking]
 * @property {unknown} [quadClickForFeedback]
 * @property {unknown} [firstName]
 * @property {unknown} [name]
 */

/**
 * @typedef {object} Message
 * @property {number} number
 * @property {string} text
 * @property {string} sentAt
 */

/**
 * @typedef {object} Answer  to an init
 * @property {string} session
 * @property {'anonymous' | 'lead' | 'signup'} status
 * @property {boolean} authenticated
 * @property {string | null} reason
 * @property {string | null} warning  that the page has called init as somebody else
 * @property {string | null} email
 * @property {Message[]} messages
 * @property {boolean} hasEarlier
 */

/** @typedef {Pick<Answer, 'messages' | 'hasEarlier'>} History */

/** @typedef {Pick<Answer, 'status' | 'authenticated' | 'reason'> & {options: Options}} State */

/** @typedef {import('./identity.js').Former} Former */

/**
 * @template T
 * @param {T} value
 * @returns {T}
 */
function copyOf(value) {
  return JSON.parse(JSON.stringify(value));
}

/** @param {Response} response  of the emulator, whose errors are text */
async function failureOf(response) {
  return new Error(`${await response.text()} (HTTP ${response.status})`);
}

/** @param {HTMLScriptElement} script  the embed's own element */
export function createPavior(script) {
  const code = takeCode();
  const server = new URL('.', script.src);

  let newest = 0; // the number of inits, so that the answer to an older init is recognized
  let person = 0; // the number of identities, so that nothing is sent as somebody else
  /** @type {string | null} */
  let session = null;
  /** @type {Promise<void>} */
  let connecting = Promise.resolve();
  /** @type {Options} */
  let options = {};
  /** @type {Former | null} */
  let former = null; // another identity that the page had before
  /** @type {import('./lenders.js').Lender | null} */
  let lender = null; // the site that the newest init borrows from

  const lenderAt = createLenders({
    script,
    code,
    bubble: (asking) => (asking === lender ? view.bubble : null),
    onChange(changed) {
      if (changed !== lender) return;
      person += 1;
      view.forget();
      view.wait();
      reconnect();
    },
  });

  /**
   * @param {string} name
   * @param {object} body
   */
  function call(name, body) {
    return fetch(new URL(`widget/${name}`, server), {
      method: 'POST',
      credentials: 'omit',
      headers: {'content-type': 'application/json'},
      body: JSON.stringify(body),
    });
  }

  async function connect() {
    newest += 1;
    const turn = newest;
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
      former,
      page: tracked ? {url: window.location.href, title: document.title} : undefined,
    });
    if (!response.ok) throw await failureOf(response);
    /** @type {Answer} */
    const answer = await response.json();
    if (turn !== newest) return;
    session = answer.session;
    const {status, authenticated, reason} = answer;
    Pavior.state = {status, authenticated, reason, options: copyOf(current)};
    view.show(answer, current);
    if (answer.warning) console.warn(`Pavior emulator: ${answer.warning}. The last call counts.`);
    window.dispatchEvent(new CustomEvent('pavior:ready', {detail: copyOf(Pavior.state)}));
  }

  function reconnect() {
    connecting = connect().catch((error) => {
      console.warn('Pavior emulator: init failed:', error.message);
    });
    return connecting;
  }

  // Waits for the newest init, since another one may come while an older one is under way.
  async function settled() {
    let awaited;
    do {
      awaited = connecting;
      await awaited;
    } while (awaited !== connecting);
  }

  /**
   * @param {string} text
   * @param {number} sender
   */
  async function sendOnce(text, sender) {
    await settled();
    if (sender !== person) throw new Error('somebody else is here now');
    return call('messages', {session, text});
  }

  /**
   * @param {string} text
   * @param {number} sender
   * @returns {Promise<Message>}
   */
  async function send(text, sender) {
    await settled();
    if (!session) reconnect();
    let response = await sendOnce(text, sender);
    if (response.status === 410) {
      reconnect(); // the emulator was restarted, or its inbox cleared
      response = await sendOnce(text, sender);
    }
    if (!response.ok) throw await failureOf(response);
    return response.json();
  }

  /**
   * @param {number} before  a message's number
   * @returns {Promise<History | null>}
   */
  async function earlier(before) {
    const reader = person;
    const response = await call('earlier', {session, before});
    if (!response.ok) throw await failureOf(response);
    const history = await response.json();
    return reader === person ? history : null;
  }

  /**
   * @param {string} command
   * @param {unknown} [given]
   */
  function Pavior(command, given) {
    /** @type {unknown} */
    let copy;
    try {
      copy = copyOf(given ?? {});
    } catch (error) {
      const {message} = /** @type {Error} */ (error);
      console.error('Pavior emulator: the options are not JSON:', message);
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
    init(copy);
  }

  /** @param {Options} given */
  function init(given) {
    if (!sameIdentity(options, given)) {
      if (newest) former = identityOf(options);
      person += 1;
      view.forget();
    }
    options = given;
    const {shareAuth} = given;
    lender = typeof shareAuth === 'string' && shareAuth ? lenderAt(shareAuth) : null;
    view.use(given);
    reconnect();
  }

  const view = createView({person: () => person, send, earlier});
  /** @type {{command: string, options: unknown}[]} */
  Pavior.calls = [];
  /** @type {State | null} */
  Pavior.state = null;
  Pavior.bubble = view.bubble; // where share.js may lay its frame
  return Pavior;
}
