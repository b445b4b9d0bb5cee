/*
 * The file that the script of a page loads when more happens than an ordinary page view. The page may
 * be a copy, was brought back, or is looked at again. Its user logs in or out, or a library shows
 * another page in it.
 */

import {HANDLERS, TYPES} from './page/handlers.js';
import {start} from './page/start.js';

start(HANDLERS, TYPES);
