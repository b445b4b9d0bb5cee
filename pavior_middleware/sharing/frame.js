(() => {
  'use strict';

  const button = document.querySelector('button');
  const borrower = button.dataset.origin;

  function say(message) {
    window.parent.postMessage(message, borrower);
  }

  async function lent() {
    await document.requestStorageAccess();
    const query = '?origin=' + encodeURIComponent(borrower);
    const response = await fetch('share-auth' + query, {cache: 'no-store'});
    if (!response.ok) throw new Error('HTTP ' + response.status);
    const seconds = response.headers.get('Pavior-Expires-In');
    return {identity: await response.json(), seconds: seconds === null ? null : Number(seconds)};
  }

  async function ask(isClicked) {
    let told = {identity: {}, seconds: null};
    try {
      told = await lent();
    } catch (error) {
      console.info('Pavior: the browser keeps the login to itself:', error.message);
    }
    if (!isClicked && told.seconds === null) say({pavior: 'click'});
    else say({pavior: 'told', isClicked, ...told});
  }

  async function isAllowed() {
    if (await document.hasStorageAccess()) return true;
    try {
      const permission = await navigator.permissions.query({name: 'storage-access'});
      return permission.state === 'granted';
    } catch { // the browser does not tell
      return false;
    }
  }

  // Whoever has allowed it before need not click again, but in WebKit, which says that it is allowed
  // and wants a click all the same.
  button.addEventListener('click', () => ask(true));
  isAllowed().then((allowed) => (allowed ? ask(false) : say({pavior: 'click'})));
})();
