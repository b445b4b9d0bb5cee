(() => {
  'use strict';

  const button = document.querySelector('button');
  const borrower = button.dataset.origin;

  function say(message) {
    window.parent.postMessage(message, borrower);
  }

  async function lend(isClicked) {
    const query = '?origin=' + encodeURIComponent(borrower);
    const response = await fetch('share-auth' + query, {cache: 'no-store'});
    if (!response.ok) throw new Error('HTTP ' + response.status);
    const seconds = response.headers.get('Pavior-Expires-In');
    say({
      pavior: 'told',
      identity: await response.json(),
      seconds: seconds === null ? null : Number(seconds),
      isClicked,
    });
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

  async function ask(isClicked) {
    try {
      await document.requestStorageAccess();
      await lend(isClicked);
    } catch {
      say({pavior: 'told', identity: {}, seconds: null, isClicked});
    }
  }

  // Whoever has allowed it before is not asked again, so that needs no click.
  isAllowed().then((allowed) => {
    if (allowed) {
      ask(false);
      return;
    }
    button.addEventListener('click', () => ask(true));
    say({pavior: 'click'});
  });
})();
