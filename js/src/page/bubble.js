/*
 * The chat's bubble, which goes when a visit replaces the body that it stands in.
 *
 * Nobody but the embed knows which nodes are its own. So what came into the body or the root after
 * init, and not with a visit, counts as such; when all of that is gone, init is called again.
 */

import {page} from './shared.js';

/** @typedef {import('../shared').Options} Options */

/** @type {Set<Node>} */
let came = new Set();
/** Whom the chat named when a visit took nodes away; absent when there is nothing to do about it. @type {Options | undefined} */
let before;
/** @type {Promise<void> | undefined} */
let asked;

/** @param {Promise<void>} question  whose answer may call init anyway */
export function waitFor(question) {
  asked = question;
}

/** @param {MutationRecord[]} records  of what happened to the children of the root and the body */
export function follow(records) {
  const added = records.flatMap((record) => [...record.addedNodes]);
  // An embed takes its nodes out of a body that is gone, too, or puts others in their place.
  const isVisit = records.some(
    ({target, removedNodes}) =>
      target.isConnected &&
      [...removedNodes].some((node) => !came.has(node) || !added.some((other) => isLike(node, other))),
  );
  if (!isVisit) {
    if (page.named !== before) for (const node of added) came.add(node);
  } else if (!before) {
    before = page.named;
    setTimeout(callAgain); // once the visit is over
  }
}

/**
 * @param {any} one
 * @param {any} other
 */
function isLike(one, other) {
  return one.className === other.className;
}

async function callAgain() {
  await asked;
  const all = [...came];
  const left = all.filter((node) => node.isConnected);
  came = new Set(left);
  if (before === page.named && all.length && !left.length) {
    // What a library has kept of a page has a copy of the bubble, which does nothing.
    for (const child of document.body.children) {
      if (all.some((node) => node.isEqualNode(child))) came.add(child);
    }
    for (const copy of came) copy.remove();
    page.named = {...page.named};
    page.tell();
    await 0;
  }
  before = undefined;
}
