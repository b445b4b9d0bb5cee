/*
 * Sites that lend the identity of the user who is logged in there, each by its own share.js.
 */

import {sameIdentity} from './identity.js';

/** @typedef {import('./identity.js').Identity} Identity */

/**
 * @typedef {object} Loan
 * @property {Identity} identity
 * @property {string} [failure]
 */

/**
 * @typedef {object} Lender
 * @property {Promise<Loan>} loan  a newer one takes its place when the login at the lender changes
 */

/**
 * @typedef {object} Borrower
 * @property {HTMLScriptElement} script  the embed's own element
 * @property {string | null} code  of the handoff
 * @property {(lender: Lender) => HTMLElement | null} bubble  the bubble, if it is this lender's
 * @property {(lender: Lender) => void} onChange  hears that a lender has a newer loan
 */

const SHARE_SCRIPT_PATH = '/.well-known/pavior/share.js';
const LONGEST_LOAN_WAIT = 10000; // milliseconds

/** @param {string} host */
function isLoopback(host) {
  return (
    host === 'localhost' || host.endsWith('.localhost') || host === '127.0.0.1' || host === '[::1]'
  );
}

/** @param {string} domain */
function lenderUrl(domain) {
  const url = new URL(`https://${domain}${SHARE_SCRIPT_PATH}`);
  if (
    url.username ||
    url.password ||
    url.pathname !== SHARE_SCRIPT_PATH ||
    url.search ||
    url.hash
  ) {
    throw new TypeError('shareAuth is not a domain');
  }
  if (isLoopback(url.hostname)) url.protocol = window.location.protocol;
  return url;
}

/**
 * Return a function that returns the lender at a domain. A domain has one lender, unless its share.js
 * could not be loaded. If anything goes wrong, the visitor is anonymous and the page goes on.
 *
 * @param {Borrower} borrower
 * @returns {(domain: string) => Lender}
 */
export function createLenders({script, code, bubble, onChange}) {
  /** @type {Map<string, Lender>} */
  const lenders = new Map();

  /** @param {string} domain */
  function create(domain) {
    const created = /** @type {Lender} */ ({});
    /** @type {Identity | null} */
    let known = null;
    created.loan = new Promise((resolve) => {
      const timer = setTimeout(fail, LONGEST_LOAN_WAIT, 'share.js tells nothing');

      /**
       * @param {Identity} identity
       * @param {string} [failure]
       */
      function take(identity, failure) {
        clearTimeout(timer);
        const former = known;
        if (former !== null && sameIdentity(former, identity)) return;
        known = identity;
        if (former === null) {
          resolve({identity, failure});
          return;
        }
        created.loan = Promise.resolve({identity, failure});
        onChange(created);
      }

      /** @param {string} failure */
      function fail(failure) {
        console.info(`Pavior emulator: ${domain} lent no identity:`, failure);
        take({}, failure);
      }

      try {
        const loader = document.createElement('script');
        loader.src = lenderUrl(domain).href;
        loader.nonce = script.nonce;
        Object.assign(loader, {code, bubble: () => bubble(created)});
        loader.addEventListener('pavior-identity', (event) => {
          take(/** @type {CustomEvent<Identity>} */ (event).detail);
        });
        loader.addEventListener('error', () => {
          lenders.delete(domain); // so that another init tries again
          fail('share.js could not be loaded');
        });
        document.head.append(loader);
      } catch (error) {
        // It is not a domain, or the page's policy requires Trusted Types.
        fail(/** @type {Error} */ (error).message);
      }
    });
    return created;
  }

  return (domain) => {
    let lender = lenders.get(domain);
    if (!lender) {
      lender = create(domain);
      lenders.set(domain, lender);
    }
    return lender;
  };
}
