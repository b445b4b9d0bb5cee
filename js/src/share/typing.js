/*
 * Whether the user has begun to fill in the page. A trip to the lender would lose that.
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

/** Whether the focus is in a frame: the page cannot see what the user types there. */
function isInFrame() {
  const frame = focused();
  return (
    frame?.localName === 'iframe' &&
    frame !== access.frame &&
    navigator.userActivation?.hasBeenActive !== false
  );
}

export function isFilledIn() {
  // The user may have typed into the focused field before this script ran.
  const {value, defaultValue = value} = /** @type {HTMLInputElement} */ (focused() ?? {});
  return isTypedIn || isInFrame() || value !== defaultValue;
}
