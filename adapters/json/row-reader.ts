/**
 * A tight loop over elements of an array that an engine writes all alike, byte for byte. The cursor hands the array
 * over and goes on by itself at the first element that is written otherwise: a reader need know one way only.
 */
export interface RowReader {
  /**
   * Reads the elements from `from` on, each after a comma but the first where `fresh`. Where the last that fits
   * ended (`from`: none did). Of one that does not fit nothing is kept.
   */
  read(bytes: Buffer, from: number, fresh: boolean): number;
}

/** Where `literal` ends if it is at `at`; else -1. */
export function matched(bytes: Buffer, at: number, literal: Uint8Array): number {
  const length = literal.length;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== literal[i]) return -1;
  return at + length;
}

/** Where `bytes[from, to)` ends if it is written again at `at`; else -1. */
export function repeated(bytes: Buffer, from: number, to: number, at: number): number {
  const length = to - from;
  for (let i = 0; i < length; i++) if (bytes[at + i] !== bytes[from + i]) return -1;
  return at + length;
}
