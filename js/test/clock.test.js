import assert from 'node:assert/strict';
import {test} from 'node:test';
import {readable} from '../src/embed/clock.js';

const NOW = new Date(2026, 10, 21, 14, 30);

test('a moment of today is a time of 24 hours', () => {
  assert.equal(readable(new Date(2026, 10, 21, 9, 5), NOW), '09:05');
  assert.equal(readable(new Date(2026, 10, 21, 0, 0), NOW), '00:00');
});

test('a moment of another day has its date', () => {
  assert.equal(readable(new Date(2026, 10, 2, 14, 3), NOW), '2 Nov, 14:03');
  assert.equal(readable(new Date(2025, 10, 21, 14, 30), NOW), '21 Nov, 14:30');
});
