/*
 * The question who is logged in, which only the site itself can answer.
 */

import {stored} from './tabs.js';

/** @typedef {import('../shared').Options} Options */
/** @typedef {import('../shared').Page} Page */

/**
 * Ask. An answer counts only if nothing newer was asked or learned meanwhile.
 *
 * @param {Page} page
 * @param {(user: Options | null, isNewest: boolean) => void} onAnswer  takes who is logged in, {} for
 *   nobody, and null if there is no consent; and whether no other tab has learned more meanwhile
 * @param {(error: Error) => void} onFailure
 */
export async function ask(page, onAnswer, onFailure) {
  page.turn += 1;
  const mine = page.turn;
  const before = stored();
  try {
    const user = await answer(page.data.root ?? '');
    if (mine === page.turn) onAnswer(user, stored() === before);
  } catch (error) {
    if (mine === page.turn) onFailure(/** @type {Error} */ (error));
  }
}

/**
 * @param {string} root
 * @returns {Promise<Options | null>}
 */
async function answer(root) {
  // The page's own origin, whatever its `<base>` says, and whatever the path is.
  const url = new URL(`.${root}/.well-known/pavior/share-auth`, window.location.origin);
  const response = await fetch(url, {
    cache: 'no-store',
    credentials: 'same-origin',
    redirect: 'error',
  });
  if (!response.ok) throw new Error(`HTTP ${response.status} for ${url}`);
  const user = await response.json();
  if (user) delete user.shareAuth; // an option of the site's
  return user;
}

/**
 * Do something once, when the network or somebody comes back; not if more was learned by then.
 *
 * @param {Page} page
 * @param {() => void} action
 */
export function whenBack(page, action) {
  const mine = page.turn;
  function back() {
    if (document.hidden) return;
    window.removeEventListener('online', back);
    document.removeEventListener('visibilitychange', back);
    if (mine === page.turn) action();
  }
  window.addEventListener('online', back);
  document.addEventListener('visibilitychange', back);
}
