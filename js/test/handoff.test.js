import assert from 'node:assert/strict';
import {afterEach, suite, test} from 'node:test';
import {parseHandoff, takeCode} from '../src/handoff.js';

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
 * Be in a browser at an address, and return what is done to the address.
 *
 * @param {string} href
 * @param {string} readyState
 */
function browseTo(href, readyState) {
  /** @type {string[][]} */
  const changes = [];
  Object.assign(globalThis, {
    document: {readyState},
    location: {href, replace: (/** @type {string} */ url) => changes.push(['replace', url])},
    history: {
      state: 'the state',
      replaceState: (/** @type {string[]} */ ...given) => changes.push(['replaceState', ...given]),
    },
  });
  return changes;
}

suite('the code of a handoff', () => {
  afterEach(() => {
    for (const name of ['document', 'location', 'history']) {
      Reflect.deleteProperty(globalThis, name);
    }
  });

  for (const [fragment, expected] of ADDRESSES) {
    test(`is read from ${fragment || 'an address without a fragment'}`, () => {
      assert.deepEqual(parseHandoff(PAGE + fragment), expected);
    });
  }

  for (const [fragment, expected] of ADDRESSES) {
    test(`is taken out of the address bar: ${fragment || 'none'}`, () => {
      const changes = browseTo(PAGE + fragment, 'loading');
      assert.equal(takeCode(), expected?.code ?? null);
      assert.deepEqual(
        changes,
        expected ? [['replaceState', 'the state', '', expected.address]] : [],
      );
    });
  }

  test('leaves a page that is there at the place of the rest of the fragment', () => {
    const changes = browseTo(`${PAGE}#pavior-handoff=abc&section`, 'complete');
    assert.equal(takeCode(), 'abc');
    assert.deepEqual(changes, [['replace', `${PAGE}#section`]]);
  });

  test('leaves a page that is there where it is, without the rest of a fragment', () => {
    const changes = browseTo(`${PAGE}#pavior-handoff=abc`, 'complete');
    assert.equal(takeCode(), 'abc');
    assert.deepEqual(changes, [['replaceState', 'the state', '', PAGE]]);
  });
});
