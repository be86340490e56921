/**
 * Tokens and their logprobs, growing. Chunks that lie one behind the other in memory, as an adapter's
 * slab gives them, are kept where they lie; at the first that does not, all move to arrays of their own,
 * which grow by doubling. Memory that is not its own is never written.
 */
import type { TokenRun } from "../contract/tokens.ts";

/** Of whoever waits, shared: an empty array costs 200 bytes. */
const NO_IDS = new Uint32Array(0);
const NO_LOGPROBS = new Float32Array(0);

export class TokenArrays {
  readonly #initial: number;
  /** Where the tokens begin, up to the end of the memory. */
  #ids: Uint32Array = NO_IDS;
  #logprobs: Float32Array = NO_LOGPROBS;
  #own = false;
  #length = 0;

  /** `initial`: tokens that the first arrays of its own have room for. */
  constructor(initial: number) {
    this.#initial = initial;
  }

  get length(): number {
    return this.#length;
  }

  get ids(): Uint32Array {
    return this.#ids.subarray(0, this.#length);
  }

  get logprobs(): Float32Array {
    return this.#logprobs.subarray(0, this.#length);
  }

  /** The arrays are its own from here on, or views of memory that is written no more. */
  append({ ids, logprobs }: Pick<TokenRun, "ids" | "logprobs">): void {
    const from = this.#length;
    if (from === 0 && !this.#own) {
      this.#ids = new Uint32Array(ids.buffer, ids.byteOffset, wordsFrom(ids));
      this.#logprobs = new Float32Array(logprobs.buffer, logprobs.byteOffset, wordsFrom(logprobs));
    } else if (this.#own || !lies(ids, this.#ids, from) || !lies(logprobs, this.#logprobs, from)) {
      this.#reserve(from + ids.length);
      this.#ids.set(ids, from);
      this.#logprobs.set(logprobs, from);
    }
    this.#length = from + ids.length;
  }

  /** Forgets what is behind the first `length` tokens; what was handed out stays as it is. */
  truncate(length: number): void {
    this.#length = length;
    this.#own = false;
    this.#reserve(length);
  }

  /** Forgets all; what was handed out stays as it is. */
  clear(): void {
    this.#ids = NO_IDS;
    this.#logprobs = NO_LOGPROBS;
    this.#own = false;
    this.#length = 0;
  }

  #reserve(length: number): void {
    if (this.#own && length <= this.#ids.length) return;
    const ids = new Uint32Array(Math.max(this.#initial, this.#length * 2, length));
    const logprobs = new Float32Array(ids.length);
    ids.set(this.ids);
    logprobs.set(this.logprobs);
    this.#ids = ids;
    this.#logprobs = logprobs;
    this.#own = true;
  }
}

const wordsFrom = ({ buffer, byteOffset }: Uint32Array | Float32Array): number =>
  (buffer.byteLength - byteOffset) >>> 2;

/** Whether `chunk` is what comes behind the first `words` of `memory`. */
const lies = (
  chunk: Uint32Array | Float32Array,
  memory: Uint32Array | Float32Array,
  words: number,
): boolean => chunk.buffer === memory.buffer && chunk.byteOffset === memory.byteOffset + 4 * words;
