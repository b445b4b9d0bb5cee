/** What this file shares with the script of the page. */
export const page = /** @type {import('../shared').Page} */ (navigator.pavior);
