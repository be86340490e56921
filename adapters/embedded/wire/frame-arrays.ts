/** Where the arrays of frames go: slabs that many small ones share, and rows in words of their own. */
import { PacelineError } from "../../../server/contract/errors.ts";
import type { IdRows } from "../../../server/contract/side-data.ts";
import { assertLogprobs } from "../../../server/contract/tokens.ts";

/** Copies a part of any bytes without a view of it, which would cost more than the bytes of a frame. */
const { copy } = Buffer.prototype;

/** Up to here words are copied one by one: cheaper than two calls. */
const FEW_TOKENS = 8;

/** Room for tokens, filled once from the front: what is behind `used` is nobody's, and not even zero. */
export class Slab {
  readonly capacity: number;
  readonly ids: Uint32Array;
  readonly logprobs: Float32Array;
  readonly #bytes: Buffer<ArrayBuffer>;
  readonly #logprobBits: Uint32Array;
  used = 0;

  constructor(capacity: number) {
    // To clear it costs ten times as much as to take it.
    this.#bytes = Buffer.allocUnsafeSlow(8 * capacity);
    const memory = this.#bytes.buffer;
    this.capacity = capacity;
    this.ids = new Uint32Array(memory, 0, capacity);
    this.logprobs = new Float32Array(memory, 4 * capacity, capacity);
    this.#logprobBits = new Uint32Array(memory, 4 * capacity, capacity);
  }

  /** The wire's two arrays, wherever they lie: u32×count, f32×count. Throws `misaligned`, adding nothing. */
  add(bytes: Uint8Array, at: number, count: number): void {
    const used = this.used;
    const logprobsAt = at + 4 * count;
    if (count <= FEW_TOKENS) {
      for (let i = 0; i < count; i++) {
        this.ids[used + i] = u32(bytes, at + 4 * i);
        this.#logprobBits[used + i] = u32(bytes, logprobsAt + 4 * i);
      }
    } else {
      const end = logprobsAt + 4 * count;
      copy.call(bytes, this.#bytes, 4 * used, at, logprobsAt);
      copy.call(bytes, this.#bytes, 4 * (this.capacity + used), logprobsAt, end);
    }
    // Frame by frame, so that a bad one does not take good ones before it along.
    assertLogprobs(this.logprobs, used, used + count);
    this.used = used + count;
  }
}

/** Takes arrays from the front of a frame's words, which they must fill. */
export class WordCursor {
  readonly #words: Uint32Array;
  #at = 0;

  constructor(words: Uint32Array) {
    this.#words = words;
  }

  take(length: number): Uint32Array {
    const from = this.#at;
    this.#at += length;
    if (this.#at > this.#words.length) {
      throw new PacelineError("misaligned", "tokens or rows beyond their frame's end");
    }
    return this.#words.subarray(from, this.#at);
  }

  floats(length: number): Float32Array {
    const { buffer, byteOffset } = this.take(length);
    return new Float32Array(buffer, byteOffset, length);
  }

  rows(count: number): IdRows {
    const offsets = this.take(count + 1);
    return { offsets, ids: this.take(offsets[count] as number) };
  }

  end(): void {
    if (this.#at === this.#words.length) return;
    throw new PacelineError("misaligned", "a frame longer than its tokens and rows");
  }
}

export function u32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}
