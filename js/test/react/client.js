/** Hydrate the document at once; with `?late` in its URL, once the widget is there. */

import {createElement} from 'react';
import {hydrateRoot} from 'react-dom/client';
import {Document, HEADS} from './document.js';

const name = new URL(document.currentScript.src).search.slice(1);

function hydrate() {
  hydrateRoot(document, createElement(Document, {has: HEADS[name]}), {
    onRecoverableError: (error) => window.errors.push(String(error)),
  });
}

window.errors = [];
window.addEventListener('hydrated', () => {
  window.isHydrated = true;
  navigator.sendBeacon('/hydrated');
});
if (window.location.search !== '?late' || window.isWidgetThere) hydrate();
else window.addEventListener('widget', hydrate, {once: true});
