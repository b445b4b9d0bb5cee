/*
 * What tells other tabs that somebody else is logged in: 32 bits of who it is, in localStorage.
 * The server writes the same tag into a page (`snippet.py`).
 */

/** @typedef {import('../shared').Options} Options */

/** Return the tag of the user whom a tab named last; null if no tab did, or if the storage is closed. */
export function stored() {
  try {
    return window.localStorage.pavior;
  } catch {
    return null;
  }
}

/**
 * @param {Options | null} user  null without consent, and then nothing stays stored
 * @returns {string | undefined} the user's tag
 */
export function store(user) {
  const tag = user ? tagOf(user) : undefined;
  try {
    if (tag) window.localStorage.pavior = tag;
    else delete window.localStorage.pavior;
  } catch {
    // It is closed or full: other tabs ask a little later.
  }
  return tag;
}

/** @param {Options} user */
export function tagOf({id = '', email = '', hmac = ''}) {
  let sum = 0;
  for (const unit of `${id}\n${email}\n${hmac}`.split('')) {
    sum = (Math.imul(sum, 31) + unit.charCodeAt(0)) | 0;
  }
  return (sum >>> 0).toString(36);
}
