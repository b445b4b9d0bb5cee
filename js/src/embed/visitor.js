const KEY = 'pavior-emulator-visitor';

/** @type {string | null} */
let inMemory = null;

/** Return the name by which the emulator knows this browser. */
export function visitor() {
  try {
    const known = window.localStorage.getItem(KEY);
    if (known) return known;
    const fresh = inMemory ?? randomName();
    window.localStorage.setItem(KEY, fresh);
    return fresh;
  } catch {
    // Storage is blocked or full: the visitor lasts as long as the page.
    inMemory ??= randomName();
    return inMemory;
  }
}

function randomName() {
  const bytes = window.crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
