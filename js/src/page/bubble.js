/*
 * The chat's bubble, which goes when a visit replaces the body that it stands in.
 *
 * Nobody but the embed knows which nodes are its own. So what came into the body or the root after
 * init, and not with a visit, counts as such; when all of that is gone, init is called again.
 */

import {page} from './shared.js';

const PAUSE = 100; // milliseconds, in which a visit tells who is logged in

/** @type {any[]} */
let came = [];
/** Whom the chat named when a visit took nodes away; absent if none did. @type {object | undefined} */
let before;
/** @type {Promise<void> | undefined} */
let asked;

/** @param {Promise<void>} question  whose answer may call init anyway */
export function waitFor(question) {
  asked = question;
}

/** @param {MutationRecord[]} records  of what happened to the children of the root, the head and the body */
export function follow(records) {
  /** @type {any[]} */
  const added = [];
  /** @type {any[]} */
  const removed = [];
  for (const {target, addedNodes, removedNodes} of records) {
    if (target !== document.head) {
      added.push(...addedNodes);
      // An embed may still take its nodes out of a body that is gone.
      if (target.isConnected) removed.push(...removedNodes);
    }
  }
  if (
    removed.every(
      // An embed may put others in the place of its nodes.
      (node) => came.includes(node) && added.some(({className}) => className === node.className),
    )
  ) {
    if (page.named !== before) came.push(...added);
  } else if (!before) {
    before = page.named;
    setTimeout(callAgain, PAUSE);
  }
}

async function callAgain() {
  await asked;
  const all = came;
  came = all.filter((node) => node.isConnected);
  if (before === page.named && all[0] && !came[0]) {
    // A page that a library has kept holds a copy of the bubble, which does nothing.
    came = [...document.body.children].filter((child) =>
      all.some((node) => node.isEqualNode(child)),
    );
    for (const copy of came) copy.remove();
    page.named = {...page.named};
    page.tell();
    await null; // until that was followed
  }
  before = undefined;
}
