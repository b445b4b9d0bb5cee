/*
 * Limits of times and numbers. This module has no imports, so esbuild inlines its numbers.
 */

// Milliseconds.
export const LONGEST_WAIT = 5000;
export const SHORTEST_LOAN = 5000;
export const LONGEST_NAP = 60000; // timers stand still while the machine sleeps
export const PAUSE = 100;

export const MOST_PAUSES = 100; // a click counts for five seconds
export const LONGEST_ADDRESS = 4000; // characters; some servers take little more
export const MOST_TRIPS = 2;
