/*
 * What is known now: a pure function of what was known and of what has happened.
 */

import {MOST_TRIPS} from './limits.js';

/** @typedef {{id?: string, email?: string, hmac?: string}} Identity  {} for nobody */

/**
 * By which way it was learned who somebody is: the lender's cookie, a code from a trip to the lender,
 * or a click in the lender's frame.
 *
 * @typedef {'cookie' | 'code' | 'frame'} Way
 */

/** @typedef {{identity: Identity, until: number, way: Way}} Loan  until when, in milliseconds */

/**
 * What the tab keeps, and the pages of a tab share.
 *
 * @typedef {object} Tab
 * @property {Loan | null} loan
 * @property {number | null} trips  how often the tab has gone to the lender since that led it here;
 *   null if the tab has learned since then who is there
 * @property {Trip | null} trip  the latest one, unless it is over
 */

/** @typedef {{verifier: string, to: string}} Trip  `to` is the page that it is to come back to */

/**
 * @typedef {object} Page
 * @property {number} turn  counts questions: no answer counts that a newer question has overtaken
 * @property {number} now  the time of what happened last, in milliseconds
 * @property {string | null} [back]  the verifier of the trip that has brought a code; null once
 *   whoever it names is not who is asked for
 * @property {Identity} [named]  absent before anybody was
 * @property {Identity | null} [left]  who has logged out, though the lender may not know it yet
 */

/** @typedef {Tab & Page} Known */

/**
 * `seconds` is for how long the identity is lent. For nobody, 0 says that nobody is logged in, and
 * null that the lender cannot know. `hasAccess` says that its cookies came along.
 *
 * @typedef {{identity: Identity, seconds: number | null, hasAccess?: boolean}} Said
 */

/**
 * What something that happens changes, as `transitions.js` says.
 *
 * @template {unknown[]} Told
 * @typedef {(known: Known, ...told: Told) => Partial<Known>} Transition
 */

/**
 * @template {unknown[]} Told
 * @param {Known} known
 * @param {Transition<Told>} transition
 * @param {Told} told
 * @returns {Known}
 */
export function after(known, transition, ...told) {
  return {...known, ...transition(known, ...told)};
}

/**
 * Whether the tab may go to the lender, to learn there who is logged in.
 *
 * @param {Tab} tab
 */
export function mayTravel({trips}) {
  return trips !== null && trips < MOST_TRIPS;
}
