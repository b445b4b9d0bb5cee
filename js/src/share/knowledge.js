/*
 * What the tab and the page know: a pure function of what they knew and of what has happened.
 */

import {MOST_TRIPS} from './limits.js';

/** @typedef {{id?: string, email?: string, hmac?: string}} Identity  {} for nobody */

/**
 * How the user became known: by the lender's cookie, by a code from a trip to the lender, or by a click
 * in the lender's frame.
 *
 * @typedef {'cookie' | 'code' | 'frame'} Way
 */

/** @typedef {{identity: Identity, until: number, way: Way}} Loan  until when, in milliseconds */

/**
 * What the tab keeps, and the pages of a tab share.
 *
 * @typedef {object} Tab
 * @property {Loan | null} loan
 * @property {number | null} trips  the number of trips to the lender since the lender led the tab here;
 *   null if the tab has learned since then who is logged in
 * @property {Trip | null} trip  the latest one, unless it is over
 */

/** @typedef {{verifier: string, to: string}} Trip  `to` is the page to which the trip leads back */

/**
 * @typedef {object} Page
 * @property {number} turn  counts questions: no answer counts that a newer question has overtaken
 * @property {number} now  the time of what happened last, in milliseconds
 * @property {string | null} [back]  the verifier of the trip that has brought a code; null once the
 *   code's user does not count any more
 * @property {Identity} [named]  whom the page names; absent before the first answer
 * @property {Identity | null} [left]  who has logged out, though the lender may not know it yet
 */

/** @typedef {Tab & Page} Known */

/**
 * `seconds` is for how long the identity is lent. For nobody, 0 says that nobody is logged in, and
 * null that the lender cannot know. `hasAccess` says that its cookies came along.
 *
 * @typedef {{identity: Identity, seconds: number | null, hasAccess?: boolean}} Answer
 */

/**
 * A row of the table in `transitions.js`: it returns what an event changes.
 *
 * @template {unknown[]} Details
 * @typedef {(known: Known, ...details: Details) => Partial<Known>} Transition
 */

/**
 * @template {unknown[]} Details
 * @param {Known} known
 * @param {Transition<Details>} transition
 * @param {Details} details
 * @returns {Known}
 */
export function after(known, transition, ...details) {
  return {...known, ...transition(known, ...details)};
}

/**
 * Whether the tab may go to the lender to learn who is logged in there.
 *
 * @param {Tab} tab
 */
export function mayTravel({trips}) {
  return trips !== null && trips < MOST_TRIPS;
}
