/*
 * A page that borrows its login: share.js of the site that lends it says who is logged in there.
 */

import {takeCode} from '../handoff.js';

/** @typedef {import('../shared').Options} Options */
/** @typedef {import('../shared').Page} Page */

const LONGEST_WAIT = 10000; // milliseconds; share.js answers in half of that, or leads away

let isBorrowing = false;
let isSilent = true;

/**
 * Leave `shareAuth` out of what init gets, which would let the embed borrow, too.
 *
 * @param {Page} page
 */
function withoutLender(page) {
  const {shareAuth, ...site} = page.data.site;
  page.data = {...page.data, site};
}

/**
 * Load share.js once, with the code of a handoff, and pass on each user that it tells of.
 *
 * @param {Page} page
 * @param {(user: Options) => void} hear
 */
export function borrow(page, hear) {
  if (!isSilent) withoutLender(page); // of a page that a visit has brought
  if (isBorrowing) return;
  isBorrowing = true;
  page.load();
  const url = /** @type {string} */ (page.data.lender);
  function giveUp() {
    // The embed may know what to do about `shareAuth`.
    page.show({});
  }
  function giveUpIfSilent() {
    if (!isSilent) return;
    console.warn(`Pavior: ${url} says nothing`);
    giveUp();
  }
  // It may fail to parse.
  const script = page.script(url, () => setTimeout(giveUpIfSilent, LONGEST_WAIT), giveUp);
  Object.assign(script, {code: takeCode()});
  if (page.data.bubble) script.dataset.bubble = page.data.bubble;
  script.addEventListener('pavior-identity', (event) => {
    isSilent = false;
    withoutLender(page);
    hear(/** @type {CustomEvent<Options>} */ (event).detail);
  });
}
