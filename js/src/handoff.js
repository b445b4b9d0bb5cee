/*
 * The code by which a lender's link takes the login along. It stands in the address's fragment,
 * `#pavior-handoff=CODE`, before what the link's own fragment was: `#pavior-handoff=CODE&section`.
 */

/**
 * @typedef {object} Handoff
 * @property {string} code
 * @property {string} address  without the code
 * @property {boolean} hasFragment  whether that address has a fragment
 */

/**
 * @param {string} address
 * @returns {Handoff | null} null if the address has no code
 */
export function parseHandoff(address) {
  const [page, fragment = ''] = address.split(/#(.*)/);
  const found = /^pavior-handoff=([\w.-]*)(?=&|$)/.exec(fragment);
  if (!found) return null;
  const rest = fragment.replace(/^(pavior-handoff=[^&]*(&|$))+/, '');
  return {code: found[1], address: page + (rest && `#${rest}`), hasFragment: rest !== ''};
}

/** Take the code out of the address bar, and return it; null if there is none. */
export function takeCode() {
  const handoff = parseHandoff(window.location.href);
  if (!handoff) return null;
  const {code, address, hasFragment} = handoff;
  if (hasFragment && document.readyState !== 'loading') {
    window.location.replace(address); // and scroll there
  } else {
    window.history.replaceState(window.history.state, '', address);
  }
  return code;
}
