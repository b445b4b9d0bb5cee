/*
 * Who is logged in, as far as the page knows, and when it asks.
 *
 * A page in doubt asks before it names anybody: it may be a copy, was brought back, or another tab has
 * told of somebody else. If it cannot learn who is logged in, it names nobody, and asks again when the
 * network or its user comes back. Any other question that fails changes nothing.
 *
 * A page that was brought back with the live chat of a user who is gone makes way for a fresh page; not
 * by a reload, which would send a form again that the page was the answer to.
 */

import {ask, overtake} from './question.js';
import {page} from './shared.js';
import {store, stored, textOf} from './tabs.js';

/** @typedef {import('../shared').Options} Options */

const LONG = 10000; // milliseconds; a page that is looked at again after that asks

/** Who has logged out, if nobody was known then. @type {Options} */
const UNKNOWN = {};
/** When the page last learned who is logged in, in milliseconds. */
let since = performance.timeOrigin;
/** When the site last told of a login or logout, in milliseconds. */
let told = 0;
/** Whether the page is in doubt: 1 while its question is open, 2 once that has failed. */
let doubt = 0;
/** Whose live chat the page was brought back with. @type {Options | undefined} */
let live;
/** Whether the embed is to be loaded only once the visitor is known to consent. */
let isWaiting = page.ask === 2;
/** Whether the document was made for another moment, and what it fetches may be, too. */
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
 * @param {Options} [shown]  the same, as the page is to name them
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
  // The page knows more of the user, if it has named the same one.
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
  page.tag = stored(); // another one is news
  return ask(
    (user) => {
      if (live && textOf(user) !== textOf(live)) {
        doubt = 2; // unless the user stays
        location.replace(location.href.split('#')[0]);
      } else hear(user);
    },
    () => {
      doubt = 2;
      // Offline, the page stays as it is.
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
  // A page that says nothing of users is right for everybody.
  if (!page.ask && isSomebody(page.named)) live = page.named;
  learn();
}

/**
 * Ask for a page that is looked at again, or has a network again: if the last question failed in doubt,
 * if another tab has told of somebody else, or after long.
 */
export function look() {
  const tag = stored();
  if (document.hidden === true) return; // and no element that is named so
  if (doubt > 1 || (tag && tag !== page.tag)) learn();
  else if (!doubt && isSomebody(page.named) && Date.now() - since >= LONG) {
    since = Date.now(); // so that looks ask once, however late the answer is
    follow();
  }
}

export function refresh() {
  told = Date.now();
  page.left = undefined;
  follow();
}

/** Ask; the user who was named does not count until somebody else was logged in. */
export function logOut() {
  told = Date.now();
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
  if (Date.now() - told < LONG) learn();
  else if (page.ask || isCopy || (tag && tag !== page.tag) || navigator.serviceWorker?.controller) {
    page.left = undefined;
    learn();
  } else name(user, user);
}
