/*
 * Borrows the login of the site that serves this file, for the page that loads it.
 *
 *   <script src="https://auth.example.com/.well-known/pavior/share.js"
 *     data-init='{"teamVanityId": "…", "doChat": true, "doTimeTravel": true}'></script>
 *
 * loads Pavior's embed and calls init with these options and the borrowed identity, once it is
 * known and when it changes. Further attributes: data-embed, the embed's URL; data-bubble, a
 * selector of the bubble (in an open shadow tree: "host >>> bubble"), whose first click then asks
 * the browser for this site's cookie.
 *
 * Without data-init it only dispatches an event "pavior-identity" on the script element, each time:
 * `detail` is {id, email, hmac}, those that apply, or {} for nobody. Before it inserts the element,
 * the loader may set on it `code`, a handoff's code, and `bubble`, a function that returns the
 * bubble; so may an embed, in `Pavior.bubble`. The property `code` is read while the file is run for
 * the first time, before its `load` event.
 *
 * Of the events on the window, "pavior:refresh" makes it ask again, and "pavior:logout" tell of nobody
 * and ask: whoever was told of before counts no more, until somebody else was logged in, or nobody.
 */

import {borrow} from './share/borrow.js';
import {script} from './share/element.js';

if (script) borrow();
else console.warn('Pavior: load share.js with a plain <script src>');
