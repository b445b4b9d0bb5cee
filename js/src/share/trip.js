/*
 * The trip to the lender, which sends the page back with a code. A code works only with its verifier,
 * which stays in this tab. So the code of a trip is of no use elsewhere, and no other code works here.
 */

import {base} from './element.js';
import {LONGEST_ADDRESS, MOST_PAUSES, PAUSE} from './limits.js';

/** @typedef {import('./knowledge').Trip} Trip */

/** @param {ArrayBuffer | Uint8Array<ArrayBuffer>} bytes  32 */
function base64url(bytes) {
  const text = btoa(String.fromCharCode(...new Uint8Array(bytes)));
  return text.replace(/\+/g, '-').replace(/\//g, '_').replace('=', '');
}

/**
 * @param {Trip | null} other  another trip that may be under way; both have the same verifier then
 * @param {() => boolean} mayBegin
 * @param {(trip: Trip) => boolean} keep
 * @returns {Promise<boolean>} whether the page is on its way
 */
export async function setOut(other, mayBegin, keep) {
  const verifier = other?.verifier ?? base64url(crypto.getRandomValues(new Uint8Array(32)));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(verifier));
  // Soon after a click or a key press, a trip looks like a link that the user follows
  // (`Sec-Fetch-User`), and the lender gives no code for a link. No event says when that is over.
  for (let pauses = MOST_PAUSES; navigator.userActivation?.isActive; pauses -= 1) {
    if (!pauses) return false;
    await new Promise((done) => setTimeout(done, PAUSE));
  }
  const to = location.href;
  const url = `${base}handoff?${new URLSearchParams({to, challenge: base64url(digest)})}`;
  if (!mayBegin() || url.length > LONGEST_ADDRESS || !keep({verifier, to})) return false;
  const policy = document.createElement('meta'); // so that the lender gets this origin
  policy.name = 'referrer';
  policy.content = 'strict-origin';
  document.head.append(policy);
  location.replace(url);
  return true;
}
