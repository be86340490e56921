/**
 * Typed arrays of a length that is not known before. Two classes, so that reading into either stays monomorphic. What is
 * given lies one behind the other in memory as long as there is room, and is written no more.
 */

const FIRST = 64;

export class GrowingUint32 {
  /** Its first `length` places are taken. */
  array: Uint32Array<ArrayBuffer>;
  length = 0;

  /** `room`: values that fit before it grows. */
  constructor(room = FIRST) {
    this.array = new Uint32Array(room);
  }

  push(value: number): void {
    if (this.length === this.array.length) this.grow();
    this.array[this.length++] = value;
  }

  /** Doubles the room; what is held moves into the array that this answers. */
  grow(): Uint32Array<ArrayBuffer> {
    const grown = new Uint32Array(Math.max(FIRST, 2 * this.array.length));
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

  /** All values where they lie; none are left, and what comes goes behind them. */
  give(): Uint32Array {
    const given = this.array.subarray(0, this.length);
    this.array = this.array.subarray(this.length);
    this.length = 0;
    return given;
  }
}

export class GrowingFloat32 {
  /** Its first `length` places are taken. */
  array: Float32Array<ArrayBuffer>;
  length = 0;

  /** `room`: values that fit before it grows. */
  constructor(room = FIRST) {
    this.array = new Float32Array(room);
  }

  push(value: number): void {
    if (this.length === this.array.length) this.grow();
    this.array[this.length++] = value;
  }

  /** Doubles the room; what is held moves into the array that this answers. */
  grow(): Float32Array<ArrayBuffer> {
    const grown = new Float32Array(Math.max(FIRST, 2 * this.array.length));
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

  /** All values where they lie; none are left, and what comes goes behind them. */
  give(): Float32Array {
    const given = this.array.subarray(0, this.length);
    this.array = this.array.subarray(this.length);
    this.length = 0;
    return given;
  }
}
