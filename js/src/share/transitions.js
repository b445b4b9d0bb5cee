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
/** @typedef {import('./knowledge').Said} Said */
/** @typedef {import('./knowledge').Trip} Trip */
/** @typedef {import('./knowledge').Way} Way */
/** @typedef {import('./knowledge').Transition<[]>} Simple */

const NOBODY = {loan: null, named: {}};

/** Whoever a trip that is still under way brings is not who is asked for now. */
const LEARNED = {trip: null, trips: null};

/** Nor is whoever was there before. */
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
    // The hint may also be all that a trip brings, time and again.
    return {...LED, trips: (trip && !isFromLender && trips) || 0};
  }
  if (trip && code !== null) return {trip: null, back: trip.verifier};
  // It is back without a code, and is not sent again.
  return trip?.to === address && isNavigation ? LEARNED : {trip: null};
}

/**
 * The lender leads the tab to a page that is open. Nobody but its user may be known here now; until the
 * tab has learned who that is, its pages ask, and go to the lender for that, though not for ever.
 *
 * @type {Simple}
 */
export const led = () => LED;

/**
 * The tab may know somebody. Of a loan by the cookie, the cookie tells more.
 *
 * @type {Simple}
 */
export const recall = ({loan, named}) => ({
  named: loan && loan.way !== 'cookie' ? loan.identity : named,
});

/** @type {Simple} */
export const question = ({turn}) => ({turn: turn + 1});

/**
 * An answer, or none at all.
 *
 * @param {Known} known
 * @param {Said} said
 * @param {Way | 'none'} way
 * @param {number} [turn]  of its question; an answer counts only if that is the latest
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
  // It says neither who is there nor that nobody is. A loan ends that this way has brought, or that the
  // cookie would have told of, if it came along.
  const lasts = loan && loan.way !== way && (!hasAccess || loan.way === 'code');
  return {...(lasts ? {named: loan.identity} : NOBODY), left: way === 'none' ? left : null};
}

/**
 * The lender does not take the code. If it failed, another one may be taken.
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
 * The page asks for whoever is logged in now.
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
