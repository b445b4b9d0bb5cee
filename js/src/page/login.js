/*
 * Who is logged in, as far as the page knows, and when it asks.
 *
 * A page in doubt asks before it names anybody. It is in doubt if it may be a copy, if it was brought
 * back, or if another tab has named somebody else. If it cannot learn who is logged in, it names
 * nobody. It asks again when the network or its user comes back. If any other question fails, nothing
 * changes.
 *
 * A page may be brought back with the live chat of a user who is gone. Then it is replaced by a fresh
 * page. A reload would not do: it would send the form again that the page was the answer to.
 */

import {ask, overtake} from './question.js';
import {page} from './shared.js';
import {store, stored, textOf} from './tabs.js';

/** @typedef {import('../shared').Options} Options */

const LONG = 10000; // milliseconds; a page that is looked at again after that asks

/** The value of `page.left` if nobody was named at the logout. @type {Options} */
const UNKNOWN = {};
/** When the page last learned who is logged in, in milliseconds. */
let since = performance.timeOrigin;
/** When the site last reported a login or logout, in milliseconds. */
let toldAt = 0;
/** Whether the page is in doubt: 1 while its question is open, 2 once that has failed. */
let doubt = 0;
/** The user of the live chat with which the page was brought back. @type {Options | undefined} */
let live;
/** Whether the embed must wait until the visitor is known to consent. */
let isWaiting = page.ask === 2;
/** Whether the document is a copy from another time, so that what it fetches may be one, too. */
let isCopy = false;

/** @param {Options | null} [user] */
function isSomebody(user) {
  return textOf(user) !== textOf();
}

/** @param {Options} user */
function show(user) {
  page.named = user;
  if (isWaiting) {
    isWaiting = false;
    page.load(0);
  }
  page.tell();
}

/**
 * @param {Options | null} user  {} for nobody, null without consent
 * @param {Options} [shown]  the same user, with the options that the page should pass to init
 */
function name(user, shown = known(user)) {
  since = Date.now();
  page.left = live = undefined;
  doubt = 0;
  page.tag = store(user);
  if (user || page.named) show(shown);
}

/** @param {Options | null} user */
function known(user) {
  // If the page has named the same user before, it knows more options.
  if (page.named && textOf(user) === textOf(page.named)) return page.named;
  return user && Object.keys(user)[0] ? user : page.nobody;
}

/** Name nobody, unless it is not known that the visitor consents. */
function nameNobody() {
  if (!isWaiting) show(page.nobody);
}

/** @param {Options | null} user  as the site says */
function hear(user) {
  if (user && isSomebody(user) && page.left === UNKNOWN) {
    name({});
    page.left = user;
  } else if (!isSomebody(page.left) || textOf(user) !== textOf(page.left)) name(user);
}

/** Ask in doubt. */
function learn() {
  doubt = 1;
  page.tag = stored(); // from now on, another tag is news
  return ask(
    (user) => {
      if (live && textOf(user) !== textOf(live)) {
        doubt = 2; // in case the user refuses to leave the page
        location.replace(location.href.split('#')[0]);
      } else hear(user);
    },
    () => {
      doubt = 2;
      // Offline, the page stays unchanged.
      if (navigator.onLine) nameNobody();
    },
  );
}

/** Ask for a page that goes on. */
export function follow() {
  return doubt ? learn() : ask(hear, () => {});
}

/** Ask for a page that is a copy, or says nothing of users. */
export function begin() {
  isCopy = !page.ask;
  learn();
}

/** @param {{persisted?: boolean}} event */
export function restore({persisted}) {
  if (!persisted) return;
  page.left = undefined;
  // A page that names no user is right for everybody.
  if (!page.ask && isSomebody(page.named)) live = page.named;
  learn();
}

/**
 * Ask for a page that is looked at again, or has a network again. It asks if the last question failed
 * in doubt, if another tab has named somebody else, or after `LONG`.
 */
export function look() {
  const tag = stored();
  if (document.hidden === true) return; // an element named `hidden` may replace the property
  if (doubt > 1 || (tag && tag !== page.tag)) learn();
  else if (!doubt && isSomebody(page.named) && Date.now() - since >= LONG) {
    since = Date.now(); // so that several looks ask once, even if the answer is late
    follow();
  }
}

export function refresh() {
  toldAt = Date.now();
  page.left = undefined;
  follow();
}

/** Ask; the user who was named does not count until somebody else was logged in. */
export function logOut() {
  toldAt = Date.now();
  if (isSomebody(page.left)) page.tag = store({});
  if (!page.named) {
    page.left = UNKNOWN;
    nameNobody();
  }
  follow();
}

/**
 * Take what the page of a visit says.
 *
 * @param {Options} user
 */
export function arrive(user) {
  overtake();
  const tag = stored();
  // A library may have fetched the page before somebody logged out, here or in another tab.
  if (Date.now() - toldAt < LONG) learn();
  else if (page.ask || isCopy || (tag && tag !== page.tag) || navigator.serviceWorker?.controller) {
    page.left = undefined;
    learn();
  } else name(user, user);
}
