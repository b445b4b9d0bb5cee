import {NAMES} from '../identity.js';

/** @typedef {{id?: unknown, email?: unknown, hmac?: unknown, shareAuth?: unknown}} Identity */

/**
 * @param {Identity} one
 * @param {Identity} other
 */
export function sameIdentity(one, other) {
  return /** @type {const} */ ([...NAMES, 'shareAuth']).every(
    (name) => JSON.stringify(one[name]) === JSON.stringify(other[name]),
  );
}
