/*
 * A page that borrows its login: share.js of the site that lends it says who is logged in there.
 */

import {takeCode} from '../handoff.js';
import {isSame} from '../identity.js';
import {page} from './shared.js';

/** @typedef {import('../shared').Data} Data */
/** @typedef {import('../shared').Options} Options */

const LONGEST_WAIT = 10000; // milliseconds; share.js answers or leaves the page in half of that

/** Whom share.js named last. @type {Options | undefined} */
let heard;

/** @param {Options} user */
function show(user) {
  page.named = user;
  page.tell();
}

/** @param {Options} user */
function hear(user) {
  // The answer that the embed got by `shareAuth` may be about an earlier user.
  const isNews = !heard || !page.named || !isSame(user, page.named);
  heard = user;
  // The embed would borrow, too.
  const {shareAuth, ...site} = page.site;
  page.site = site;
  if (isNews) show(user);
}

/** Load share.js, with the code of a handoff. */
export function begin() {
  const url = page.urls[3];
  const code = takeCode();
  let isRun = false;
  function giveUp() {
    if (heard) return;
    console.warn(`Pavior: ${url} does not say who is logged in`);
    show({}); // the embed may know what to do about `shareAuth`
  }
  const script = /** @type {HTMLScriptElement} */ (page.load(3));
  // share.js of every release reads the property while it runs, so reading shows that it runs.
  Object.defineProperty(script, 'code', {
    get() {
      isRun = true;
      return code;
    },
  });
  if (page.bubble) script.dataset.bubble = page.bubble;
  script.addEventListener('pavior-identity', (event) => {
    hear(/** @type {CustomEvent<Options>} */ (event).detail);
  });
  script.onload = () => (isRun ? setTimeout(giveUp, LONGEST_WAIT) : giveUp());
  script.onerror = giveUp;
  // share.js also reports that nobody is logged in, but that of an older release does not listen.
  window.addEventListener('pavior:logout', () => {
    if (heard) hear({});
  });
}

/** @param {Data} data  of a page that a visit has brought */
export function arrive({site}) {
  page.site = site;
  if (heard) hear(heard);
}
