/*
 * Who somebody is: a text each, and absent for nobody.
 */

/** @typedef {{id?: unknown, email?: unknown, hmac?: unknown}} Identity */

export const NAMES = /** @type {const} */ (['id', 'email', 'hmac']);

/**
 * Take over who somebody is, and nothing else.
 *
 * @param {Identity | null | undefined} said
 */
export function identified(said) {
  /** @type {{id?: string, email?: string, hmac?: string}} */
  const identity = {};
  for (const name of NAMES) {
    const text = said?.[name];
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
