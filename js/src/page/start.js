/*
 * From the script of a page to its file: what the one has written down, the other handles.
 */

import * as bubble from './bubble.js';
import {page} from './shared.js';

/** @typedef {Record<string, ((happening: any) => void) | undefined>} Handlers  by type; `data` of a visit */

/**
 * Handle what has happened, and what will; once, though a page may load the file twice before it is
 * there.
 *
 * @param {Handlers} handlers
 * @param {string[]} [types]  of further events
 * @returns {boolean} whether this is the first time
 */
export function start(handlers, types = []) {
  if (page.run) return false;
  page.run = true;
  const {load, log} = page;

  function run() {
    // Of what has happened several times, the last counts.
    const last = new Map(
      log.splice(0).map((each) => [each.type ?? (each.site ? 'data' : ''), each]),
    );
    for (const [type, happening] of last) handlers[type]?.(happening);
  }

  for (const happening of log) {
    if (happening[0]) bubble.follow(/** @type {MutationRecord[]} */ (happening));
  }
  page.load = (i) => {
    if (i !== 1) return load(i);
    // A visit brings the data of its page before it shows the page.
    if (log.some(({site}) => site)) setTimeout(run);
    else run();
    return undefined;
  };
  for (const type of types) window.addEventListener(type, (event) => page.on(event));

  const observer = new MutationObserver((records) => {
    watch();
    bubble.follow(records);
    if (takeBlocked()) page.load(1);
  });
  function watch() {
    // The document may have another root, head or body by now.
    for (const node of [document, document.documentElement, document.head, document.body]) {
      if (node) observer.observe(node, {childList: true});
    }
  }
  watch();
  takeBlocked();
  run();
  return true;
}

/**
 * Take the data out of elements whose script did not run, since a policy did not allow it.
 *
 * @returns {boolean} whether there was one
 */
function takeBlocked() {
  /** @type {NodeListOf<HTMLElement>} */
  const elements = document.querySelectorAll('script[data-pavior]');
  for (const element of elements) {
    element.remove();
    page.log.push(JSON.parse(/** @type {string} */ (element.dataset.pavior)));
  }
  return elements.length > 0;
}
