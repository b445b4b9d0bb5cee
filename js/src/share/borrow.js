/*
 * Asks the lender who is logged in, stores the answer, and reports it.
 */

import {takeCode} from '../handoff.js';
import * as access from './access.js';
import {standAlone} from './alone.js';
import {base, script} from './element.js';
import {after, mayTravel} from './knowledge.js';
import {request} from './lender.js';
import {LONGEST_NAP, LONGEST_WAIT} from './limits.js';
import * as tab from './tab.js';
import * as happens from './transitions.js';
import {setOut} from './trip.js';
import * as typing from './typing.js';
import {isTop} from './window.js';

/** @typedef {import('./knowledge').Known} Known */
/** @typedef {import('./knowledge').Answer} Answer */

/** @type {Answer} */
const NOTHING = {identity: {}, seconds: null};

let known = /** @type {Known} */ ({turn: 0}); // the rest is read from the tab
/** The exchange of a code, which a question waits for. @type {Promise<unknown> | undefined} */
let exchanging;
/** @type {number} */
let timer;

/**
 * Store what happens, and report the user whom it names.
 *
 * @template {unknown[]} Details
 * @param {import('./knowledge').Transition<Details>} transition
 * @param {Details} details
 */
function on(transition, ...details) {
  const before = {...known, ...tab.read(known), now: Date.now()};
  known = after(before, transition, ...details);
  const {loan, named} = known;
  tab.write(before, known);
  if (loan && loan !== before.loan) access.remove();
  if (named && JSON.stringify(named) !== JSON.stringify(before.named)) {
    script.dispatchEvent(new CustomEvent('pavior-identity', {detail: named}));
  }
  wake();
}

/** End the loan in time. */
function wake() {
  clearTimeout(timer);
  if (!known.loan) return;
  const left = known.loan.until - Date.now();
  if (left > 0) timer = setTimeout(wake, Math.min(left, LONGEST_NAP));
  // A page that nobody looks at does not ask: a question would keep the lender's session alive.
  else if (document.hidden) on(happens.end);
  else ask();
}

/** Ask the lender who is logged in; if cookies do not say it, make a trip to the lender. */
async function ask() {
  on(happens.question);
  const {turn} = known;
  await exchanging;
  try {
    if (turn !== known.turn) return;
    const answer = await request({credentials: 'include'});
    if (turn !== known.turn) return;
    const isOpen = answer.seconds === null; // the lender could not know who is logged in
    if (HANDS_OFF && isOpen && (await travel(turn))) return;
    if (turn !== known.turn) return;
    on(happens.answer, answer, 'cookie');
    if (isOpen && !answer.hasAccess && !known.loan) {
      access.ask((answer) => on(happens.answer, answer, 'frame'));
    }
  } catch (error) {
    console.info(
      `Pavior: ${base.origin} does not say who is logged in. Is ${location.host} whitelisted?`,
      /** @type {Error} */ (error).message,
    );
    on(happens.answer, NOTHING, 'none', turn);
  }
}

/**
 * @param {number} turn
 * @returns {Promise<boolean>} whether the page is on its way to the lender
 */
async function travel(turn) {
  const mayBegin = () =>
    Boolean(crypto.subtle) && // only secure contexts have it
    turn === known.turn &&
    mayTravel(tab.read(known)) &&
    base.origin !== location.origin &&
    !typing.isFilledIn();
  const isOnTheWay =
    mayBegin() &&
    (await setOut(tab.read(known).trip, mayBegin, (trip) => {
      on(happens.trip, trip);
      return tab.isStored;
    }));
  if (isOnTheWay) setTimeout(() => on(happens.answer, NOTHING, 'none'), LONGEST_WAIT); // if it is stopped
  return isOnTheWay;
}

/**
 * Exchange a code for the identity. A code that is refused is tried once more. While a lender exchanges
 * its secret key, one machine may have signed with a new key that the machine asked does not know yet.
 *
 * @param {string} code  empty for nobody
 * @param {string} verifier
 * @param {boolean} [isLast]
 * @returns {Promise<unknown>} whether the tab has learned by the code who is logged in
 */
async function use(code, verifier, isLast) {
  const body = new URLSearchParams({code, verifier});
  try {
    /** @type {Answer} */
    const answer = code
      ? await request({method: 'POST', body, credentials: 'omit'})
      : {...NOTHING, seconds: 0};
    on(happens.answer, answer, 'code');
    return known.back;
  } catch (error) {
    const {message} = /** @type {Error} */ (error);
    const isRefused = message === 'HTTP 403';
    if (isRefused && !isLast) return use(code, verifier, true);
    console.info(`Pavior: ${base.origin} does not take the code:`, message);
    if (isRefused) on(happens.refusal);
    return false;
  }
}

/** @param {string | null} code  in the address */
async function begin(code) {
  const [entry] = /** @type {any[]} */ (performance.getEntriesByType('navigation'));
  const isFromLender = document.referrer.startsWith(`${base.origin}/`);
  if (isTop) on(happens.arrival, code, location.href, entry?.type === 'navigate', isFromLender);
  if (known.back) {
    exchanging = use(/** @type {string} */ (code), known.back);
    if (await exchanging) return;
  }
  askAfter(happens.recall);
}

/** @param {import('./knowledge').Transition<[]>} transition */
function askAfter(transition) {
  on(transition);
  ask();
}

export function borrow() {
  typing.watch();
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) ask();
  });
  addEventListener('pageshow', ({persisted}) => {
    if (persisted) ask();
  });
  addEventListener('pavior:refresh', () => askAfter(happens.refresh));
  addEventListener('pavior:logout', () => askAfter(happens.logout));
  const found = takeCode();
  addEventListener('hashchange', () => {
    if (takeCode() !== 'ask') return;
    if (isTop) askAfter(happens.led);
    else ask();
  });
  if ('init' in script.dataset) standAlone(() => known.named);
  const {code = found} = script;
  begin(code);
}
