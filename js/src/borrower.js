/*
 * Replaces page.js on a site that borrows its login. share.js of the site that lends it says who is
 * logged in, and asks again by itself.
 */

import * as borrowing from './page/borrowing.js';
import {start} from './page/start.js';

start({p: borrowing.begin, data: borrowing.arrive});
