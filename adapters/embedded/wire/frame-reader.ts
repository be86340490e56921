/**
 * The reading end: takes bytes in whatever pieces the socket gives and calls a sink per frame. Throws
 * a typed error at the first byte that `wire.ts` does not allow and is of no use afterwards.
 *
 * Ownership: the arrays given to the sink are the sink's for good. They are views into slabs that the
 * reader allocates and never writes twice, so that a chunk of a few tokens costs no allocation of its
 * own; a slab lives as long as any view of it. Nothing refers to the socket's buffers.
 */
import { PacelineError } from "../../../server/contract/errors.ts";
import { LIMITS } from "../../../server/limits.ts";
import { FRAME, HEADER_BYTES, MIXED, TOKENS_FIXED_BYTES } from "../wire.ts";

export interface FrameSink {
  started(cachedTokens: number): void;
  tokens(
    start: number,
    ids: Uint32Array,
    logprobs: Float32Array,
    version: number,
    mixed: boolean,
  ): void;
  prompt(start: number, logprobs: Float32Array, version: number): void;
  /** Parsed JSON, not yet checked. */
  finished(body: unknown): void;
  error(body: unknown): void;
}

/** Slabs start small, for short rollouts, and double up to this. */
const SLAB_BYTES = { first: 512, last: 16_384 } as const;

/** Type, flags and the two zero bytes, read as one number. */
const MIXED_TOKENS = FRAME.tokens | (MIXED << 8);

const utf8 = new TextDecoder("utf-8", { fatal: true });

function broken(message: string): PacelineError {
  return new PacelineError("engine_error", `the engine broke its protocol: ${message}`);
}

export class FrameReader {
  readonly #sink: FrameSink;
  readonly #frameBytes: number;
  /** Start of a frame whose rest has not come yet; grown once its length is known. */
  #held = new Uint8Array(0);
  #heldBytes = 0;
  #ended = false;
  #slab: ArrayBuffer = new ArrayBuffer(0);
  #slabUsed = 0;
  #slabNext: number = SLAB_BYTES.first;

  constructor(sink: FrameSink, frameBytes: number = LIMITS.engineFrameBytes) {
    this.#sink = sink;
    this.#frameBytes = frameBytes;
  }

  /** Whether the terminal frame has been read. */
  get ended(): boolean {
    return this.#ended;
  }

  push(chunk: Uint8Array): void {
    let at = this.#heldBytes === 0 ? 0 : this.#complete(chunk);
    while (chunk.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + this.#length(chunk, at);
      if (end > chunk.length) break;
      this.#frame(chunk, at, end);
      at = end;
    }
    if (at < chunk.length) this.#hold(chunk, at);
  }

  /** The reply is over. Throws unless its terminal frame was the last thing in it. */
  end(): void {
    if (this.#ended && this.#heldBytes === 0) return;
    throw broken(
      this.#heldBytes > 0
        ? "the reply ends inside a frame"
        : "the reply ends without a finished or an error frame",
    );
  }

  /** Fills up the held frame from `chunk`; the offset of what follows it. */
  #complete(chunk: Uint8Array): number {
    let at = 0;
    if (this.#heldBytes < HEADER_BYTES) {
      at = Math.min(HEADER_BYTES - this.#heldBytes, chunk.length);
      this.#append(chunk, 0, at);
      if (this.#heldBytes < HEADER_BYTES) return at;
    }
    const total = HEADER_BYTES + this.#length(this.#held, 0);
    this.#grow(total);
    const take = Math.min(total - this.#heldBytes, chunk.length - at);
    this.#append(chunk, at, at + take);
    if (this.#heldBytes === total) {
      this.#heldBytes = 0;
      this.#frame(this.#held, 0, total);
    }
    return at + take;
  }

  #hold(chunk: Uint8Array, at: number): void {
    if (this.#ended) throw broken("bytes after the last frame");
    this.#append(chunk, at, chunk.length);
  }

  #append(chunk: Uint8Array, from: number, to: number): void {
    this.#grow(this.#heldBytes + to - from);
    this.#held.set(chunk.subarray(from, to), this.#heldBytes);
    this.#heldBytes += to - from;
  }

  #grow(bytes: number): void {
    if (this.#held.length >= bytes) return;
    const bigger = new Uint8Array(Math.max(bytes, 256));
    bigger.set(this.#held.subarray(0, this.#heldBytes));
    this.#held = bigger;
  }

  /** Checks the header at `at`; payload bytes. */
  #length(bytes: Uint8Array, at: number): number {
    const length = u32(bytes, at);
    const type = u32(bytes, at + 4);
    if ((type < FRAME.started || type > FRAME.prompt) && type !== MIXED_TOKENS) {
      throw broken(`frame of type ${type}`);
    }
    if (length > this.#frameBytes) {
      throw broken(`a frame of ${length} bytes; the limit is ${this.#frameBytes}`);
    }
    if ((length & 3) !== 0) throw broken(`a frame of ${length} bytes, not a multiple of 4`);
    return length;
  }

  #frame(bytes: Uint8Array, at: number, end: number): void {
    if (this.#ended) throw broken("a frame after the last one");
    const payload = at + HEADER_BYTES;
    const type = bytes[at + 4];
    if (type === FRAME.tokens) this.#tokens(bytes, payload, end);
    else if (type === FRAME.started) {
      if (end - payload !== 4) throw broken(`a started frame of ${end - payload} bytes`);
      this.#sink.started(u32(bytes, payload));
    } else if (type === FRAME.prompt) {
      this.#prompt(bytes, payload, end);
    } else {
      this.#ended = true;
      const body = json(bytes, payload, end);
      if (type === FRAME.finished) this.#sink.finished(body);
      else this.#sink.error(body);
    }
  }

  #prompt(bytes: Uint8Array, at: number, end: number): void {
    const count = countOf(bytes, at, end);
    if (end - at - TOKENS_FIXED_BYTES !== 4 * count) {
      throw new PacelineError("misaligned", `${count} prompt logprobs in ${end - at} bytes`);
    }
    const logprobs = new Float32Array(count);
    new Uint8Array(logprobs.buffer).set(bytes.subarray(at + TOKENS_FIXED_BYTES, end));
    this.#sink.prompt(u32(bytes, at), logprobs, versionOf(bytes, at));
  }

  #tokens(bytes: Uint8Array, at: number, end: number): void {
    const count = countOf(bytes, at, end);
    const arrays = end - at - TOKENS_FIXED_BYTES;
    if (arrays !== 8 * count) {
      throw new PacelineError(
        "misaligned",
        `${count} output tokens need ${8 * count} bytes of ids and logprobs; the frame has ${arrays}`,
        { details: { tokens: count, bytes: arrays } },
      );
    }
    const version = versionOf(bytes, at);
    const slab = this.#room(arrays);
    const offset = this.#slabUsed - arrays;
    new Uint8Array(slab, offset, arrays).set(bytes.subarray(at + TOKENS_FIXED_BYTES, end));
    this.#sink.tokens(
      u32(bytes, at),
      new Uint32Array(slab, offset, count),
      new Float32Array(slab, offset + 4 * count, count),
      version,
      bytes[at - HEADER_BYTES + 5] === MIXED,
    );
  }

  /** The slab with `bytes` (a multiple of 8) more of it in use. */
  #room(bytes: number): ArrayBuffer {
    if (this.#slabUsed + bytes > this.#slab.byteLength) {
      // A chunk bigger than a slab gets one of its own size.
      this.#slab = new ArrayBuffer(Math.max(this.#slabNext, bytes));
      this.#slabNext = Math.min(2 * this.#slabNext, SLAB_BYTES.last);
      this.#slabUsed = 0;
    }
    this.#slabUsed += bytes;
    return this.#slab;
  }
}

/** Of a tokens or a prompt frame's payload. */
function countOf(bytes: Uint8Array, at: number, end: number): number {
  if (end - at < TOKENS_FIXED_BYTES) throw broken(`a frame with arrays of ${end - at} bytes`);
  const count = u32(bytes, at + 4);
  if (count === 0) throw broken("a frame without tokens");
  return count;
}

function versionOf(bytes: Uint8Array, at: number): number {
  const high = u32(bytes, at + 12);
  if (high >= 2 ** 21) throw broken("a version beyond 2^53");
  return high * 2 ** 32 + u32(bytes, at + 8);
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

function json(bytes: Uint8Array, from: number, to: number): unknown {
  try {
    return JSON.parse(utf8.decode(bytes.subarray(from, to)));
  } catch (error) {
    throw new PacelineError("engine_error", "the engine broke its protocol: JSON that is none", {
      cause: error,
    });
  }
}
