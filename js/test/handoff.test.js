import assert from 'node:assert/strict';
import {readFileSync} from 'node:fs';
import {afterEach, suite, test} from 'node:test';
import {runInNewContext} from 'node:vm';
import {parseHandoff, takeCode} from '../src/handoff.js';

const SHARE_JS = new URL('../../pavior_middleware/sharing/share.js', import.meta.url);
const PAGE = 'https://help.example.com/a?b=c';

/** @type {[string, {code: string, address: string} | null][]}  what follows the page's address */
const ADDRESSES = [
  ['', null],
  ['#', null],
  ['#section', null],
  ['#section&pavior-handoff=abc', null],
  ['#pavior-handoff', null],
  ['#pavior-handoff=a%20b', null],
  ['#pavior-handoff=', {code: '', address: PAGE}],
  ['#pavior-handoff=ask', {code: 'ask', address: PAGE}],
  ['#pavior-handoff=a.B_9-z', {code: 'a.B_9-z', address: PAGE}],
  ['#pavior-handoff=abc&', {code: 'abc', address: PAGE}],
  ['#pavior-handoff=abc&section', {code: 'abc', address: `${PAGE}#section`}],
  ['#pavior-handoff=abc&a#b', {code: 'abc', address: `${PAGE}#a#b`}],
  ['#pavior-handoff=abc&pavior-handoff=def&section', {code: 'abc', address: `${PAGE}#section`}],
  [
    '#pavior-handoff=abc&/route?pavior-handoff=d',
    {code: 'abc', address: `${PAGE}#/route?pavior-handoff=d`},
  ],
];

/**
 * A window at an address, and what was done to its address.
 *
 * @param {string} href
 * @param {string} readyState
 */
function browserAt(href, readyState) {
  /** @type {string[][]} */
  const changes = [];
  const globals = {
    document: {readyState},
    window: {
      location: {href, replace: (/** @type {string} */ url) => changes.push(['replace', url])},
      history: {
        state: 'the state',
        replaceState: (/** @type {string[]} */ ...given) =>
          changes.push(['replaceState', ...given]),
      },
    },
  };
  return {changes, globals};
}

suite('the code of a handoff', () => {
  afterEach(() => {
    Reflect.deleteProperty(globalThis, 'window');
    Reflect.deleteProperty(globalThis, 'document');
  });

  for (const [fragment, expected] of ADDRESSES) {
    test(`is read from ${fragment || 'an address without a fragment'}`, () => {
      const found = parseHandoff(PAGE + fragment);
      assert.deepEqual(found && {code: found.code, address: found.address}, expected);
      assert.equal(found?.hasFragment ?? false, expected?.address.includes('#') ?? false);
    });
  }

  for (const [fragment] of ADDRESSES) {
    for (const readyState of ['loading', 'complete']) {
      test(`is taken as share.js takes it: ${fragment || 'none'}, ${readyState}`, () => {
        const source = readFileSync(SHARE_JS, 'utf8');
        const taking = /^ {2}function codeInAddress\(\) \{\n.*?^ {2}\}\n/ms.exec(source)?.[0];
        const there = browserAt(PAGE + fragment, readyState);
        const expected = runInNewContext(`${taking} codeInAddress()`, there.globals);

        const here = browserAt(PAGE + fragment, readyState);
        Object.assign(globalThis, here.globals);
        assert.equal(takeCode(), expected);
        assert.deepEqual(here.changes, there.changes);
      });
    }
  }
});
