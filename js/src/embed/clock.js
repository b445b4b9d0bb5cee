/*
 * Times as the inbox writes them too: `_clock.py` of the emulator.
 */

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

/** @param {number} number */
function twoDigits(number) {
  return String(number).padStart(2, '0');
}

/**
 * Return a moment in this machine's time zone: `14:03`, or `21 Nov, 14:03` on another day.
 *
 * @param {Date} moment
 * @param {Date} now
 */
export function readable(moment, now) {
  const time = `${twoDigits(moment.getHours())}:${twoDigits(moment.getMinutes())}`;
  if (moment.toDateString() === now.toDateString()) return time;
  return `${moment.getDate()} ${MONTHS[moment.getMonth()]}, ${time}`;
}
