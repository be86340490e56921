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

/** A view of all that lies under `bytes`: the same one again while that is the same, as a socket's buffer is. */
export function viewUnder(bytes: Buffer, last: DataView): DataView {
  return last.buffer === bytes.buffer ? last : new DataView(bytes.buffer);
}

/**
 * Eight bytes are compared at a time, as doubles: equal ones have equal bits, since text holds no byte of which a zero or
 * a NaN could be made. Where it does, they are unequal, and the cursor looks for itself.
 */
export class Literal {
  readonly #length: number;
  readonly #first: number;
  readonly #last: number;

  /** ASCII, 8 to 16 characters. */
  constructor(text: string) {
    if (text.length < 8 || text.length > 16) throw new RangeError("8 to 16 characters");
    const bytes = Buffer.from(text, "latin1");
    this.#length = bytes.length;
    this.#first = bytes.readDoubleLE(0);
    this.#last = bytes.readDoubleLE(bytes.length - 8);
  }

  /** Where it ends if it is at `at`; else -1. */
  match(view: DataView, at: number): number {
    const end = at + this.#length;
    if (end > view.byteLength) return -1;
    if (view.getFloat64(at, true) !== this.#first) return -1;
    return view.getFloat64(end - 8, true) === this.#last ? end : -1;
  }
}

/** Where `view[from, to)`, at least 8 bytes, ends if it is written again at `at`; else -1. */
export function repeated(view: DataView, from: number, to: number, at: number): number {
  const apart = at - from;
  if (to + apart > view.byteLength || to - from < 8) return -1;
  for (let here = from; here + 8 <= to; here += 8) {
    if (view.getFloat64(here, true) !== view.getFloat64(here + apart, true)) return -1;
  }
  if (view.getFloat64(to - 8, true) !== view.getFloat64(to - 8 + apart, true)) return -1;
  return to + apart;
}
