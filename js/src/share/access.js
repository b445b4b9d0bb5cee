/*
 * Access to the lender's cookie, by a click on the chat's bubble. A click counts where it happens, so
 * a frame of the lender lies over the bubble.
 */

import {identified} from '../identity.js';
import {base, script} from './element.js';

/** @typedef {import('./knowledge').Answer} Answer */

const MOVES = ['resize', 'scroll', 'transitionend'];
const SIDES = /** @type {const} */ (['left', 'top', 'width', 'height']);

/** @param {string} selector  in an open shadow tree: "host >>> bubble" */
function find(selector) {
  /** @type {any} */
  let found = document;
  for (const part of selector.split('>>>'))
    found = (found?.shadowRoot ?? found)?.querySelector(part);
  return found;
}

/** The frame, once it has been there. @type {HTMLIFrameElement | undefined} */
export let frame;
export let remove = () => {};

/** One observer for a page is enough. @type {MutationObserver | undefined} */
let watcher;

/**
 * Ask for access, once there is a bubble.
 *
 * @param {(answer: Answer) => void} onAnswer
 */
export function ask(onAnswer) {
  if (watcher || !document.requestStorageAccess) return;
  const selector = script.dataset.bubble;
  const bubble = script.bubble ?? (selector ? () => find(selector) : null);
  watcher = new MutationObserver(look);
  watcher.observe(document, {childList: true, subtree: true});
  look();

  function look() {
    const embed = typeof window.Pavior === 'function' ? window.Pavior : null;
    const target = bubble ? bubble() : embed?.bubble;
    if (target?.isConnected) addFrame(target, onAnswer);
    else if (bubble || !embed || target) return;
    watcher?.disconnect();
  }
}

/**
 * Add the frame after the bubble, so that it lies over it.
 *
 * @param {HTMLElement} target  the bubble
 * @param {(answer: Answer) => void} onAnswer
 */
function addFrame(target, onAnswer) {
  const added = document.createElement('iframe');
  const {style} = added;
  frame = added;
  added.src = `${base}frame?${new URLSearchParams({origin: location.origin})}`;
  added.title = 'Chat';
  style.cssText =
    'position:fixed;border:0;z-index:2147483647;color-scheme:normal;visibility:hidden';

  // Lays the frame over the bubble, so that the click is one in the frame, as browsers want it.
  function place() {
    const box = target.getBoundingClientRect();
    for (const side of SIDES) style[side] = `${box[side]}px`;
    style.visibility = box.width ? 'visible' : 'hidden';
  }
  const sizes = new ResizeObserver(place); // it also notices when the bubble appears and disappears

  /** @param {MessageEvent} event */
  function hear({source, origin, data}) {
    if (source !== added.contentWindow || origin !== base.origin) return;
    if (data.pavior === 'click') {
      sizes.observe(target);
      for (const type of MOVES) addEventListener(type, place, true);
      return;
    }
    remove();
    onAnswer({identity: identified(data.identity), seconds: data.seconds});
    if (data.isClicked) target.click();
  }

  remove = () => {
    removeEventListener('message', hear);
    for (const type of MOVES) removeEventListener(type, place, true);
    sizes.disconnect();
    added.remove();
  };
  addEventListener('message', hear);
  document.body.append(added);
}
