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

  // Whoever has allowed it before is not asked again, so the first try needs no click.
  async function ask(isClicked) {
    await document.requestStorageAccess();
    await lend(isClicked);
  }

  ask(false).catch(() => {
    button.addEventListener('click', () => {
      ask(true).catch(() => say({pavior: 'told', identity: {}, seconds: null, isClicked: true}));
    });
    say({pavior: 'click'});
  });
})();
