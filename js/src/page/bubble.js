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
/** @type {Promise<void> | undefined} */
let asked;

/** @param {Promise<void>} question  whose answer may call init anyway */
export function waitFor(question) {
  asked = question;
}

/**
 * @param {MutationRecord[]} records  of what happened to the children of the root, the head and the body
 * @param {Partial<MutationRecord>[]} [later]  what has happened since
 */
export function follow(records, later = []) {
  /** @type {any[]} */
  const added = [];
  /** @type {any[]} */
  const removed = [];
  for (const {target, addedNodes, removedNodes} of records) {
    if (target !== document.head) {
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
  } else if (!before && (came[0] || wasEmpty(later))) {
    // Before any of the chat has come, only an empty body means that a visit's nodes will follow.
    before = page.named;
    setTimeout(callAgain, PAUSE);
  }
}

/** @param {Partial<MutationRecord>[]} later  what has happened since the body was perhaps empty */
function wasEmpty(later) {
  return [...document.querySelectorAll('body>*')].every((child) =>
    later.some(({addedNodes}) => addedNodes && [...addedNodes].includes(child)),
  );
}

async function callAgain() {
  await asked;
  const all = came;
  came = all.filter((node) => node.isConnected);
  if (before === page.named && all[0] && !came[0]) {
    // A page that a library has kept holds a copy of the bubble, which has no function.
    came = [...document.querySelectorAll('body>*')].filter((child) =>
      all.some((node) => node.isEqualNode(child)),
    );
    for (const copy of came) copy.remove();
    page.named = {...page.named};
    page.tell();
    await null; // the records of this change come first
  }
  before = undefined;
}
