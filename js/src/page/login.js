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

import {isSame} from '../identity.js';
import {ask, overtake} from './question.js';
import {page} from './shared.js';
import {store, stored} from './tabs.js';

/** @typedef {import('../shared').Options} Options */

const LONG = 10000; // milliseconds; a page that is looked at again after that asks

/** When the page last learned who is logged in, in milliseconds. */
let since = performance.timeOrigin;
/** Who has logged out, though the site may not know it yet. @type {Options | undefined} */
let left;
/** The question that failed in doubt. @type {(() => void) | undefined} */
let open;
/** Whether the embed is to be loaded only once the visitor is known to consent. */
let isWaiting = page.ask === 2;
/** Whether the document was made for another moment, and what it fetches may be, too. */
let isCopy = false;

/** @param {Options} [user] */
function isSomebody(user) {
  return Boolean(user?.id || user?.email);
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

/** @param {Options | null} user  {} for nobody, null without consent */
function name(user) {
  since = Date.now();
  left = open = undefined;
  page.tag = store(user);
  if (user || page.named) show(user ?? {});
}

/** Name nobody, unless it is not known that the visitor consents. */
function nameNobody() {
  if (!isWaiting) show({});
}

/** @param {Options | null} user  as the site says */
function hear(user) {
  if (left && isSame(user, left)) return;
  // The page knows more of the user, if it has named the same one.
  name(page.named && user && isSame(user, page.named) ? page.named : user);
}

/**
 * @param {() => void} again
 * @param {(user: Options | null) => void} onAnswer
 * @param {() => void} onFailure
 */
function askInDoubt(again, onAnswer, onFailure = nameNobody) {
  open = undefined;
  ask(onAnswer, () => {
    open = again;
    onFailure();
  });
}

function learn() {
  askInDoubt(learn, hear);
}

/** Ask for a page that goes on. */
export function follow() {
  return ask(hear, () => {});
}

/** Ask for a page that is a copy, or says nothing of users. */
export function begin() {
  isCopy = !page.ask;
  learn();
}

/** @param {{persisted?: boolean}} event */
export function restore({persisted}) {
  if (!persisted) return;
  const before = page.named;
  // A page that says nothing of users is right for everybody.
  const isForAll = page.ask || !isSomebody(before);
  function confirm() {
    askInDoubt(
      confirm,
      (user) => {
        if (isForAll || isSame(user, before)) hear(user);
        else window.location.replace(window.location.href.split('#')[0]);
      },
      // Offline, it stays as it is.
      () => navigator.onLine && nameNobody(),
    );
  }
  confirm();
}

/** Ask again, if the last question failed in doubt. */
export function askAgain() {
  open?.();
}

/** Ask for a page that is looked at again, if another tab has told of somebody else, or after long. */
export function look() {
  const tag = stored();
  if (document.hidden) return;
  if (open) open();
  else if (tag && tag !== page.tag) learn();
  else if (isSomebody(page.named) && Date.now() - since >= LONG) follow();
}

export function refresh() {
  left = undefined;
  follow();
}

/** Name nobody, and ask; the user who was named does not count until somebody else was logged in. */
export function logOut() {
  left ??= page.named;
  if (page.named) {
    show({});
    page.tag = store({});
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
  if (page.ask || isCopy || navigator.serviceWorker?.controller) learn();
  else name(user);
}
