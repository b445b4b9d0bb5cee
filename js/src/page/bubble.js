/*
 * The chat's bubble, which goes when a visit replaces the body that it is in.
 *
 * Only the embed knows which nodes are its own. So all nodes count that came into the body or the root
 * after init, and not with a visit. When all of these are gone, init is called again.
 */

import {page} from './shared.js';

const PAUSE = 100; // milliseconds in which a visit may say who is logged in

/** @type {any[]} */
let came = [];
/** Whom the chat named when a visit took nodes away; absent if none did. @type {object | undefined} */
let before;
/** Whether `came` holds none of the page's content. */
let isSure = true;
/** @type {Promise<void> | undefined} */
let asked;

/** @param {Promise<void>} question  whose answer may call init anyway */
export function waitFor(question) {
  asked = question;
}

/**
 * Follow what happened before this file was there, in order.
 *
 * A visit may have emptied the body then, and filled it later. The log does not say how long that took,
 * so the content counts as well as the bubble, and then no copy is removed.
 *
 * @param {MutationRecord[][]} log
 */
export function replay(log) {
  log.forEach(follow);
  const children = [...document.querySelectorAll('body>*')];
  isSure = !children[0] || !children.every((child) => came.includes(child));
}

/** @param {MutationRecord[]} records  of what happened to the children of the root, the head and the body */
export function follow(records) {
  /** @type {any[]} */
  const added = [];
  /** @type {any[]} */
  const removed = [];
  for (const {target, addedNodes, removedNodes} of records) {
    if (/** @type {Element} */ (target).localName !== 'head') {
      added.push(...addedNodes);
      // An embed may still remove its nodes from a body that has left the page.
      if (target.isConnected) removed.push(...removedNodes);
    }
  }
  if (
    removed.every(
      // An embed may replace its nodes by others.
      (node) => came.includes(node) && added.some(({className}) => className === node.className),
    )
  ) {
    if (page.named !== before) came.push(...added);
  } else if (!before && (came[0] || !document.body?.children[0])) {
    // Before any of the chat has come, only an empty body means that a visit's nodes will follow.
    before = page.named;
    setTimeout(callAgain, PAUSE);
  }
}

async function callAgain() {
  await asked;
  const all = came;
  came = all.filter((node) => node.isConnected);
  if (before === page.named && all[0] && !came[0]) {
    // A page that a library has kept holds a copy of the bubble, which has no function.
    came = [...document.querySelectorAll('body>*')].filter(
      (child) => isSure && all.some((node) => node.isEqualNode(child)),
    );
    for (const copy of came) copy.remove();
    page.named = {...page.named};
    page.tell();
    await null; // the records of this change come first
  }
  before = undefined;
}
