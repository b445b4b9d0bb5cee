/*
 * The options that say who a user is. Each is text, or absent.
 */

/** @typedef {{id?: unknown, email?: unknown, hmac?: unknown}} Identity */

export const NAMES = /** @type {const} */ (['id', 'email', 'hmac']);

/**
 * Return only the options that identify a user.
 *
 * @param {Identity | null | undefined} answer
 */
export function identified(answer) {
  /** @type {{id?: string, email?: string, hmac?: string}} */
  const identity = {};
  for (const name of NAMES) {
    const text = answer?.[name];
    if (typeof text === 'string') identity[name] = text;
  }
  return identity;
}

/**
 * @param {Identity | null | undefined} one
 * @param {Identity | null | undefined} other
 */
export function isSame(one, other) {
  return NAMES.every((name) => one?.[name] === other?.[name]);
}
