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

/**
 * @typedef {object} Former  an identity that a page had, without its hmac
 * @property {unknown} [id]
 * @property {unknown} [email]
 * @property {unknown} [shareAuth]
 * @property {boolean} hmac  whether there was one
 */

/**
 * @param {Identity} identity
 * @returns {Former}
 */
export function identityOf({id, email, shareAuth, hmac}) {
  return {id, email, shareAuth, hmac: Boolean(hmac)};
}
