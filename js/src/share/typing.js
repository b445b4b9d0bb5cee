/*
 * Whether somebody has begun to fill in the page, which is loaded anew if it goes to the lender.
 */

import * as access from './access.js';

let isTypedIn = false;

export function watch() {
  document.addEventListener(
    'input',
    ({isTrusted}) => {
      isTypedIn ||= isTrusted;
    },
    true,
  );
  addEventListener('blur', () =>
    setTimeout(() => {
      isTypedIn ||= isInFrame();
    }),
  );
}

function focused() {
  let element = document.activeElement;
  while (element?.shadowRoot?.activeElement) element = element.shadowRoot.activeElement;
  return element;
}

/** What they do in a frame does not show, and a frame may take the focus by itself. */
function isInFrame() {
  const frame = focused();
  return (
    frame?.localName === 'iframe' &&
    frame !== access.frame &&
    navigator.userActivation?.hasBeenActive !== false
  );
}

export function isFilledIn() {
  // In the focused field it may have begun before this script did.
  const {value, defaultValue = value} = /** @type {HTMLInputElement} */ (focused() ?? {});
  return isTypedIn || isInFrame() || value !== defaultValue;
}
