/*
 * Visits: a library shows another page, or a part of one, in the same document.
 *
 * Some bring the element of the new page along, which says who is logged in: its script hands the data
 * over. After other visits, the page asks.
 */

import * as login from './login.js';
import {page} from './shared.js';

/** @typedef {import('../shared').Data} Data */
/** @typedef {import('../shared').Options} Options */

/** Whether the data of a page has come since the last visit. */
let hasData = false;
let isDue = false;
let address = withoutFragment(performance.getEntriesByType('navigation')[0]?.name);

/** @param {string} [url] */
function withoutFragment(url) {
  return url?.split('#')[0];
}

/** Ask soon, once for all that happens now, unless the data of a page comes. */
export function askSoon() {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    if (!hasData) login.follow();
    hasData = false;
  });
}

export function navigate() {
  const before = address;
  address = withoutFragment(window.location.href);
  // Turbo changes the address long before it shows the page.
  if (address !== before && !window.Turbo) askSoon();
}

/** @param {{detail?: any}} event  which has a cause, unless a page asks in turns */
export function hearHtmx({detail}) {
  if (/^(click|submit)$/.test(detail?.requestConfig?.triggeringEvent?.type)) askSoon();
}

/** @param {Data} data */
export function arrive({hmac, site, user = {}, ask}) {
  hasData = true;
  if (hmac) user.hmac = unmasked(hmac);
  const isSame = textOf(site, user) === textOf(page.site, page.named);
  Object.assign(page, {site, ask});
  login.arrive((isSame && page.named) || user);
}

/** @param {(Options | undefined)[]} all */
function textOf(...all) {
  return JSON.stringify(all.map((options) => options && Object.entries(options).sort()));
}

/** @param {string} hmac  as in the data */
function unmasked(hmac) {
  const digits = hmac.slice(64).split('');
  return digits.map((digit, i) => (+`0x${digit}` ^ +`0x${hmac[i]}`).toString(16)).join('');
}
