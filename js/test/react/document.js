import {createElement as h, Suspense, useEffect, useState} from 'react';

/** Every kind of head, by the name under which it is asked for. */
export const HEADS = {
  plain: {stylesheet: false, policy: false},
  stylesheet: {stylesheet: true, policy: false},
  policy: {stylesheet: false, policy: true},
  both: {stylesheet: true, policy: true},
};

let isLoaded = typeof window === 'object';
/** @type {() => void} */
let resolve;
/** @type {Promise<void>} */
const loaded = new Promise((resolve_) => {
  resolve = resolve_;
});

/** Have what comes later, which the server does once it has sent the rest of the document. */
export function load() {
  isLoaded = true;
  resolve();
}

/** What the server does not have when it sends the rest of the document. */
function Later() {
  if (!isLoaded) throw loaded;
  return h('p', {id: 'later'}, 'Later');
}

function Counter() {
  const [count, setCount] = useState(0);
  useEffect(() => {
    window.dispatchEvent(new Event('hydrated'));
  }, []);
  return h('button', {type: 'button', onClick: () => setCount(count + 1)}, count);
}

/** @param {{has: {stylesheet: boolean, policy: boolean}}} properties */
export function Document({has}) {
  return h(
    'html',
    {lang: 'en'},
    h(
      'head',
      null,
      h('meta', {charSet: 'utf-8'}),
      h('title', null, 'React'),
      h('script', null, 'window.theme = 1;'),
      has.stylesheet && h('link', {rel: 'stylesheet', href: '/site.css'}),
      has.stylesheet && h('style', null, 'p { margin: 0 }'),
      h('script', null, 'window.features = [1, 2];'),
      has.policy && h('meta', {httpEquiv: 'Content-Security-Policy', content: "img-src 'self'"}),
      h('link', {rel: 'icon', href: '/icon'}),
    ),
    h(
      'body',
      null,
      h('h1', null, 'Hello'),
      h(Counter),
      h(Suspense, {fallback: h('p', null, 'Loading')}, h(Later)),
    ),
  );
}
