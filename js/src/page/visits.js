/*
 * Visits: a library shows another page, or a part of one, in the same document.
 *
 * Some visits bring the element of the new page, which says who is logged in. Its script passes the data
 * on. After other visits, the page asks.
 */

import * as bubble from './bubble.js';
import * as login from './login.js';
import {page} from './shared.js';

/** @typedef {import('../shared').Data} Data */

const SOON = 50; // milliseconds in which the data of a page may come
const LONG = 2000; // milliseconds, after which data belongs to an earlier visit

/** When data came whose page no visit has shown yet. */
let dataTime = 0;
let isDue = false;
let address = performance.getEntriesByType('navigation')[0]?.name;

/** Ask soon, once for all that happens now, unless the data of a page comes. */
export function askSoon() {
  if (isDue) return;
  isDue = true;
  setTimeout(() => {
    isDue = false;
    if (Date.now() - dataTime > LONG) bubble.waitFor(login.follow());
    dataTime = 0;
  }, SOON);
}

/** @param {{navigationType?: string}} event */
export function navigate({navigationType}) {
  const {href} = location;
  const [url] = href.split('#');
  // Only a script adds an entry with the same address. Turbo changes the address long before it shows
  // the page.
  if ((url !== address || (navigationType === 'push' && url === href)) && !window.Turbo) askSoon();
  address = url;
}

/** @param {{detail?: any}} event  it has a cause, unless the page polls */
export function hearHtmx({detail}) {
  if (/^click|^submit/.test(detail.requestConfig.triggeringEvent?.type)) askSoon();
}

/** @param {Data} data */
export function arrive({v, hmac, site, user = {}, ask}) {
  dataTime = Date.now();
  if (hmac) user.hmac = page.unmask(hmac);
  const isSame = JSON.stringify([site, user]) === JSON.stringify([page.site, page.named]);
  page.site = site;
  page.ask = v > 1 ? 1 : ask; // data of a later release may mean something else
  login.arrive((isSame && page.named) || user);
}
