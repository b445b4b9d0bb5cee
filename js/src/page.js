/*
 * The file that the script of a page loads when more happens than an ordinary page view: the page may
 * be a copy, was brought back, is looked at again, borrows its login, or its login changes.
 *
 * A page that may be a copy asks the site before it names anybody. One that was brought back with the
 * live chat of a user who is gone makes way for a fresh page; not by a reload, which would send a
 * form again that the page was the answer to. Where nothing can be learned, nobody is named, and what
 * was typed into the page stays.
 */

import {borrow} from './page/borrow.js';
import {followLinks} from './page/links.js';
import {ask, whenBack} from './page/question.js';
import {forget} from './page/tabs.js';

/** @typedef {import('./shared').Options} Options */
/** @typedef {import('./shared').Page} Page */
/** @typedef {import('./shared').PageEvent} PageEvent */

/** @type {Page} */
const page = /** @type {any} */ (window)[Symbol.for('pavior')];

/** @param {Options | null | undefined | false} user */
function textOf(user) {
  return user ? JSON.stringify([user.id, user.email, user.hmac]) : '';
}

/**
 * @param {Options | null} user  {} for nobody, null without consent
 * @param {boolean} [isNewest]  whether no other tab has learned more meanwhile
 */
function name(user, isNewest) {
  if (user) page.show(user, isNewest && !page.data.lender);
  else {
    if (page.since) page.show({});
    forget();
  }
}

/** @param {Error} error */
function complain(error) {
  console.warn('Pavior: the site does not say who is logged in:', error.message);
}

// A page in doubt asks in its own way, until it has an answer, or something newer is known.
let question = refresh;
let turnOfQuestion = -1;

/**
 * Ask for a page in doubt.
 *
 * @param {() => void} again  the calling function
 * @param {(user: Options | null, isNewest: boolean) => void} onAnswer
 * @param {(error: Error) => void} onFailure
 */
function askInDoubt(again, onAnswer, onFailure) {
  ask(
    page,
    (user, isNewest) => {
      turnOfQuestion = -1;
      onAnswer(user, isNewest);
    },
    (error) => {
      complain(error);
      onFailure(error);
      whenBack(page, again);
    },
  );
  question = again;
  turnOfQuestion = page.turn;
}

/** Ask for a page that has named nobody yet. */
function learn() {
  if (page.data.ask !== 'first') page.load();
  askInDoubt(learn, name, () => page.nobody());
}

/** Ask for a page that was brought back with its chat. */
function confirm() {
  const before = textOf(page.user);
  askInDoubt(
    confirm,
    (user, isNewest) => {
      // A page that says nothing of users is right for everybody.
      const isForAll = page.data.ask || !(page.user.id || page.user.email);
      if (isForAll || textOf(user) === before) name(user, isNewest);
      else window.location.replace(window.location.href.split('#')[0]);
    },
    () => {
      if (navigator.onLine) page.nobody();
    },
  );
}

function look() {
  if (page.turn === turnOfQuestion) question();
  else refresh();
}

/**
 * Name who is said to be logged in, unless it is the user who has just logged out.
 *
 * @param {Options | null} user
 * @param {boolean} [isNewest]
 */
function hear(user, isNewest) {
  if (page.since && page.isLeft && textOf(user) === textOf(page.isLeft)) return;
  page.isLeft = false;
  name(user, isNewest);
}

/** Ask for a page whose user is another one in another tab. */
function change() {
  askInDoubt(change, hear, () => page.nobody());
}

/** Ask for a page that goes on; where the login is borrowed, share.js asks. */
function refresh() {
  if (!page.data.lender) ask(page, hear, complain);
}

function begin() {
  if (document.prerendering) document.addEventListener('prerenderingchange', begin, {once: true});
  else if (page.data.lender) borrow(page, hear);
  else learn();
}

/** @type {Record<PageEvent, () => void>} */
const HANDLERS = {
  begin,
  change,
  links: () => followLinks(page.data.links ?? []),
  look,
  pageshow: () => page.data.lender || confirm(),
  'pavior:logout': refresh,
  'pavior:refresh': () => {
    page.isLeft = false;
    look();
  },
};

page.run = () => {
  for (const event of new Set(page.events.splice(0))) HANDLERS[event]();
};
page.run();
