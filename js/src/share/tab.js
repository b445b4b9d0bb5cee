/*
 * What the tab keeps in its sessionStorage.
 */

import {base} from './element.js';
import {isTop} from './window.js';

/** @typedef {import('./knowledge').Tab} Tab */

/** @param {string} key */
function stored(key) {
  try {
    return JSON.parse(/** @type {string} */ (sessionStorage.getItem(key)));
  } catch {
    return null; // it is closed, or has something else there
  }
}

/**
 * @param {string} key
 * @param {unknown} value
 * @returns {boolean} whether it is stored
 */
function store(key, value) {
  try {
    sessionStorage.removeItem(key);
    if (value !== null) sessionStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false; // it is closed or full
  }
}

const KEY = `pavior-share ${base}`;
const KEYS = {loan: KEY, trip: `${KEY} verifier`, trips: `${KEY} trips`};

/** Whether the storage has had room for everything. */
export let isStored = true;

/**
 * @param {Tab} known  where the storage has no room, a loan lasts as long as the page
 * @returns {Tab}
 */
export function read({loan}) {
  /** @type {any} */
  const kept = isStored ? stored(KEYS.loan) : loan;
  return {
    loan: kept?.until > Date.now() ? kept : null,
    // Frames of the same site share the storage, but the lender leads no frame anywhere.
    trip: isTop ? stored(KEYS.trip) : null,
    trips: isTop ? stored(KEYS.trips) : null,
  };
}

/**
 * @param {Tab} before
 * @param {Tab} after
 */
export function write(before, after) {
  /** @type {keyof Tab} */
  let name;
  for (name in KEYS) {
    if (after[name] !== before[name]) isStored = store(KEYS[name], after[name]) && isStored;
  }
}
