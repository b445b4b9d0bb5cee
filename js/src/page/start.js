/*
 * Handles what the script of the page has recorded, and what happens later.
 */

import * as bubble from './bubble.js';
import {page} from './shared.js';

/** @typedef {import('../shared').Happening} Happening */
/** @typedef {Record<string, ((happening: any) => void) | undefined>} Handlers  by type; `data` of a visit */

/**
 * Handle what has happened, and what will. This has an effect only once, since a page may load the file
 * twice before the first load ends.
 *
 * @param {Handlers} handlers
 */
export function start(handlers) {
  if (page.run) return;
  page.run = true;
  const {load} = page;
  /** What the script of the page has recorded. */
  const log = /** @type {any[]} */ (page.log);
  /** What is not handled yet: of what has happened several times, the last counts. */
  const last = new Map();

  /** @param {Happening} happening */
  function push(happening) {
    if (happening[0]) return; // records, which the file makes by itself
    const type = happening.type ?? 'data';
    last.delete(type); // so that it moves to the end of the order
    last.set(type, happening);
  }

  function run() {
    for (const [type, happening] of last) {
      last.delete(type);
      handlers[type]?.(happening);
    }
  }

  log.forEach(push);
  bubble.replay(log.filter((happening) => happening[0]));
  page.log = {push};
  page.load = (i) => {
    if (i !== 1) return load(i);
    // A visit brings the data of its page before it shows the page.
    if (last.has('data')) setTimeout(run);
    else run();
    return undefined;
  };
  for (const type in handlers) {
    // For an event that the script of the page listens to, this has no effect.
    if (/:/.test(type)) addEventListener(type, page.on);
  }

  const observer = new MutationObserver((records) => {
    watch();
    bubble.follow(records);
    if (takeBlocked()) page.load(1);
  });
  function watch() {
    // The document may have another root, head or body by now.
    for (const node of [document, ...document.querySelectorAll('html,head,body')]) {
      observer.observe(node, {childList: true});
    }
  }
  watch();
  takeBlocked();
  run();
}

/**
 * Take the data from elements whose script did not run because of a policy. These elements are in the
 * head, where a user's markup cannot be.
 *
 * @returns {number} how many there were
 */
function takeBlocked() {
  /** @type {NodeListOf<HTMLElement>} */
  const elements = document.querySelectorAll('head>script[data-pavior]');
  for (const element of elements) {
    element.remove();
    page.log.push(JSON.parse(/** @type {string} */ (element.dataset.pavior)));
  }
  return elements.length;
}
