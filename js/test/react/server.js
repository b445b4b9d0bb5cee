/** Write the HTML of the document with each kind of head, as JSON. */

import {PassThrough} from 'node:stream';
import {text} from 'node:stream/consumers';
import {createElement} from 'react';
import {renderToPipeableStream} from 'react-dom/server';
import {Document, HEADS, load} from './document.js';

let missing = Object.keys(HEADS).length;

/** @param {keyof typeof HEADS} name */
function render(name) {
  const html = new PassThrough();
  const {pipe} = renderToPipeableStream(createElement(Document, {has: HEADS[name]}), {
    bootstrapScripts: [`/client.js?${name}`],
    onShellReady: () => {
      pipe(html);
      missing -= 1;
      if (missing === 0) load();
    },
    onError: (error) => html.destroy(error),
  });
  return text(html);
}

const names = Object.keys(HEADS);
const pages = await Promise.all(names.map(render));
process.stdout.write(
  JSON.stringify(Object.fromEntries(names.map((name, at) => [name, pages[at]]))),
);
