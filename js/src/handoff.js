/*
 * The code by which a lender's link takes the login along. It is in the address's fragment,
 * `#pavior-handoff=CODE`, before what the link's own fragment was: `#pavior-handoff=CODE&section`.
 */

/** More codes may follow the first one. */
const ADDRESS = /^([^#]*)#pavior-handoff=([\w.-]*)(?:&pavior-handoff=[^&]*)*(?:&(.*))?$/;

/**
 * @typedef {object} Handoff
 * @property {string} code
 * @property {string} address  without the code
 */

/**
 * @param {string} address
 * @returns {Handoff | null} null if the address has no code
 */
export function parseHandoff(address) {
  const found = ADDRESS.exec(address);
  if (!found) return null;
  const [, page, code, rest] = found;
  return {code, address: rest ? `${page}#${rest}` : page};
}

/** Take the code out of the address bar, and return it; null if the address has no code. */
export function takeCode() {
  const handoff = parseHandoff(location.href);
  if (!handoff) return null;
  const {code, address} = handoff;
  if (address.includes('#') && document.readyState !== 'loading') {
    location.replace(address); // this scrolls to the fragment, too
  } else {
    history.replaceState(history.state, '', address);
  }
  return code;
}
