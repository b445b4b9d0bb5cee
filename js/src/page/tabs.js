/*
 * What the tabs of a site tell each other: a digest of the user whom a page was last known to have.
 */

/** Return the digest that is stored; undefined if there is none, or the storage is closed. */
export function stored() {
  try {
    return localStorage.pavior;
  } catch {
    return undefined;
  }
}

/** Remove it, as there is no consent to storing anything. */
export function forget() {
  try {
    localStorage.removeItem('pavior');
  } catch {
    // It is closed, so there is none.
  }
}
