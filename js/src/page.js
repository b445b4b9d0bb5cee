/*
 * The file that the script of a page loads when more happens than an ordinary page view: the page may
 * be a copy, was brought back, is looked at again, its user logs in or out, or a library shows another
 * page in it.
 */

import {HANDLERS, TYPES} from './page/handlers.js';
import {start} from './page/start.js';

start(HANDLERS, TYPES);
