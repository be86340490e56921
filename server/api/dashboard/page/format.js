/** Numbers and times as a person reads them. */
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenth = new Intl.NumberFormat("en", {
  minimumFractionDigits: 1,
  maximumFractionDigits: 1,
});

/** @param {number} value */
export const count = (value) => whole.format(value);

/**
 * A rate: whole from 10 up, one decimal below, so that a slow engine does not read as a dead one.
 * @param {number} value
 */
export const rate = (value) => (value === 0 || value >= 10 ? whole : tenth).format(value);

/** @param {number} part @param {number} all */
export const percent = (part, all) => (all > 0 ? `${whole.format((100 * part) / all)}%` : "–");

/**
 * The largest two units of a duration.
 * @param {number} ms
 */
export function duration(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const minutes = Math.floor(seconds / 60);
  const hours = Math.floor(minutes / 60);
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  if (minutes > 0) return `${minutes} min ${seconds % 60} s`;
  return `${seconds} s`;
}

/** @param {number} wallMs */
export const clockTime = (wallMs) =>
  new Date(wallMs).toLocaleTimeString([], { hour12: false, timeStyle: "medium" });

/**
 * The time of day, with the date unless it is today's.
 * @param {number} wallMs
 */
export function moment(wallMs) {
  const date = new Date(wallMs);
  if (date.toDateString() === new Date().toDateString()) return clockTime(wallMs);
  return `${date.toLocaleDateString([], { month: "short", day: "numeric" })}, ${clockTime(wallMs)}`;
}
