/** Digits four at a time, as a little-endian int32 of their bytes. Small enough that V8 works all of them into one loop. */

/** Each byte's high half is not 3, or its low half is above 9: whatever is not 0 here is no digit, the first for sure. */
const strange = (x: number): number =>
  ((x & 0xf0f0f0f0) ^ 0x30303030) | (((x + 0x06060606) & 0xf0f0f0f0) ^ 0x30303030);

export const areDigits = (x: number, y: number, z: number): boolean =>
  (strange(x) | strange(y) | strange(z)) === 0;

/** How many digits come before whatever is none. No branch: how long numbers are is hard to foretell. */
export function leadingDigits(x: number): number {
  const others = strange(x);
  return (32 - Math.clz32(~others & (others - 1))) >> 3;
}

/** Of digits. Neighbours are added up to numbers below 100, then those. */
export function fourDigits(x: number): number {
  const digits = x & 0x0f0f0f0f;
  const pairs = Math.imul(digits, 10) + (digits >>> 8);
  return Math.imul(pairs & 0xff, 100) + ((pairs >>> 16) & 0xff);
}
