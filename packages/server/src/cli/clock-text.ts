/** Times for people, in the machine's own time zone: always digits, so that they sort and line up. */

/** `2026-02-01 12:03`. */
export function dateAndTime(ms: number): string {
  const date = new Date(ms);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())} ${timeOfDay(ms)}`;
}

/** `12:03`. */
export function timeOfDay(ms: number): string {
  const date = new Date(ms);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}`;
}

/** The time alone where `ms` is on the same day as `now`, else with the date. */
export function shortTime(ms: number, now = Date.now()): string {
  return new Date(ms).toDateString() === new Date(now).toDateString() ? timeOfDay(ms) : dateAndTime(ms);
}

function pad(number: number): string {
  return String(number).padStart(2, "0");
}
