/**
 * From the stream of one request to engine events, each checked before anyone sees it: the request's own id, no gap,
 * no overlap, a finish that is one. Versions are told on the last chunk alone: SGLang's scalar `weight_version` is the
 * label at the time of the answer, whatever made the tokens.
 */

import { PacelineError } from "../../server/contract/errors.ts";
import type { FinishReason } from "../../server/contract/rollout.ts";
import {
  ascending,
  firstRows,
  type SideChunk,
  type TopLogprobs,
} from "../../server/contract/side-data.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineEvent, EngineFinish, EngineRequest } from "../engine.ts";
import type { ReplyDecoder } from "../http/event-stream.ts";
import { shown } from "../http/shown.ts";
import { SseCutter } from "../http/sse.ts";
import { weightsPolicyOf } from "../lora/name.ts";
import { type Chunk, ChunkReader } from "./chunk.ts";
import { errorFrom } from "./errors.ts";
import { type Facts, isCertain } from "./facts.ts";
import { versionOf } from "./label.ts";
import { tokensLeft } from "./request.ts";

export interface ReplyContext {
  readonly request: EngineRequest;
  readonly facts: Facts;
  /** The request is not needed any further; its last chunk still is. */
  readonly abort: () => void;
}

export class ReplyReader implements ReplyDecoder {
  readonly #context: ReplyContext;
  readonly #emit: (event: EngineEvent) => void;
  readonly #chunks: ChunkReader;
  readonly #cutter: SseCutter;
  /** Where SGLang would go on past a stop id, we end there. */
  readonly #stopIds: ReadonlySet<number>;
  readonly #certain: boolean;
  readonly #forgetful: boolean;
  /** Tokens of this request that have come, and those that were told. */
  #made = 0;
  #told = 0;
  #started = false;
  /** Ended by us: the engine's last chunk is waited for, since it alone tells versions. */
  #ended: FinishReason | null = null;
  #finished = false;

  constructor(context: ReplyContext, emit: (event: EngineEvent) => void) {
    const { sampling, logprobMode } = context.request;
    this.#context = context;
    this.#emit = emit;
    this.#chunks = new ChunkReader(!context.facts.incremental);
    this.#cutter = new SseCutter(
      { data: (bytes, start, end) => this.#data(bytes, start, end), done: () => {} },
      LIMITS.engineReplyBytes,
    );
    this.#stopIds = new Set(sampling.ignoreEos ? sampling.stopTokenIds : []);
    this.#certain = isCertain(logprobMode, sampling);
    this.#forgetful =
      sampling.presencePenalty !== 0 ||
      sampling.frequencyPenalty !== 0 ||
      sampling.minNewTokens > 0;
  }

  push(bytes: Uint8Array): void {
    this.#cutter.push(bytes);
  }

  end(): void {
    this.#cutter.end();
    if (!this.#finished) throw broken("the stream ended without a finish");
  }

  #data(bytes: Buffer, start: number, end: number): void {
    if (this.#finished) return;
    const chunk = this.#chunks.read(bytes, start, end, this.#made);
    this.#check(chunk);
    if (!this.#started && chunk.cachedTokens !== null) {
      this.#started = true;
      this.#emit({ type: "started", cachedTokens: chunk.cachedTokens });
    }
    if (this.#ended === null) this.#tokens(chunk);
    this.#made += chunk.ids.length;
    if (chunk.finish !== null) this.#finish(chunk, chunk.finish);
  }

  #check({ id, retractions, ids }: Chunk): void {
    if (id !== this.#context.request.requestId) throw broken(`an answer to ${shown(id)}`);
    // Its penalties and min_new_tokens begin anew then (seen on 0.5.23): what follows is not what was asked for.
    if (this.#forgetful && retractions > 0) {
      throw new PacelineError(
        "engine_error",
        "SGLang took the request's KV away, and forgets penalties and min_new_tokens with it",
        { details: { retractions } },
      );
    }
    for (const token of ids) {
      if (token >= this.#context.facts.vocabSize) throw broken(`token ${token}`);
    }
  }

  #tokens(chunk: Chunk): void {
    const { side } = this.#context.request;
    let { ids, logprobs } = chunk;
    const cut = this.#stopAt(ids);
    if (cut !== null) {
      ids = ids.subarray(0, cut + 1);
      logprobs = logprobs.subarray(0, cut + 1);
      this.#ended = { type: "stop", cause: "stop_id", matched: ids[cut] as number };
    }
    if (ids.length > 0) {
      if (this.#certain) logprobs = new Float32Array(ids.length);
      const start = this.#context.request.outputTokenIds.length + this.#told;
      this.#told += ids.length;
      const told = { start, ids, logprobs, version: null, mixed: null };
      const rows = side === null ? null : this.#rows(chunk, ids.length);
      this.#emit(
        rows === null
          ? { type: "tokens", chunk: told }
          : { type: "tokens", chunk: told, side: rows },
      );
    }
    if (cut !== null && chunk.finish === null) this.#context.abort();
  }

  /** Index of the token that ends it, where SGLang does not do so. */
  #stopAt(ids: Uint32Array): number | null {
    if (this.#stopIds.size === 0) return null;
    const { sampling, outputTokenIds } = this.#context.request;
    const before = outputTokenIds.length + this.#made;
    const at = ids.findIndex(
      (id, i) => this.#stopIds.has(id) && before + i >= sampling.minNewTokens,
    );
    return at === -1 ? null : at;
  }

  #rows(chunk: Chunk, tokens: number): SideChunk | null {
    const { topLogprobs, samplingMask } = this.#context.request.side ?? {};
    const wantsTop = topLogprobs !== undefined && topLogprobs > 0;
    if (!wantsTop && samplingMask !== true) return null;
    const top = wantsTop
      ? chunk.top && (this.#certain ? certainRows(chunk) : ordered(chunk.top))
      : null;
    const mask = samplingMask === true ? chunk.mask && ascending(chunk.mask) : null;
    return firstRows({ top, mask }, tokens);
  }

  #finish(chunk: Chunk, finish: Readonly<Record<string, unknown>>): void {
    const reason = this.#ended ?? this.#reason(finish);
    this.#finished = true;
    if (!this.#started) this.#emit({ type: "started", cachedTokens: 0 });
    this.#emit({
      type: "finished",
      reason,
      cachedTokens: chunk.cachedTokens ?? 0,
      versions: this.#versions(chunk),
    });
  }

  #versions({ spans }: Chunk): EngineFinish["versions"] {
    if (spans === null || this.#told === 0) return null;
    const { request } = this.#context;
    const policy = weightsPolicyOf(request);
    const base = request.outputTokenIds.length;
    const told: { version: number; start: number; end: number }[] = [];
    for (const { version, start, end } of spans) {
      const until = Math.min(end, this.#told);
      if (start >= until) continue;
      told.push({ version: versionOf(version, policy), start: base + start, end: base + until });
    }
    return told;
  }

  #reason(finish: Readonly<Record<string, unknown>>): FinishReason {
    const { type, matched = null } = finish;
    const { sampling } = this.#context.request;
    if (type === "stop" && typeof matched === "number") {
      const cause = sampling.stopTokenIds.includes(matched) ? "stop_id" : "eos";
      return { type: "stop", cause, matched };
    }
    if (type === "length") return { type: "length", cause: this.#lengthCause(), matched: null };
    if (type !== "abort") throw broken(`finished as ${shown(finish)}`);
    const { status_code: status, message } = finish;
    if (typeof status === "number") throw errorFrom(status, shown(message));
    return { type: "abort", cause: "drain", matched: null };
  }

  #lengthCause(): "max_new" | "context" | "kv" {
    const { request, facts } = this.#context;
    const made = request.outputTokenIds.length + this.#made;
    if (made >= request.sampling.maxNewTokens) return "max_new";
    // Near the context's end it stops one or two tokens early, as its version has it.
    const room = facts.contextLength - request.promptTokenIds.length - made;
    return room <= CONTEXT_SLACK || tokensLeft(request, facts) === this.#made ? "context" : "kv";
  }
}

const CONTEXT_SLACK = 4;

/** A greedy token is alone in what it was drawn from. */
function certainRows({ ids }: Chunk): TopLogprobs {
  const offsets = Uint32Array.from({ length: ids.length + 1 }, (_, i) => i);
  return { offsets, ids, logprobs: new Float32Array(ids.length) };
}

/** Most likely first, as SGLang has it, and equals by id, as it has them not. */
function ordered(top: TopLogprobs): TopLogprobs {
  const { offsets, ids, logprobs } = top;
  for (let row = 0; row + 1 < offsets.length; row++) {
    const from = offsets[row] as number;
    const to = offsets[row + 1] as number;
    for (let i = from + 1; i < to; i++) {
      for (let at = i; at > from && isBehind(at - 1, at); at--) swap(at - 1, at);
    }
  }
  return top;

  function isBehind(a: number, b: number): boolean {
    const difference = (logprobs[a] as number) - (logprobs[b] as number);
    return difference < 0 || (difference === 0 && (ids[a] as number) > (ids[b] as number));
  }
  function swap(a: number, b: number): void {
    [ids[a], ids[b]] = [ids[b] as number, ids[a] as number];
    [logprobs[a], logprobs[b]] = [logprobs[b] as number, logprobs[a] as number];
  }
}

const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `the engine broke its protocol: ${what}`);
