/*
 * How a page handles what happens to it, on a site with its own users.
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

/** Events of libraries that the script of the page does not listen to. */
export const TYPES = ['turbo:load', 'up:fragment:inserted'];
