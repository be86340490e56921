/**
 * What an array or string of a cumulative stream held in its last piece, as bytes: the next piece begins with it and
 * is read from there on. Comparing costs a `memcmp`, so that n pieces of a growing reply do not cost n² of parsing.
 */
export class KnownPrefix {
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** Where it begins in the piece that is being read. */
  start = 0;

  get length(): number {
    return this.#length;
  }

  matches(bytes: Buffer, at: number, end: number): boolean {
    if (end - at < this.#length) return false;
    return this.#bytes.compare(bytes, at, at + this.#length, 0, this.#length) === 0;
  }

  /** It now reaches to `end` of the piece. */
  extend(bytes: Buffer, end: number): void {
    const length = end - this.start;
    if (length > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, 2 * this.#bytes.length, 1_024));
      this.#bytes.copy(grown, 0, 0, this.#length);
      this.#bytes = grown;
    }
    bytes.copy(this.#bytes, this.#length, this.start + this.#length, end);
    this.#length = length;
  }

  /** Nothing is known. */
  forget(): void {
    this.#length = 0;
  }
}
