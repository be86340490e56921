/** The writing end of the frames that `wire.ts` lays out: appends to one growing buffer. */
import type { ErrorBody } from "../../../server/contract/errors.ts";
import type { ExpertsHead } from "../../../server/contract/routed-experts.ts";
import type { SideChunk } from "../../../server/contract/side-data.ts";
import {
  EXPERTS_FIXED_BYTES,
  EXPERTS_PIECE_BYTES,
  EXPERTS_WIDTHS,
  type FinishedBody,
  FRAME,
  HEADER_BYTES,
  MASK,
  MAX_FRAME_TOKENS,
  MIXED,
  TOKENS_FIXED_BYTES,
  TOP,
} from "../wire.ts";

const FIRST_BYTES = 4096;

const utf8 = new TextEncoder();

export class FrameWriter {
  #buffer = new ArrayBuffer(FIRST_BYTES);
  #view = new DataView(this.#buffer);
  #used = 0;

  /** Bytes written since the last `take`. */
  get used(): number {
    return this.#used;
  }

  started(cachedTokens: number): void {
    const at = this.#frame(FRAME.started, 4);
    this.#view.setUint32(at, cachedTokens, true);
  }

  /** Tokens with their rows, as one frame: the caller keeps it below the limit. */
  rows(
    start: number,
    ids: Uint32Array,
    logprobs: Float32Array,
    version: number,
    mixed: boolean,
    { top, mask }: SideChunk,
  ): void {
    const arrays: (Uint32Array | Float32Array)[] = [ids, logprobs];
    if (top !== null) arrays.push(top.offsets, top.ids, top.logprobs);
    if (mask !== null) arrays.push(mask.offsets, mask.ids);
    const bytes = arrays.reduce((sum, array) => sum + array.byteLength, 0);
    const flags = (mixed ? MIXED : 0) | (top === null ? 0 : TOP) | (mask === null ? 0 : MASK);
    const frame = this.#frame(FRAME.tokens, TOKENS_FIXED_BYTES + bytes, flags);
    this.#fixed(frame, start, ids.length, version);
    let at = frame + TOKENS_FIXED_BYTES;
    for (const array of arrays) {
      const words = new Uint32Array(array.buffer, array.byteOffset, array.length);
      new Uint32Array(this.#buffer, at, array.length).set(words);
      at += array.byteLength;
    }
  }

  /** Splits runs that are longer than one frame may be. */
  tokens(
    start: number,
    ids: Uint32Array,
    logprobs: Float32Array,
    version: number,
    mixed: boolean,
  ): void {
    for (let from = 0; from < ids.length; from += MAX_FRAME_TOKENS) {
      const to = Math.min(ids.length, from + MAX_FRAME_TOKENS);
      const count = to - from;
      const at = this.#frame(FRAME.tokens, TOKENS_FIXED_BYTES + 8 * count, mixed ? MIXED : 0);
      this.#fixed(at, start + from, count, version);
      const body = at + TOKENS_FIXED_BYTES;
      // Frames start at multiples of 4, so typed arrays lie on them. Little-endian hosts only, as `wire.ts` demands.
      new Uint32Array(this.#buffer, body, count).set(
        from === 0 && to === ids.length ? ids : ids.subarray(from, to),
      );
      new Float32Array(this.#buffer, body + 4 * count, count).set(
        from === 0 && to === logprobs.length ? logprobs : logprobs.subarray(from, to),
      );
    }
  }

  /** Splits as `tokens` does. */
  prompt(start: number, logprobs: Float32Array, version: number): void {
    for (let from = 0; from < logprobs.length; from += MAX_FRAME_TOKENS) {
      const part = logprobs.subarray(from, from + MAX_FRAME_TOKENS);
      const at = this.#frame(FRAME.prompt, TOKENS_FIXED_BYTES + 4 * part.length);
      this.#fixed(at, start + from, part.length, version);
      new Float32Array(this.#buffer, at + TOKENS_FIXED_BYTES, part.length).set(part);
    }
  }

  experts({ dtype, row }: ExpertsHead, bytes: Uint8Array): void {
    const [layers = 1, perToken = 1] = row ?? [];
    for (let from = 0; from < bytes.length; from += EXPERTS_PIECE_BYTES) {
      const piece = bytes.subarray(from, from + EXPERTS_PIECE_BYTES);
      const at = this.#frame(FRAME.experts, EXPERTS_FIXED_BYTES + ((piece.length + 3) & ~3));
      for (const [index, word] of [
        piece.length,
        EXPERTS_WIDTHS[dtype],
        layers,
        perToken,
      ].entries()) {
        this.#view.setUint32(at + 4 * index, word, true);
      }
      new Uint8Array(this.#buffer, at + EXPERTS_FIXED_BYTES, piece.length).set(piece);
    }
  }

  finished(body: FinishedBody): void {
    this.#json(FRAME.finished, body);
  }

  error(body: ErrorBody): void {
    this.#json(FRAME.error, body);
  }

  /** Bytes as they are: finished frames kept elsewhere, or a fault's junk. A multiple of 4 long. */
  raw(bytes: Uint8Array): void {
    const at = this.#room(bytes.length);
    new Uint8Array(this.#buffer, at, bytes.length).set(bytes);
  }

  /** A copy of what was written from `from` on, which is taken back. */
  cut(from: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(this.#buffer.slice(from, this.#used));
    this.#used = from;
    return bytes;
  }

  /** Hands the buffer over, to be transferred; the next frame starts a new one. */
  take(): ArrayBuffer {
    const buffer = this.#buffer;
    // The next step is likely as big as this one; a rare big one must not make all the next big.
    this.#buffer = new ArrayBuffer(Math.max(FIRST_BYTES, (this.#used * 5) >> 2) & ~3);
    this.#view = new DataView(this.#buffer);
    this.#used = 0;
    return buffer;
  }

  #fixed(at: number, start: number, count: number, version: number): void {
    const view = this.#view;
    view.setUint32(at, start, true);
    view.setUint32(at + 4, count, true);
    view.setUint32(at + 8, version >>> 0, true);
    view.setUint32(at + 12, Math.floor(version / 2 ** 32), true);
  }

  #json(type: number, body: unknown): void {
    const bytes = utf8.encode(JSON.stringify(body));
    const padded = (bytes.length + 3) & ~3;
    const at = this.#frame(type, padded);
    const target = new Uint8Array(this.#buffer, at, padded);
    target.set(bytes);
    target.fill(0x20, bytes.length);
  }

  /** Offset of the payload. */
  #frame(type: number, payload: number, flags = 0): number {
    const at = this.#room(HEADER_BYTES + payload);
    this.#view.setUint32(at, payload, true);
    this.#view.setUint32(at + 4, type | (flags << 8), true);
    return at + HEADER_BYTES;
  }

  #room(bytes: number): number {
    const at = this.#used;
    const need = at + bytes;
    if (need > this.#buffer.byteLength) {
      let size = this.#buffer.byteLength;
      while (size < need) size *= 2;
      const bigger = new ArrayBuffer(size);
      new Uint8Array(bigger).set(new Uint8Array(this.#buffer, 0, at));
      this.#buffer = bigger;
      this.#view = new DataView(bigger);
    }
    this.#used = need;
    return at;
  }
}
