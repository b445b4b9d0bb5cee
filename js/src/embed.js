/*!
 * The emulator's widget, served as /embed: defines the global function Pavior.
 *
 *   Pavior('init', {teamVanityId, doChat, doTimeTravel, doTracking, quadClickForFeedback,
 *                   id, email, hmac | shareAuth, firstName, lastName, name, phone, ...})
 *
 * For a developer's console and for tests:
 *
 *   Pavior.calls   every call so far: [{command, options}]
 *   Pavior.state   the newest init's result, as in the event below; null until there is one
 *   'pavior:ready' on window, once the server has answered the newest init, and again when the
 *                  login that it borrows has changed; its detail is
 *                  {status: 'anonymous' | 'lead' | 'signup', authenticated, reason, options}
 *
 * An init that a newer one overtakes has no event. Every text from elsewhere is set as text.
 *
 * With `shareAuth`, a domain, the identity is the one that share.js of that domain tells. The embed
 * takes a handoff's code out of the address bar when it is loaded, so load it before other scripts.
 */

import {createPavior} from './embed/pavior.js';

function currentScript() {
  // Markup with the name of a property takes its place in the document.
  const property = Object.getOwnPropertyDescriptor(Document.prototype, 'currentScript');
  return /** @type {HTMLScriptElement | null} */ (property?.get?.call(document));
}

function define() {
  if (typeof window.Pavior === 'function' && Array.isArray(window.Pavior.calls)) return;
  const script = currentScript();
  if (script) {
    window.Pavior = createPavior(script);
  } else {
    console.error('Pavior emulator: load /embed with a plain <script src>, not as a module.');
  }
}

define();
