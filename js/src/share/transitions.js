/*
 * The table of transitions: each export is a row, which says what changes when that happens.
 *
 *                 lets whom the tab        lets whom the tab is    who is named
 *                 knew count no more       led here for be asked
 *   arrival       if the lender led here   then
 *   led           yes                      yes
 *   recall                                                         who was known by a code or a click
 *   question
 *   answer        if it says so            until it says so        who it says, or who is known still
 *   refusal                                no more
 *   trip                                   once less
 *   refresh
 *   logout        yes                      no more                 nobody
 *   end           yes                                              nobody
 */

import {isSame} from '../identity.js';
import {SHORTEST_LOAN} from './limits.js';

/** @typedef {import('./knowledge').Known} Known */
/** @typedef {import('./knowledge').Answer} Answer */
/** @typedef {import('./knowledge').Trip} Trip */
/** @typedef {import('./knowledge').Way} Way */
/** @typedef {import('./knowledge').Transition<[]>} Simple */

const NOBODY = {loan: null, named: {}};

/** The user is known now, so a trip under way does not count any more. */
const LEARNED = {trip: null, trips: null};

/** The lender led here, so neither a trip under way nor the user before counts any more. */
const LED = {trip: null, trips: 0, back: null, loan: null, left: null};

/**
 * A page begins: the lender led here, or a trip is over, with a code or without, or nothing of that.
 *
 * @param {Known} known
 * @param {string | null} code  in the address
 * @param {string} address  without it
 * @param {boolean} isNavigation  neither a reload nor a step in the history
 * @param {boolean} isFromLender
 * @returns {Partial<Known>}
 */
export function arrival({trip, trips}, code, address, isNavigation, isFromLender) {
  if (code === 'ask' || (!trip && isNavigation && isFromLender)) {
    // A trip may also come back with only the hint, again and again, so its trips are counted on.
    return {...LED, trips: (trip && !isFromLender && trips) || 0};
  }
  if (trip && code !== null) return {trip: null, back: trip.verifier};
  // The page came back without a code, and is not sent again.
  return trip?.to === address && isNavigation ? LEARNED : {trip: null};
}

/**
 * The lender leads the tab to a page that is open. From now on only the lender's user may be named here.
 * Until the tab knows who that is, its pages ask, and go to the lender at most `MOST_TRIPS` times.
 *
 * @type {Simple}
 */
export const led = () => LED;

/**
 * The tab may know a user. For a loan by the cookie, the page asks first, since the cookie is newer.
 *
 * @type {Simple}
 */
export const recall = ({loan, named}) => ({
  named: loan && loan.way !== 'cookie' ? loan.identity : named,
});

/** @type {Simple} */
export const question = ({turn}) => ({turn: turn + 1});

/**
 * The lender answers, or does not answer at all.
 *
 * @param {Known} known
 * @param {Answer} answer
 * @param {Way | 'none'} way
 * @param {number} [turn]  of its question; an answer counts only if the question is the latest
 * @returns {Partial<Known>}
 */
export function answer(known, {identity, seconds, hasAccess}, way, turn = known.turn) {
  const {loan, left, now} = known;
  if (turn !== known.turn || (way === 'code' && !known.back)) return {};
  if (!isSame(identity, {})) {
    if (left && isSame(identity, left)) return {};
    const until = now + Math.max((seconds || 0) * 1000, SHORTEST_LOAN);
    return {
      ...LEARNED,
      turn: way === 'frame' ? turn + 1 : turn,
      loan: {identity, until, way: /** @type {Way} */ (way)},
      named: identity,
      left: null,
    };
  }
  if (seconds === 0) return {...LEARNED, ...NOBODY, left: null};
  // The answer names neither a user nor nobody. A loan ends if it came by the same way, or if the cookie
  // came along and would have confirmed it.
  const lasts = loan && loan.way !== way && (!hasAccess || loan.way === 'code');
  return {...(lasts ? {named: loan.identity} : NOBODY), left: way === 'none' ? left : null};
}

/**
 * The lender refuses the code.
 *
 * @type {Simple}
 */
export const refusal = ({back}) => (back ? LEARNED : {});

/**
 * The page leaves for the lender.
 *
 * @param {Known} known
 * @param {Trip} trip
 * @returns {Partial<Known>}
 */
export const trip = ({trips}, trip) => ({trip, trips: /** @type {number} */ (trips) + 1});

/**
 * The page asks who is logged in now, though the user may be the one who has logged out.
 *
 * @type {Simple}
 */
export const refresh = () => ({left: null});

/**
 * The page says that nobody is logged in. Nothing counts that was asked before, or that the tab has kept.
 *
 * @type {Simple}
 */
export const logout = ({loan, named = loan?.identity, left}) => ({
  ...LED,
  ...LEARNED,
  named: {},
  left: left ?? named,
});

/**
 * The time of a loan is over, and nobody looks at the page.
 *
 * @type {Simple}
 */
export const end = () => NOBODY;
