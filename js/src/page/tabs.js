/*
 * Tells other tabs that somebody else is logged in, by a hash of 32 bits in localStorage. The server
 * writes the same tag into a page (`snippet.py`).
 */

import {NAMES} from '../identity.js';

/** @typedef {import('../shared').Options} Options */

/**
 * Return the tag of the user whom a tab named last; nothing without one, or if the storage is blocked.
 *
 * @returns {string | undefined}
 */
export function stored() {
  try {
    return localStorage.pavior;
  } catch {
    return undefined;
  }
}

/**
 * @param {Options | null} user  null without consent, and then nothing stays stored
 * @returns {string | undefined} the user's tag
 */
export function store(user) {
  const tag = user ? tagOf(user) : undefined;
  try {
    if (tag) localStorage.pavior = tag;
    else delete localStorage.pavior;
  } catch {
    // It is closed or full: other tabs ask a little later.
  }
  return tag;
}

/**
 * Return who somebody is, as a text.
 *
 * @param {Options | null} [user]
 */
export function textOf(user) {
  return NAMES.map((name) => user?.[name] ?? '').join('\n');
}

/** @param {Options} user */
export function tagOf(user) {
  let sum = 0;
  for (const unit of textOf(user).split('')) {
    sum = (Math.imul(sum, 31) + unit.charCodeAt(0)) | 0;
  }
  return (sum >>> 0).toString(36);
}
