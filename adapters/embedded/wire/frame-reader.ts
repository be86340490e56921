/**
 * The reading end: takes bytes in whatever pieces the socket gives and calls a sink for what is in them.
 * Neighbouring tokens frames of one version that came together reach it as one. Throws a typed error at
 * the first byte that `wire.ts` does not allow and is of no use afterwards.
 *
 * Ownership: the arrays given to the sink are the sink's for good. They are views into slabs that the
 * reader allocates and never writes twice, so that a chunk of a few tokens costs no allocation of its
 * own; a slab lives as long as any view of it. Nothing refers to the socket's buffers.
 */
import { PacelineError } from "../../../server/contract/errors.ts";
import type { ExpertsHead } from "../../../server/contract/routed-experts.ts";
import type { SideChunk, TopLogprobs } from "../../../server/contract/side-data.ts";
import { assertLogprobs } from "../../../server/contract/tokens.ts";
import { LIMITS } from "../../../server/limits.ts";
import {
  EXPERTS_FIXED_BYTES,
  EXPERTS_WIDTHS,
  FRAME,
  HEADER_BYTES,
  MASK,
  MIXED,
  TOKENS_FIXED_BYTES,
  TOP,
} from "../wire.ts";
import { Slab, u32, WordCursor } from "./frame-arrays.ts";

export interface FrameSink {
  started(cachedTokens: number): void;
  /** As many ids as logprobs, and each of these is one (I1). */
  tokens(
    start: number,
    ids: Uint32Array,
    logprobs: Float32Array,
    version: number,
    mixed: boolean,
    side?: SideChunk,
  ): void;
  prompt(start: number, logprobs: Float32Array, version: number): void;
  /** The bytes are the socket's: good until this returns. Absent: nobody asked for any. */
  experts?(head: ExpertsHead, bytes: Uint8Array): void;
  /** Parsed JSON, not yet checked. */
  finished(body: unknown): void;
  error(body: unknown): void;
}

/** A slab holds what is expected, but no more than this. */
const SLAB_TOKENS = 2_048;

/** Where a tokens frame's flags lie in type, flags and the two zero bytes, read as one number. */
const FLAG_BITS = (MIXED | TOP | MASK) << 8;

const DTYPES = ["uint8", "uint16", "int32"] as const;

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
  #slab = new Slab(0);
  readonly #slabTokens: number;
  /** Where in the slab the tokens begin that the sink has not been given, and what they have in common. */
  #runFrom = 0;
  #runStart = 0;
  #version = 0;
  #mixed = false;

  /** `expected`: tokens at most, as far as known. */
  constructor(
    sink: FrameSink,
    expected: number = SLAB_TOKENS,
    frameBytes: number = LIMITS.engineFrameBytes,
  ) {
    this.#sink = sink;
    this.#slabTokens = Math.min(expected, SLAB_TOKENS);
    this.#frameBytes = frameBytes;
  }

  /** Whether the terminal frame has been read. */
  get ended(): boolean {
    return this.#ended;
  }

  push(chunk: Uint8Array): void {
    try {
      this.#take(chunk);
    } finally {
      // Also before an error: what came before it is good.
      this.#giveRun();
    }
  }

  #take(chunk: Uint8Array): void {
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
    if ((type < FRAME.started || type > FRAME.experts) && (type & ~FLAG_BITS) !== FRAME.tokens) {
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
    if (type === FRAME.tokens) {
      this.#tokens(bytes, payload, end);
      return;
    }
    this.#giveRun();
    if (type === FRAME.started) {
      if (end - payload !== 4) throw broken(`a started frame of ${end - payload} bytes`);
      this.#sink.started(u32(bytes, payload));
    } else if (type === FRAME.prompt) {
      this.#prompt(bytes, payload, end);
    } else if (type === FRAME.experts) {
      this.#experts(bytes, payload, end);
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

  #experts(bytes: Uint8Array, at: number, end: number): void {
    const from = at + EXPERTS_FIXED_BYTES;
    if (end <= from) throw broken("an experts frame without any");
    const [count, width, layers, perToken] = [0, 4, 8, 12].map((offset) => u32(bytes, at + offset));
    const dtype = DTYPES.find((known) => EXPERTS_WIDTHS[known] === width);
    if (
      dtype === undefined ||
      !layers ||
      !perToken ||
      !count ||
      end - from !== ((count + 3) & ~3)
    ) {
      throw broken(`an experts frame of ${count} bytes, ${width} each, [${layers}, ${perToken}]`);
    }
    if (this.#sink.experts === undefined) throw broken("routed experts that nobody asked for");
    this.#sink.experts({ dtype, row: [layers, perToken] }, bytes.subarray(from, from + count));
  }

  #tokens(bytes: Uint8Array, at: number, end: number): void {
    const count = countOf(bytes, at, end);
    const flags = bytes[at - HEADER_BYTES + 5] as number;
    if (flags > MIXED) {
      this.#rows(bytes, at, end, count, flags);
      return;
    }
    const arrays = end - at - TOKENS_FIXED_BYTES;
    if (arrays !== 8 * count) {
      throw new PacelineError(
        "misaligned",
        `${count} output tokens need ${8 * count} bytes of ids and logprobs; the frame has ${arrays}`,
        { details: { tokens: count, bytes: arrays } },
      );
    }
    this.#openRun(u32(bytes, at), count, versionOf(bytes, at), flags === MIXED);
    this.#slab.add(bytes, at + TOKENS_FIXED_BYTES, count);
  }

  /** Tokens with side data: given at once, in memory of their own. */
  #rows(bytes: Uint8Array, at: number, end: number, count: number, flags: number): void {
    this.#giveRun();
    const words = new Uint32Array((end - at - TOKENS_FIXED_BYTES) >>> 2);
    new Uint8Array(words.buffer).set(bytes.subarray(at + TOKENS_FIXED_BYTES, end));
    const cursor = new WordCursor(words);
    const ids = cursor.take(count);
    const logprobs = cursor.floats(count);
    assertLogprobs(logprobs);
    let top: TopLogprobs | null = null;
    if ((flags & TOP) !== 0) {
      const rows = cursor.rows(count);
      top = { ...rows, logprobs: cursor.floats(rows.ids.length) };
    }
    const mask = (flags & MASK) === 0 ? null : cursor.rows(count);
    cursor.end();
    const mixed = (flags & MIXED) !== 0;
    this.#sink.tokens(u32(bytes, at), ids, logprobs, versionOf(bytes, at), mixed, { top, mask });
  }

  /** Makes room for `count` tokens that go on with the run, or begins another. */
  #openRun(start: number, count: number, version: number, mixed: boolean): void {
    const full = this.#slab.used + count > this.#slab.capacity;
    const run = this.#slab.used - this.#runFrom;
    const goesOn = version === this.#version && mixed === this.#mixed;
    if (run > 0 && !full && goesOn && start === this.#runStart + run) return;
    this.#giveRun();
    this.#runStart = start;
    this.#version = version;
    this.#mixed = mixed;
    if (!full) return;
    // A chunk bigger than a slab gets one of its own size.
    this.#slab = new Slab(Math.max(this.#slabTokens, count));
    this.#runFrom = 0;
  }

  #giveRun(): void {
    const from = this.#runFrom;
    const to = this.#slab.used;
    if (from === to) return;
    this.#runFrom = to;
    const { ids, logprobs } = this.#slab;
    this.#sink.tokens(
      this.#runStart,
      ids.subarray(from, to),
      logprobs.subarray(from, to),
      this.#version,
      this.#mixed,
    );
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

function json(bytes: Uint8Array, from: number, to: number): unknown {
  try {
    return JSON.parse(utf8.decode(bytes.subarray(from, to)));
  } catch (error) {
    throw new PacelineError("engine_error", "the engine broke its protocol: JSON that is none", {
      cause: error,
    });
  }
}
