/** Typed arrays of a length that is not known before. Two classes, so that reading into either stays monomorphic. */

const FIRST = 64;

export class GrowingUint32 {
  /** Its first `length` places are taken. */
  array = new Uint32Array(FIRST);
  length = 0;

  push(value: number): void {
    if (this.length === this.array.length) this.grow();
    this.array[this.length++] = value;
  }

  /** Doubles the room; what is held moves into the array that this answers. */
  grow(): Uint32Array<ArrayBuffer> {
    const grown = new Uint32Array(2 * this.array.length);
    grown.set(this.array);
    this.array = grown;
    return grown;
  }

  /** Forgets what came after the first `length`. */
  rewind(length: number): void {
    this.length = Math.min(this.length, length);
  }

  /** All values in an array of their own; none are left. */
  take(): Uint32Array {
    const taken = this.array.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}

export class GrowingFloat32 {
  /** Its first `length` places are taken. */
  array = new Float32Array(FIRST);
  length = 0;

  push(value: number): void {
    if (this.length === this.array.length) this.grow();
    this.array[this.length++] = value;
  }

  /** Doubles the room; what is held moves into the array that this answers. */
  grow(): Float32Array<ArrayBuffer> {
    const grown = new Float32Array(2 * this.array.length);
    grown.set(this.array);
    this.array = grown;
    return grown;
  }

  /** Forgets what came after the first `length`. */
  rewind(length: number): void {
    this.length = Math.min(this.length, length);
  }

  /** All values in an array of their own; none are left. */
  take(): Float32Array {
    const taken = this.array.slice(0, this.length);
    this.length = 0;
    return taken;
  }
}
