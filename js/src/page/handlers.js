/*
 * What a page does about what happens to it, on a site with users of its own.
 */

import * as login from './login.js';
import * as visits from './visits.js';

/** @type {import('./start.js').Handlers} */
export const HANDLERS = {
  p: login.begin,
  data: visits.arrive,
  pageshow: login.restore,
  visibilitychange: login.look,
  online: login.look,
  'pavior:refresh': login.refresh,
  'pavior:logout': login.logOut,
  currententrychange: visits.navigate,
  'htmx:afterRequest': visits.hearHtmx,
  'turbo:load': visits.askSoon,
  'up:fragment:inserted': visits.askSoon,
};

/** Those of libraries, to which the script of the page does not listen. */
export const TYPES = ['turbo:load', 'up:fragment:inserted'];
