/*
 * A page that borrows its login: share.js of the site that lends it says who is logged in there.
 */

import {takeCode} from '../handoff.js';

/** @typedef {import('../shared').Options} Options */
/** @typedef {import('../shared').Page} Page */

const LONGEST_WAIT = 10000; // milliseconds; share.js answers in half of that, or leads away

let isBorrowing = false;

/**
 * Load share.js once, with the code of a handoff, and name each user that it tells of.
 *
 * @param {Page} page
 */
export function borrow(page) {
  if (isBorrowing) return;
  isBorrowing = true;
  page.load();
  let isSilent = true;
  function giveUp() {
    // The embed may know what to do about `shareAuth`.
    if (isSilent) page.show({});
  }
  const script = page.script(
    /** @type {string} */ (page.data.lender),
    () => setTimeout(giveUp, LONGEST_WAIT), // it may have failed to parse
    giveUp,
  );
  Object.assign(script, {code: takeCode()});
  if (page.data.bubble) script.dataset.bubble = page.data.bubble;
  script.addEventListener('pavior-identity', (event) => {
    isSilent = false;
    const {shareAuth, ...site} = page.data.site;
    page.data = {...page.data, site};
    page.show(/** @type {CustomEvent<Options>} */ (event).detail);
  });
}
