/*
 * The element that loads this file, and where the lender is.
 */

/** @typedef {() => HTMLElement | null | undefined} Bubble */

/**
 * Null if this is a module; then nothing else of this file is used. Markup with the name of a property
 * can replace that property of the document.
 */
export const script = /** @type {HTMLScriptElement & {code?: string | null, bubble?: Bubble}} */ (
  Reflect.get(Document.prototype, 'currentScript', document)
);

/** The URL of the lender's paths. */
export const base = script && new URL('.', script.src);
