/*
 * Asks the site who is logged in.
 */

import {page} from './shared.js';
import {stored} from './tabs.js';

/** @typedef {import('../shared').Options} Options */

// The path is relative to the file, on the page's own origin. The page's `<base>` has no effect.
const url = new URL('share-auth', new URL(page.urls[1], location.href));

let turn = 0;

/** Ignore answers that are still to come, since something newer is known. */
export function overtake() {
  turn += 1;
}

/**
 * Ask. An answer counts only if nothing newer was asked or learned meanwhile, here or in another tab.
 *
 * @param {(user: Options | null) => void} onAnswer  takes who is logged in, {} for nobody, and null
 *   if there is no consent
 * @param {() => void} onFailure
 */
export async function ask(onAnswer, onFailure) {
  overtake();
  const mine = turn;
  const before = stored();
  let user;
  try {
    const response = await fetch(url, {cache: 'no-store', redirect: 'error'});
    if (!response.ok) throw response.status;
    user = await response.json();
  } catch (error) {
    if (mine === turn) {
      console.warn(`Pavior: cannot load ${url}`, error);
      onFailure();
    }
    return;
  }
  if (mine === turn) {
    if (stored() === before) onAnswer(user);
    else ask(onAnswer, onFailure);
  }
}
