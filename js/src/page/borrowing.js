/*
 * A page that borrows its login: share.js of the site that lends it says who is logged in there.
 */

import {takeCode} from '../handoff.js';
import {page} from './shared.js';

/** @typedef {import('../shared').Data} Data */
/** @typedef {import('../shared').Options} Options */

const LONGEST_WAIT = 10000; // milliseconds; share.js answers in half of that, or leads away

/** Whom share.js named last. @type {Options | undefined} */
let heard;

/** @param {Options} user */
function show(user) {
  page.named = user;
  page.tell();
}

/** @param {Options} user */
function hear(user) {
  heard = user;
  // The embed would borrow, too.
  const {shareAuth, ...site} = page.site;
  page.site = site;
  show(user);
}

/** Load share.js, with the code of a handoff. */
export function begin() {
  const url = page.urls[3];
  function giveUp() {
    if (heard) return;
    console.warn(`Pavior: ${url} does not say who is logged in`);
    show({}); // the embed may know what to do about `shareAuth`
  }
  const script = /** @type {HTMLScriptElement} */ (page.load(3));
  Object.assign(script, {code: takeCode()}); // before it runs
  if (page.bubble) script.dataset.bubble = page.bubble;
  script.addEventListener('pavior-identity', (event) => {
    hear(/** @type {CustomEvent<Options>} */ (event).detail);
  });
  script.onload = () => setTimeout(giveUp, LONGEST_WAIT); // it may have failed to parse
  script.onerror = giveUp;
}

/** @param {Data} data  of a page that a visit has brought */
export function arrive({site}) {
  page.site = site;
  if (heard) hear(heard);
}

/** Name whom share.js names, which asks by itself. */
export function refresh() {
  if (heard) show(heard);
}

/** Name nobody, until share.js tells of somebody else. */
export function logOut() {
  if (page.named) show({});
}
