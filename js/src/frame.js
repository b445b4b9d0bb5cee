/*
 * The script of `/.well-known/pavior/frame`: a page within a borrower's page. A click on its button
 * lets this site's cookie through, and the page then tells the borrower who is logged in.
 */

/** @typedef {{identity: object, seconds: number | null}} Answer */

const button = /** @type {HTMLButtonElement} */ (document.querySelector('button'));
const borrower = /** @type {string} */ (button.dataset.origin);

/** @param {object} message */
function say(message) {
  window.parent.postMessage(message, borrower);
}

/** @returns {Promise<Answer>} */
async function lent() {
  await document.requestStorageAccess();
  const query = `?origin=${encodeURIComponent(borrower)}`;
  const response = await fetch(`share-auth${query}`, {cache: 'no-store'});
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  const seconds = response.headers.get('Pavior-Expires-In');
  return {identity: await response.json(), seconds: seconds === null ? null : Number(seconds)};
}

/** @param {boolean} isClicked */
async function ask(isClicked) {
  /** @type {Answer} */
  let answer = {identity: {}, seconds: null};
  try {
    answer = await lent();
  } catch (error) {
    const {message} = /** @type {Error} */ (error);
    console.info('Pavior: the browser keeps the login to itself:', message);
  }
  if (!isClicked && answer.seconds === null) say({pavior: 'click'});
  else say({pavior: 'told', isClicked, ...answer});
}

async function isAllowed() {
  if (await document.hasStorageAccess()) return true;
  try {
    const permission = await navigator.permissions.query({name: 'storage-access'});
    return permission.state === 'granted';
  } catch {
    return false; // the browser cannot say
  }
}

// A user who has allowed the access before need not click again, except in WebKit. WebKit says that
// it is allowed, but still requires a click.
button.addEventListener('click', () => ask(true));
isAllowed().then((allowed) => (allowed ? ask(false) : say({pavior: 'click'})));
