/** Typed arrays of a length that is not known before. */

const FIRST = 64;

export class GrowingUint32 {
  #array = new Uint32Array(FIRST);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#array.length) {
      const grown = new Uint32Array(2 * this.#length);
      grown.set(this.#array);
      this.#array = grown;
    }
    this.#array[this.#length++] = value;
  }

  /** Forgets what came after the first `length`. */
  rewind(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** All values in an array of their own; none are left. */
  take(): Uint32Array {
    const taken = this.#array.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }
}

export class GrowingFloat32 {
  #array = new Float32Array(FIRST);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    if (this.#length === this.#array.length) {
      const grown = new Float32Array(2 * this.#length);
      grown.set(this.#array);
      this.#array = grown;
    }
    this.#array[this.#length++] = value;
  }

  /** Forgets what came after the first `length`. */
  rewind(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  /** All values in an array of their own; none are left. */
  take(): Float32Array {
    const taken = this.#array.slice(0, this.#length);
    this.#length = 0;
    return taken;
  }
}
