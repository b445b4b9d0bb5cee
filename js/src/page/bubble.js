/*
 * The chat's bubble, which goes when a visit replaces the body that it stands in.
 *
 * Nobody but the embed knows which nodes are its own. So what came into the body or the root after
 * init, and not with a visit, counts as such; when all of that is gone, init is called again.
 */

import {page} from './shared.js';

/** @type {Set<Node>} */
let came = new Set();
let isDue = false;

/** @param {MutationRecord[]} records  of what happened to the children of the root and the body */
export function follow(records) {
  if (!records.some(({removedNodes}) => removedNodes.length)) {
    for (const {addedNodes} of records) for (const node of addedNodes) came.add(node);
  } else if (!isDue) {
    isDue = true;
    setTimeout(callAgain); // once the visit is over
  }
}

function callAgain() {
  isDue = false;
  if (!page.named || !came.size || [...came].some((node) => node.isConnected)) return;
  came = new Set();
  page.named = {...page.named};
  page.tell();
}
