/**
 * One event of `/inference/v1/generate`'s stream, read from its bytes as vLLM writes them; anything else is read again
 * from the parsed JSON, whose word is final.
 *
 *     {"request_id", "usage", "output_mode", "choices": [{"index", "finish_reason", "stop_reason", "token_ids": [deltas],
 *      "routed_experts", "sampling_mask", "weight_versions", "logprobs": {"content": [{"token_id", "logprob", "rank",
 *      "top_logprobs": [{"token_id", "logprob", "rank"}]}]}}]}
 */

import { PacelineError } from "../../server/contract/errors.ts";
import type { IdRows } from "../../server/contract/side-data.ts";
import { shown } from "../http/shown.ts";
import { END, JsonCursor } from "../json/cursor.ts";
import { GrowingFloat32, GrowingUint32 } from "../json/growing.ts";
import { Keys } from "../json/keys.ts";
import { broken } from "./errors.ts";
import { LogprobEntries } from "./logprob-entries.ts";

export interface LabelRun {
  readonly version: string;
  readonly start: number;
  readonly end: number;
}

export interface Chunk {
  readonly requestId: string;
  /** Deltas; empty in a chunk that only tells usage or the end. */
  readonly ids: Uint32Array;
  readonly logprobs: Float32Array;
  /** One row a token, of what it was drawn from; null where it was not told or not asked for. */
  readonly mask: IdRows | null;
  /** One row a token: most likely first, the sampled one wherever it belongs; null where not asked for. */
  readonly top: {
    readonly offsets: Uint32Array;
    readonly ids: Uint32Array;
    readonly logprobs: Float32Array;
  } | null;
  readonly finishReason: string | null;
  readonly stopReason: number | string | null;
  /** Positions in the request's whole output. */
  readonly versions: readonly LabelRun[] | null;
  readonly cachedTokens: number | null;
  /** As the usage behind the last tokens counts them. */
  readonly completionTokens: number | null;
  /** `{"error": …}` in its place. */
  readonly error: unknown;
}

const TOP = new Keys("request_id", "usage", "choices", "error");
const CHOICE = new Keys(
  "index",
  "finish_reason",
  "stop_reason",
  "token_ids",
  "weight_versions",
  "logprobs",
  "sampling_mask",
);
const CONTENT = new Keys("content");
const ENTRY = new Keys("token_id", "logprob", "rank", "top_logprobs");
const RANKED = new Keys("token_id", "logprob");

/** One for all streams of a process: nothing of it outlives a call. */
export class ChunkReader {
  readonly #cursor = new JsonCursor();
  readonly #ids = new GrowingUint32();
  readonly #scoredIds = new GrowingUint32();
  readonly #logprobs = new GrowingFloat32();
  /** Of tokens alone, as they nearly always come. */
  readonly #sampled = new LogprobEntries(this.#scoredIds, this.#logprobs);
  readonly #topIds = new GrowingUint32();
  readonly #topLogprobs = new GrowingFloat32();
  readonly #topEnds = new GrowingUint32();
  #requestId = "";
  readonly #maskIds = new GrowingUint32();
  readonly #maskEnds = new GrowingUint32();
  #finishReason: string | null = null;
  #wantsTop = false;
  #wantsMask = false;
  #hasMask = false;

  /** Throws `engine_error` for what is no such event, `misaligned` where logprobs are not of the tokens. */
  read(
    bytes: Buffer,
    start: number,
    end: number,
    { top, mask }: { readonly top: boolean; readonly mask: boolean },
  ): Chunk {
    this.#wantsTop = top;
    this.#wantsMask = mask;
    this.#clear();
    this.#cursor.reset(bytes, start, end);
    this.#walk();
    // Older servers name the tokens of their logprobs in another way.
    const named = this.#scoredIds.length === this.#logprobs.length;
    if (this.#cursor.finish() && named && this.#requestId !== "")
      return this.#chunk(null, null, null);
    return this.#parsed(bytes.toString("utf8", start, end));
  }

  #clear(): void {
    for (const growing of [this.#ids, this.#scoredIds, this.#topIds, this.#topEnds])
      growing.rewind(0);
    this.#maskIds.rewind(0);
    this.#maskEnds.rewind(0);
    this.#hasMask = false;
    this.#logprobs.rewind(0);
    this.#topLogprobs.rewind(0);
    this.#requestId = "";
    this.#finishReason = null;
  }

  /** Of chunks amid the stream: the last ones, with their versions, usage and reasons, are a surprise and parsed. */
  #walk(): void {
    const cursor = this.#cursor;
    if (!cursor.enterObject()) return;
    for (let key = cursor.key(TOP); key !== END; key = cursor.key(TOP)) {
      if (key === 0) this.#requestId = cursor.string();
      else if (key === 1) this.#mustBeNull();
      else if (key === 2) this.#walkChoices();
      else if (key === 3) cursor.surprise();
      else cursor.skip();
    }
  }

  #mustBeNull(): void {
    if (!this.#cursor.isNull()) this.#cursor.surprise();
  }

  #walkChoices(): void {
    const cursor = this.#cursor;
    if (!cursor.enterArray()) return;
    let choices = 0;
    while (cursor.element()) {
      choices += 1;
      if (choices > 1 || !cursor.enterObject()) {
        cursor.surprise();
        return;
      }
      for (let key = cursor.key(CHOICE); key !== END; key = cursor.key(CHOICE)) {
        if (key === 3) cursor.uint32Array(this.#ids);
        else if (key === 5) this.#walkLogprobs();
        else if (key === 6 && this.#wantsMask) this.#walkMask();
        else if (key === 1 || key === 2 || key === 4) this.#mustBeNull();
        else cursor.skip();
      }
    }
    if (choices === 0) cursor.surprise();
  }

  #walkMask(): void {
    const cursor = this.#cursor;
    if (cursor.isNull() || !cursor.enterArray()) return;
    this.#hasMask = true;
    while (cursor.element()) {
      cursor.uint32Array(this.#maskIds);
      this.#maskEnds.push(this.#maskIds.length);
    }
  }

  #walkLogprobs(): void {
    const cursor = this.#cursor;
    if (!cursor.enterObject()) return;
    for (let key = cursor.key(CONTENT); key !== END; key = cursor.key(CONTENT)) {
      if (key !== 0) cursor.skip();
      else if (cursor.enterArray()) {
        if (!this.#wantsTop) cursor.rows(this.#sampled);
        while (cursor.element()) this.#walkEntry();
      }
    }
  }

  #walkEntry(): void {
    const cursor = this.#cursor;
    if (!cursor.enterObject()) return;
    for (let key = cursor.key(ENTRY); key !== END; key = cursor.key(ENTRY)) {
      if (key === 0) this.#scoredIds.push(cursor.uint32());
      else if (key === 1) this.#logprobs.push(cursor.float32());
      else if (key === 3 && this.#wantsTop) this.#walkTop();
      else cursor.skip();
    }
  }

  #walkTop(): void {
    const cursor = this.#cursor;
    if (!cursor.enterArray()) return;
    while (cursor.element()) {
      if (!cursor.enterObject()) return;
      for (let key = cursor.key(RANKED); key !== END; key = cursor.key(RANKED)) {
        if (key === 0) this.#topIds.push(cursor.uint32());
        else if (key === 1) this.#topLogprobs.push(cursor.float32());
        else cursor.skip();
      }
    }
    this.#topEnds.push(this.#topIds.length);
  }

  #chunk(usage: unknown, choice: Record<string, unknown> | null, error: unknown): Chunk {
    const ids = this.#ids.take();
    const scored = this.#scoredIds.take();
    const logprobs = this.#logprobs.take();
    assertScored(ids, scored, logprobs);
    return {
      requestId: this.#requestId,
      ids,
      logprobs,
      top: this.#wantsTop ? this.#takeTop(ids.length) : null,
      mask: this.#hasMask ? this.#takeMask() : null,
      finishReason: this.#finishReason,
      stopReason: stopReasonOf(choice?.["stop_reason"] ?? null),
      versions: versionsOf(choice?.["weight_versions"] ?? null),
      cachedTokens: cachedOf(usage),
      completionTokens: completionOf(usage),
      error,
    };
  }

  #takeTop(tokens: number): Chunk["top"] {
    const ends = this.#topEnds.take();
    const offsets = new Uint32Array(ends.length + 1);
    offsets.set(ends, 1);
    if (ends.length !== tokens)
      throw misaligned(`${tokens} tokens but ${ends.length} rows of top logprobs`);
    return { offsets, ids: this.#topIds.take(), logprobs: this.#topLogprobs.take() };
  }

  #takeMask(): IdRows {
    const ends = this.#maskEnds.take();
    const offsets = new Uint32Array(ends.length + 1);
    offsets.set(ends, 1);
    return { offsets, ids: this.#maskIds.take() };
  }

  #parsed(text: string): Chunk {
    this.#clear();
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch (error) {
      throw new PacelineError("engine_error", "vLLM broke its protocol: an event that is no JSON", {
        details: { excerpt: text.slice(0, 200) },
        cause: error,
      });
    }
    const body = objectOf(json, "an event");
    if (body["error"] !== undefined && body["error"] !== null)
      return this.#chunk(null, null, body["error"]);
    if (typeof body["request_id"] !== "string") throw broken("an event without its request's id");
    this.#requestId = body["request_id"];
    const choices = arrayOf(body["choices"], "choices");
    if (choices.length > 1) throw broken("several choices in one event");
    const choice = choices.length === 0 ? null : objectOf(choices[0], "a choice");
    if (choice !== null) this.#takeChoice(choice);
    return this.#chunk(body["usage"] ?? null, choice, null);
  }

  #takeChoice(choice: Record<string, unknown>): void {
    const reason = choice["finish_reason"] ?? null;
    if (reason !== null && typeof reason !== "string")
      throw broken("a finish reason that is no text");
    this.#finishReason = reason;
    for (const id of arrayOf(choice["token_ids"] ?? [], "token_ids")) this.#ids.push(idOf(id));
    if (this.#wantsMask) this.#takeMaskOf(choice["sampling_mask"] ?? null);
    const logprobs = choice["logprobs"] ?? null;
    if (logprobs === null) return;
    for (const entry of arrayOf(objectOf(logprobs, "logprobs")["content"], "logprobs.content")) {
      const scored = objectOf(entry, "a logprob");
      this.#scoredIds.push(scoredIdOf(scored));
      this.#logprobs.push(numberOf(scored["logprob"]));
      if (!this.#wantsTop) continue;
      for (const one of arrayOf(scored["top_logprobs"] ?? [], "top_logprobs")) {
        const ranked = objectOf(one, "a top logprob");
        this.#topIds.push(scoredIdOf(ranked));
        this.#topLogprobs.push(numberOf(ranked["logprob"]));
      }
      this.#topEnds.push(this.#topIds.length);
    }
  }

  #takeMaskOf(mask: unknown): void {
    if (mask === null) return;
    this.#hasMask = true;
    for (const row of arrayOf(mask, "sampling_mask")) {
      for (const id of arrayOf(row, "a row of sampling_mask")) this.#maskIds.push(idOf(id));
      this.#maskEnds.push(this.#maskIds.length);
    }
  }
}

function assertScored(ids: Uint32Array, scored: Uint32Array, logprobs: Float32Array): void {
  if (scored.length !== ids.length || logprobs.length !== ids.length) {
    throw misaligned(`${ids.length} tokens but ${logprobs.length} logprobs`);
  }
  for (let i = 0; i < ids.length; i++) {
    if (scored[i] !== ids[i]) throw misaligned(`a logprob of ${scored[i]} for token ${ids[i]}`);
  }
}

/** `token_id: 42`, or `token: "token_id:42"` of older servers. */
function scoredIdOf(entry: Record<string, unknown>): number {
  const { token_id: id, token } = entry;
  if (id === undefined && typeof token === "string" && /^token_id:\d{1,10}$/.test(token)) {
    return idOf(Number(token.slice("token_id:".length)));
  }
  return idOf(id);
}

function idOf(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 0xffff_ffff)
    return value;
  throw broken(`${shown(value)} for a token's id`);
}

function numberOf(value: unknown): number {
  if (typeof value === "number") return value;
  throw misaligned(`${shown(value)} for a logprob`);
}

function stopReasonOf(value: unknown): Chunk["stopReason"] {
  if (value === null || typeof value === "number" || typeof value === "string") return value;
  throw broken("a stop reason that is neither id nor text");
}

function versionsOf(value: unknown): readonly LabelRun[] | null {
  if (value === null) return null;
  return arrayOf(value, "weight_versions").map((one) => {
    const { version, start, end } = objectOf(one, "a version's span");
    if (typeof version !== "string" || !isPosition(start) || !isPosition(end)) {
      throw broken(`${shown(one)} for a version's span`);
    }
    return { version, start, end };
  });
}

const isPosition = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

/** Told only with `--enable-prompt-tokens-details`. */
export function cachedOf(usage: unknown): number | null {
  if (typeof usage !== "object" || usage === null) return null;
  const details = (usage as Record<string, unknown>)["prompt_tokens_details"];
  if (typeof details !== "object" || details === null) return null;
  const cached = (details as Record<string, unknown>)["cached_tokens"];
  return isPosition(cached) ? cached : null;
}

function completionOf(usage: unknown): number | null {
  if (typeof usage !== "object" || usage === null) return null;
  const { completion_tokens: tokens } = usage as Record<string, unknown>;
  return isPosition(tokens) ? tokens : null;
}

function objectOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw broken(`${what} that is no object`);
}

function arrayOf(value: unknown, what: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw broken(`${what} is no array`);
}

const misaligned = (message: string): PacelineError => new PacelineError("misaligned", message);
