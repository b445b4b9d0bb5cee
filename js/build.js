/**
 * Bundle and minify the scripts of `src/` into the files that the Python package ships.
 *
 *     node build.js            write the files
 *     node build.js --check    write nothing; fail if a file is not what its source builds
 */

import {readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';
import {gzipSync} from 'node:zlib';
import {build} from 'esbuild';

/**
 * What is built from which file of `src/`; the paths are relative to the Python package.
 *
 * @type {Script[]}
 */
const SCRIPTS = [
  {source: 'embed.js', file: 'emulator/static/embed.js'},
  {source: 'frame.js', file: '_assets/frame.js'},
  {source: 'core.js', file: '_assets/core.js', isBlock: true, isOfPage: true},
  {source: 'page.js', file: '_assets/page.js', isOfPage: true},
  {source: 'borrower.js', file: '_assets/borrower.js', isOfPage: true},
  {source: 'links.js', file: '_assets/links.js', isOfPage: true},
  {source: 'share.js', file: '_assets/share.js', define: {HANDS_OFF: 'true'}},
  {source: 'share.js', file: '_assets/share-without-handoff.js', define: {HANDS_OFF: 'false'}},
];

/**
 * Short names for what the script of a page and its files share, since each page holds these bytes. They
 * never change: a stored page has an old script, and loads a new file.
 */
const SHORT_NAMES = {
  named: 'n',
  nobody: 'o',
  left: 'f',
  tell: 't',
  log: 'g',
  load: 'l',
  run: 'r',
  unmask: 'u',
};

/** The folder of every script that has no other one. */
const ASSETS = '_assets/';

const SOURCE = new URL('src/', import.meta.url);
const PACKAGE = new URL('../pavior_middleware/', import.meta.url);

/**
 * @typedef {object} Script
 * @property {string} source
 * @property {string} file
 * @property {boolean} [isBlock]  whether it is a block, which needs no function around it
 * @property {boolean} [isOfPage]  whether it uses what `src/shared.d.ts` declares
 * @property {Record<string, string>} [define]  constants that the source leaves open
 */

/**
 * @param {Script} script
 * @returns {Promise<Uint8Array>}
 */
async function bundled({source, isBlock, isOfPage, define}) {
  const {outputFiles} = await build({
    entryPoints: [fileURLToPath(new URL(source, SOURCE))],
    bundle: true,
    minify: true,
    define,
    mangleProps: isOfPage ? new RegExp(`^(${Object.keys(SHORT_NAMES).join('|')})$`) : undefined,
    mangleCache: isOfPage ? SHORT_NAMES : undefined,
    format: isBlock ? 'esm' : 'iife',
    target: 'es2020',
    // A page that a script is in may have any encoding.
    charset: 'ascii',
    loader: {'.css': 'text'},
    tsconfigRaw: '{}', // that of the types would put "use strict" before each script
    write: false,
    logLevel: 'warning',
  });
  const [{contents, text}] = outputFiles;
  if (text.includes('<!--')) {
    // esbuild escapes `</script` alone (HTML, "Restrictions for contents of script elements").
    throw new Error(`${source} builds a script with "<!--", which cannot be in a page`);
  }
  return contents;
}

/** @param {URL} url */
function contentOf(url) {
  try {
    return readFileSync(url);
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === 'ENOENT') return null;
    throw error;
  }
}

/** Return what is wrong with the built files. */
async function problems() {
  const found = [];
  for (const script of SCRIPTS) {
    const {source, file} = script;
    const content = contentOf(new URL(file, PACKAGE));
    if (!content?.equals(await bundled(script))) {
      found.push(`${file} is not what js/src/${source} builds: run \`make js\``);
    }
  }
  for (const name of readdirSync(new URL(ASSETS, PACKAGE))) {
    const file = ASSETS + name;
    if (name.endsWith('.js') && !SCRIPTS.some((script) => script.file === file)) {
      found.push(`${file} has no source in js/build.js: add it there, or remove the file`);
    }
  }
  return found;
}

async function write() {
  for (const script of SCRIPTS) {
    const {file} = script;
    const content = await bundled(script);
    writeFileSync(new URL(file, PACKAGE), content);
    const gzipped = gzipSync(content, {level: 6});
    console.log(`${file}: ${content.length} bytes, ${gzipped.length} gzipped`);
  }
}

const {values} = parseArgs({options: {check: {type: 'boolean'}}});
if (values.check) {
  const found = await problems();
  for (const problem of found) console.error(problem);
  process.exitCode = found.length ? 1 : 0;
} else {
  await write();
}
