/*
 * Visits: a library shows another page, or a part of one, in the same document.
 *
 * Some bring the element of the new page along, which says who is logged in: its script hands the data
 * over. After other visits, the page asks.
 */

import * as bubble from './bubble.js';
import * as login from './login.js';
import {page} from './shared.js';

/** @typedef {import('../shared').Data} Data */
/** @typedef {import('../shared').Options} Options */

/** Whether the data of a page has come since the last visit. */
let hasData = false;
let isDue = false;
let address = performance.getEntriesByType('navigation')[0]?.name;

/** @param {string} [url] */
function withoutFragment(url) {
  return url?.split('#')[0];
}

/** Ask soon, once for all that happens now, unless the data of a page comes. */
export function askSoon() {
  if (isDue) return;
  isDue = true;
  bubble.waitFor(settle());
}

async function settle() {
  await new Promise((resolve) => setTimeout(resolve));
  isDue = false;
  if (!hasData) await login.follow();
  hasData = false;
}

/** @param {{navigationType?: string}} event */
export function navigate({navigationType}) {
  const before = address;
  address = window.location.href;
  // Of the same address, only a script makes another entry.
  const isVisit =
    address === before
      ? navigationType === 'push'
      : withoutFragment(address) !== withoutFragment(before);
  // These change the address long before they show the page.
  if (isVisit && !window.Turbo && !window.up) askSoon();
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
