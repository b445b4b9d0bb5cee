import assert from 'node:assert/strict';
import {suite, test} from 'node:test';
import {after, mayTravel} from '../src/share/knowledge.js';
import * as happens from '../src/share/transitions.js';

/** @typedef {import('../src/share/knowledge').Known} Known */
/** @typedef {import('../src/share/knowledge').Way} Way */

const PAGE = 'https://help.example.com/page';
const NOW = 1_000_000;
const ADA = {id: '7', email: 'ada@example.com', hmac: 'a'};
const BOB = {id: '8', email: 'bob@example.com', hmac: 'b'};
const TRIP = {verifier: 'the verifier', to: PAGE};

/** @type {Known} */
const NOTHING = {turn: 1, now: NOW, loan: null, trip: null, trips: null};

const UNKNOWN = {identity: {}, seconds: null};
const NOBODY = {identity: {}, seconds: 0};

/**
 * @param {object} identity
 * @param {Way} way
 */
function loanOf(identity, way) {
  return {identity, until: NOW + 60_000, way};
}

/**
 * What is known of Ada.
 *
 * @param {Way} way
 * @param {Partial<Known>} [more]
 * @returns {Known}
 */
function knowing(way, more) {
  return {...NOTHING, loan: loanOf(ADA, way), named: ADA, ...more};
}

suite('an answer', () => {
  test('that names somebody lends who it is, and ends what was begun to learn that', () => {
    const known = {...NOTHING, trips: 1, trip: TRIP};
    assert.deepEqual(after(known, happens.answer, {identity: ADA, seconds: 60}, 'cookie', 1), {
      ...NOTHING,
      loan: loanOf(ADA, 'cookie'),
      named: ADA,
      left: null,
    });
  });

  for (const seconds of [null, 0, 1]) {
    test(`that lends somebody for ${seconds} seconds does so for five`, () => {
      const {loan} = after(NOTHING, happens.answer, {identity: ADA, seconds}, 'cookie');
      assert.equal(loan?.until, NOW + 5000);
    });
  }

  for (const way of /** @type {const} */ (['cookie', 'code', 'frame'])) {
    test(`that nobody is logged in ends a loan by the ${way}, and is what the page asked for`, () => {
      const known = knowing(way, {trips: 0, trip: TRIP});
      const {loan, named, trips, trip} = after(known, happens.answer, NOBODY, 'cookie', 1);
      assert.deepEqual(
        {loan, named, trips, trip},
        {loan: null, named: {}, trips: null, trip: null},
      );
    });
  }

  // What is left of a loan by an answer that does not say who is there, by the ways of both.
  /** @type {[Way | 'none', boolean, Record<Way, boolean>][]} */
  const lasting = [
    ['cookie', false, {cookie: false, code: true, frame: true}],
    ['cookie', true, {cookie: false, code: true, frame: false}],
    ['code', false, {cookie: true, code: false, frame: true}],
    ['frame', false, {cookie: true, code: true, frame: false}],
    ['none', false, {cookie: true, code: true, frame: true}],
  ];
  for (const [way, hasAccess, byWay] of lasting) {
    for (const [ofLoan, lasts] of /** @type {[Way, boolean][]} */ (Object.entries(byWay))) {
      const which = `by the ${way}${hasAccess ? ', which came along,' : ''}`;
      const says = `that does not say who is there, ${which} ${lasts ? 'leaves' : 'ends'}`;
      test(`${says} a loan by the ${ofLoan}`, () => {
        const known = knowing(ofLoan, {back: 'x', trips: 1});
        const {loan, named, trips} = after(known, happens.answer, {...UNKNOWN, hasAccess}, way);
        assert.deepEqual(loan, lasts ? loanOf(ADA, ofLoan) : null);
        assert.deepEqual(named, lasts ? ADA : {});
        assert.equal(trips, 1);
      });
    }
  }

  test('that a newer question has overtaken counts no more', () => {
    const known = after(knowing('cookie'), happens.question);
    for (const answer of [{identity: BOB, seconds: 60}, NOBODY, UNKNOWN]) {
      assert.deepEqual(after(known, happens.answer, answer, 'cookie', 1), known);
    }
  });

  test('that comes after a click has told who is there counts no more', () => {
    const asking = after(NOTHING, happens.question);
    const known = after(asking, happens.answer, {identity: ADA, seconds: 60}, 'frame');
    assert.deepEqual(known.loan, loanOf(ADA, 'frame'));
    assert.deepEqual(after(known, happens.answer, UNKNOWN, 'cookie', asking.turn), known);
  });

  test('after a click that told nothing counts', () => {
    const asking = after(NOTHING, happens.question);
    const known = after(asking, happens.answer, UNKNOWN, 'frame');
    const answer = {identity: BOB, seconds: 60};
    assert.deepEqual(after(known, happens.answer, answer, 'cookie', asking.turn).named, BOB);
  });

  test('to a code counts whatever has been asked since', () => {
    const known = after({...NOTHING, back: 'x'}, happens.question);
    const {named} = after(known, happens.answer, {identity: ADA, seconds: 60}, 'code');
    assert.deepEqual(named, ADA);
  });
});

suite('a page', () => {
  const led = {trip: null, trips: 0, back: null, loan: null, left: null};
  const learned = {trip: null, trips: null};
  /** @type {[string, Partial<Known>, [string | null, string, boolean, boolean], Partial<Known>][]} */
  const arrivals = [
    ['that a link of the lender leads to', {}, [null, PAGE, true, true], led],
    ['that was reloaded', {}, [null, PAGE, false, true], {}],
    ['that is somewhere else from', {}, [null, PAGE, true, false], {}],
    ['with the hint', {}, ['ask', PAGE, true, false], led],
    ['with the hint, reloaded', {}, ['ask', PAGE, false, false], led],
    ['with a code that was not asked for', {}, ['abc', PAGE, true, false], {}],
    [
      'back from a trip with a code',
      {trip: TRIP, trips: 1},
      ['abc', PAGE, true, true],
      {trip: null, back: 'the verifier'},
    ],
    [
      'back from a trip with the code of nobody',
      {trip: TRIP, trips: 1},
      ['', PAGE, true, true],
      {trip: null, back: 'the verifier'},
    ],
    ['back from a trip without a code', {trip: TRIP, trips: 1}, [null, PAGE, true, true], learned],
    ['left on a trip by a reload', {trip: TRIP, trips: 1}, [null, PAGE, false, true], {trip: null}],
    [
      'left on a trip for another',
      {trip: TRIP, trips: 1},
      [null, `${PAGE}/2`, true, true],
      {trip: null},
    ],
    [
      'back from a trip with the hint alone',
      {trip: TRIP, trips: 1},
      ['ask', PAGE, true, false],
      {...led, trips: 1},
    ],
    ['on a trip, led here with the hint', {trip: TRIP, trips: 1}, ['ask', PAGE, true, true], led],
  ];
  for (const [which, tab, arrival, expected] of arrivals) {
    test(which, () => {
      const known = {...NOTHING, loan: loanOf(ADA, 'code'), ...tab};
      assert.deepEqual(after(known, happens.arrival, ...arrival), {...known, ...expected});
    });
  }

  for (const [way, named] of /** @type {const} */ ([
    ['code', ADA],
    ['frame', ADA],
    ['cookie', undefined],
  ])) {
    test(`names ${named ? 'at once' : 'only after an answer'} whom the ${way} has told`, () => {
      const known = {...NOTHING, loan: loanOf(ADA, way)};
      assert.deepEqual(after(known, happens.recall).named, named);
    });
  }

  test('that knows nobody does not name nobody before the lender answers', () => {
    assert.equal(after(NOTHING, happens.recall).named, undefined);
  });

  test('that nobody looks at names nobody when the loan is over', () => {
    const {loan, named} = after(knowing('code'), happens.end);
    assert.deepEqual({loan, named}, {loan: null, named: {}});
  });
});

suite('the lender leads to an open page', () => {
  const exchanging = knowing('code', {back: 'x', trip: TRIP, trips: 2});
  const known = after(exchanging, happens.led);

  test('whose user counts no more, but is named until another is known', () => {
    assert.equal(known.loan, null);
    assert.deepEqual(known.named, ADA);
  });

  test('from which the tab may go to the lender again', () => {
    assert.deepEqual([mayTravel(exchanging), mayTravel(known)], [false, true]);
  });

  for (const answer of [{identity: ADA, seconds: 60}, NOBODY, UNKNOWN]) {
    test(`where a code brings ${JSON.stringify(answer)} too late`, () => {
      assert.deepEqual(after(known, happens.answer, answer, 'code'), known);
    });
  }

  test('where a code that is refused changes nothing', () => {
    assert.deepEqual(after(known, happens.refusal), known);
  });
});

suite('a trip', () => {
  test('is for tabs that were led here and have not learned who is there', () => {
    assert.equal(mayTravel(NOTHING), false);
    assert.equal(mayTravel(after(NOTHING, happens.led)), true);
  });

  test('is one of two', () => {
    let known = after(NOTHING, happens.led);
    known = after(known, happens.trip, TRIP);
    assert.deepEqual([known.trip, known.trips, mayTravel(known)], [TRIP, 1, true]);
    known = after(known, happens.trip, TRIP);
    assert.deepEqual([known.trips, mayTravel(known)], [2, false]);
  });

  test('is the last one if the lender refuses the code', () => {
    const known = {...NOTHING, trips: 1, back: 'x'};
    assert.equal(mayTravel(after(known, happens.refusal)), false);
  });

  test('is not the last one if the lender fails', () => {
    assert.equal(mayTravel(after({...NOTHING, trips: 1}, happens.answer, UNKNOWN, 'none')), true);
  });
});

suite('after a logout', () => {
  const known = after(knowing('code', {back: 'x', trip: TRIP, trips: 0}), happens.logout);
  const ada = {identity: ADA, seconds: 60};

  test('nobody is named, and nothing is left of the user', () => {
    const {loan, named, trip, trips, back} = known;
    const expected = {loan: null, named: {}, trip: null, trips: null, back: null};
    assert.deepEqual({loan, named, trip, trips, back}, expected);
  });

  for (const way of /** @type {const} */ (['cookie', 'code', 'frame'])) {
    test(`the user counts no more, if the ${way} tells of them`, () => {
      assert.deepEqual(after(known, happens.answer, ada, way), known);
    });
  }

  test('a failure changes nothing', () => {
    const failed = after(known, happens.answer, UNKNOWN, 'none');
    assert.deepEqual(after(failed, happens.answer, ada, 'cookie'), failed);
    assert.deepEqual(failed.named, {});
  });

  test('another logout changes nothing', () => {
    const again = after(known, happens.logout);
    assert.deepEqual(after(again, happens.answer, ada, 'cookie').named, {});
  });

  test('somebody else counts', () => {
    assert.deepEqual(
      after(known, happens.answer, {identity: BOB, seconds: 60}, 'cookie').named,
      BOB,
    );
  });

  /** @type {[string, (known: Known) => Known][]} */
  const ends = [
    [
      'the lender has named nobody for certain',
      (known) => after(known, happens.answer, NOBODY, 'cookie'),
    ],
    ['the lender has not named them', (known) => after(known, happens.answer, UNKNOWN, 'cookie')],
    ['the page asks again', (known) => after(known, happens.refresh)],
    ['the lender leads here', (known) => after(known, happens.led)],
    [
      'somebody else was there',
      (known) => after(known, happens.answer, {identity: BOB, seconds: 60}, 'cookie'),
    ],
  ];
  for (const [what, end] of ends) {
    test(`the user counts again once ${what}`, () => {
      assert.deepEqual(after(end(known), happens.answer, ada, 'cookie').named, ADA);
    });
  }

  test('whom the tab knew, though the page had not named them, counts no more', () => {
    const untold = after({...NOTHING, loan: loanOf(ADA, 'cookie')}, happens.logout);
    assert.deepEqual(after(untold, happens.answer, ada, 'cookie').named, {});
  });
});

test('no transition changes what was known', () => {
  const known = Object.freeze(
    knowing('code', {back: 'x', trip: Object.freeze({...TRIP}), trips: 1}),
  );
  Object.freeze(known.loan);
  /** @type {Record<keyof typeof happens, any[]>} */
  const facts = {
    arrival: ['abc', PAGE, true, true],
    led: [],
    recall: [],
    question: [],
    answer: [{identity: BOB, seconds: 60}, 'cookie', 1],
    refusal: [],
    trip: [TRIP],
    refresh: [],
    logout: [],
    end: [],
  };
  assert.deepEqual(Object.keys(facts).sort(), Object.keys(happens).sort());
  // A change of what is frozen would throw.
  for (const [name, transition] of Object.entries(happens)) {
    const [...given] = facts[/** @type {keyof typeof happens} */ (name)];
    after(
      known,
      /** @type {import('../src/share/knowledge').Transition<any>} */ (transition),
      ...given,
    );
  }
  assert.deepEqual(known, knowing('code', {back: 'x', trip: TRIP, trips: 1}));
});
