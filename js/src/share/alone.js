/*
 * share.js on its own, on a page that has it in an element with the options of init.
 */

import {script} from './element.js';

/** @typedef {import('./knowledge').Identity} Identity */

/** @param {() => Identity | undefined} named  returns who is logged in, if that is known */
export function standAlone(named) {
  const {shareAuth, ...options} = JSON.parse(/** @type {string} */ (script.dataset.init));
  const url = script.dataset.embed ?? 'https://app.pavior.com/embed';
  const embed = document.createElement('script');
  function init() {
    const identity = named();
    if (identity) window.Pavior?.('init', {...options, ...identity});
  }
  embed.nonce = script.nonce;
  embed.src = policyFor(url).createScriptURL(url);
  // A site may answer with a page of its own, and status 200.
  embed.onload = embed.onerror = () => {
    if (typeof window.Pavior === 'function') {
      script.addEventListener('pavior-identity', init);
      init();
    } else {
      console.warn(`Pavior: cannot load ${url}`);
    }
  };
  document.head.append(embed);
}

/**
 * A policy that made any URL would undo the page's own restriction.
 *
 * @param {string} url
 */
function policyFor(url) {
  const rules = {
    /** @param {string} made */
    createScriptURL(made) {
      if (made === url) return url;
      throw new TypeError(made);
    },
  };
  try {
    return /** @type {any} */ (window).trustedTypes.createPolicy('pavior-middleware', rules);
  } catch {
    // There are no Trusted Types, or the page's policy has no place for the name, and may not ask for
    // it either.
    return rules;
  }
}
