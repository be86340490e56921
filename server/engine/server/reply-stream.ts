/**
 * The compute thread's end of one reply: gathers the core's tokens into frames of `interval` tokens.
 * The first token goes at once, a change of version or of `mixed` cuts a frame, the rest goes with the
 * finish.
 *
 * A slow reader: while its stream is held nothing goes to the socket. Its tokens stay here, in frames
 * as long as they may be, so they cost at most 8 bytes each (4 more for a prompt token that is scored)
 * and a request can make no more than the model's length of them; side data has limits of its own. With LIMITS.engineStreams replies open at most, that is the bound.
 */
import { MAX_FRAME_TOKENS } from "../../../adapters/embedded/wire.ts";
import type { ErrorBody } from "../../contract/errors.ts";
import type { FinishReason } from "../../contract/rollout.ts";
import type { ExpertsHead } from "../../contract/routed-experts.ts";
import type { SideChunk } from "../../contract/side-data.ts";
import { SideBuffer } from "../../contract/side-rows.ts";
import type { CoreEvent } from "../core.ts";
import type { StreamFault } from "./faults.ts";
import { AFTER, type Handle } from "./messages.ts";
import type { Outbox } from "./outbox.ts";

type TokensEvent = Extract<CoreEvent, { type: "tokens" }>;

const FIRST_ROOM = 64;

/** A frame whose rows have grown beyond this is cut: with one row more it still keeps to its limit. */
const ROWS_BYTES = 256 * 1024;

export class ReplyStream {
  readonly handle: Handle;
  readonly requestId: string;
  cachedTokens = 0;
  readonly #interval: number;
  readonly #outbox: Outbox;
  #fault: StreamFault | null;
  #ids: Uint32Array;
  #logprobs: Float32Array;
  #count = 0;
  #start = 0;
  #version = 0;
  #mixed = false;
  /** Tokens in frames so far. */
  #sent = 0;
  /** Of the tokens that are gathered; `null` while none has any. */
  #rows: SideBuffer | null = null;
  #held = false;
  #backlog: Uint8Array[] = [];
  #backlogAfter: number = AFTER.more;
  #ended = false;
  #mute = false;
  #versionShift = 0;

  constructor(
    handle: Handle,
    requestId: string,
    interval: number,
    outbox: Outbox,
    fault: StreamFault | null,
  ) {
    this.handle = handle;
    this.requestId = requestId;
    this.#interval = interval;
    this.#outbox = outbox;
    this.#fault = fault;
    const room = Math.min(interval, FIRST_ROOM);
    this.#ids = new Uint32Array(room);
    this.#logprobs = new Float32Array(room);
  }

  /** Nothing will ever be sent again; the stream can be forgotten. */
  get over(): boolean {
    return this.#ended && !this.#held && !this.#mute;
  }

  started(cachedTokens: number): void {
    this.cachedTokens = cachedTokens;
    const from = this.#outbox.writer.used;
    this.#outbox.writer.started(cachedTokens);
    this.#close(from, AFTER.more);
  }

  prompt(start: number, logprobs: Float32Array, version: number): void {
    const from = this.#outbox.writer.used;
    this.#outbox.writer.prompt(start, logprobs, version);
    this.#close(from, AFTER.more);
  }

  tokens(event: TokensEvent): void {
    const { ids, version, mixed } = event;
    if (this.#count > 0 && (version !== this.#version || mixed !== this.#mixed)) this.cut();
    if (this.#count === 0) {
      this.#start = event.start;
      this.#version = version;
      this.#mixed = mixed;
    }
    this.#grow(this.#count + ids.length);
    if (ids.length === 1) {
      this.#ids[this.#count] = ids[0] as number;
      this.#logprobs[this.#count] = event.logprobs[0] as number;
    } else {
      this.#ids.set(ids, this.#count);
      this.#logprobs.set(event.logprobs, this.#count);
    }
    this.#count += ids.length;
    if (event.side !== null) this.#row(event.side);
    const enough = this.#held ? MAX_FRAME_TOKENS : this.#sent === 0 ? 1 : this.#interval;
    if (this.#count >= enough || (this.#rows !== null && this.#rows.bytes > ROWS_BYTES)) this.cut();
  }

  experts(head: ExpertsHead, bytes: Uint8Array): void {
    this.cut();
    const from = this.#outbox.writer.used;
    this.#outbox.writer.experts(head, bytes);
    this.#close(from, AFTER.more);
  }

  finished(reason: FinishReason, cachedTokens: number): void {
    this.cut();
    this.#ended = true;
    const from = this.#outbox.writer.used;
    this.#outbox.writer.finished({ ...reason, cached_tokens: cachedTokens });
    this.#close(from, AFTER.end);
  }

  failed(error: ErrorBody): void {
    this.cut();
    this.#ended = true;
    const from = this.#outbox.writer.used;
    this.#outbox.writer.error(error);
    this.#close(from, AFTER.end);
  }

  /** Sends what is gathered, as one frame. */
  cut(): void {
    if (this.#count === 0) return;
    const from = this.#outbox.writer.used;
    const ids = this.#ids.subarray(0, this.#count);
    const logprobs = this.#logprobs.subarray(0, this.#count);
    const version = this.#version + this.#versionShift;
    const fault = this.#fault;
    if (fault !== null && this.#sent >= fault.afterTokens) {
      this.#fault = null;
      const struck = fault.strike(this.#outbox.writer, this.#start, ids, logprobs, version);
      this.#versionShift = struck.versionShift;
      this.#sent += this.#count;
      this.#count = 0;
      if (struck.after !== AFTER.more) this.#ended = true;
      this.#close(from, struck.after);
      // Only now: what the fault itself wrote still goes out.
      this.#mute = struck.mute;
      return;
    }
    if (this.#rows === null) {
      this.#outbox.writer.tokens(this.#start, ids, logprobs, version, this.#mixed);
    } else {
      const { rows } = this.#rows;
      this.#outbox.writer.rows(this.#start, ids, logprobs, version, this.#mixed, rows);
      this.#rows.clear();
    }
    this.#sent += this.#count;
    this.#count = 0;
    this.#close(from, AFTER.more);
  }

  #row(side: SideChunk): void {
    this.#rows ??= new SideBuffer({
      topLogprobs: side.top === null ? 0 : 1,
      samplingMask: side.mask !== null,
    });
    this.#rows.append(side);
  }

  hold(): void {
    this.#held = true;
  }

  flow(): void {
    this.#held = false;
    const from = this.#outbox.writer.used;
    for (const bytes of this.#backlog) this.#outbox.writer.raw(bytes);
    if (this.#backlog.length > 0) this.#outbox.record(this.handle, from, this.#backlogAfter);
    this.#backlog = [];
    this.#backlogAfter = AFTER.more;
    this.cut();
  }

  #close(from: number, after: number): void {
    if (this.#mute) this.#outbox.writer.cut(from);
    else if (this.#held) {
      this.#backlog.push(this.#outbox.writer.cut(from));
      this.#backlogAfter = after;
    } else this.#outbox.record(this.handle, from, after);
  }

  #grow(tokens: number): void {
    if (tokens <= this.#ids.length) return;
    const room = Math.max(tokens, 2 * this.#ids.length);
    const ids = new Uint32Array(room);
    const logprobs = new Float32Array(room);
    ids.set(this.#ids.subarray(0, this.#count));
    logprobs.set(this.#logprobs.subarray(0, this.#count));
    this.#ids = ids;
    this.#logprobs = logprobs;
  }
}
