/*
 * The file that the script of a page loads when more happens than an ordinary page view. The page may
 * be a copy, was brought back, or is looked at again. Its user logs in or out, or a library shows
 * another page in it.
 */

import * as login from './page/login.js';
import {start} from './page/start.js';
import * as visits from './page/visits.js';

start({
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
});
