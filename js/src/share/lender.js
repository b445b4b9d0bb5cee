/*
 * Asks the lender who is logged in.
 */

import {identified} from '../identity.js';
import {base} from './element.js';
import {LONGEST_WAIT} from './limits.js';

/**
 * @param {RequestInit} init
 * @returns {Promise<import('./knowledge').Answer>}
 */
export async function request(init) {
  const response = await fetch(`${base}share-auth`, {
    ...init,
    cache: 'no-store',
    signal: AbortSignal.timeout?.(LONGEST_WAIT),
  });
  const {headers, ok, status} = response;
  if (!ok) throw new Error(`HTTP ${status}`);
  const seconds = headers.get('Pavior-Expires-In');
  return {
    identity: identified(await response.json()),
    seconds: /** @type {number | null} */ (seconds && +seconds),
    hasAccess: headers.has('Pavior-Storage-Access'),
  };
}
