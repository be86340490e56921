/**
 * From the stream of one request to engine events, each checked before anyone sees it: the request's own id, no gap,
 * no overlap, a finish that is one. Tokens of chunks that came together are told together. Versions are told on the last chunk alone: SGLang's scalar `weight_version` is the
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
import { assertLogprobs } from "../../server/contract/tokens.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineEvent, EngineFinish, EngineRequest, EngineVersionRun } from "../engine.ts";
import { ExpertsLift } from "../experts/experts-lift.ts";
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

const EXPERTS_LIMITS = { pieceBytes: LIMITS.sidePieceBytes, mostBytes: LIMITS.sideBytes };

export class ReplyReader implements ReplyDecoder {
  readonly #context: ReplyContext;
  readonly #emit: (event: EngineEvent) => void;
  readonly #chunks: ChunkReader;
  readonly #cutter: SseCutter;
  /** Null where none are wanted: it sends none then. */
  readonly #experts: ExpertsLift | null;
  /** Where SGLang would go on past a stop id, we end there. */
  readonly #stopIds: ReadonlySet<number>;
  readonly #certain: boolean;
  readonly #forgetful: boolean;
  /** Tokens of this request that have come, those that were told, and those that are checked and will be: the reader's first. */
  #made = 0;
  #told = 0;
  #untold = 0;
  #started = false;
  /** Times that its KV was taken away, and after how many tokens; how many came with the news, before one of which it happened. */
  #retractions = 0;
  readonly #rebuilt: { readonly at: number; readonly within: number }[] = [];
  /** Ended by us: the engine's last chunk is waited for, since it alone tells versions. */
  #ended: FinishReason | null = null;
  #finished = false;

  constructor(context: ReplyContext, emit: (event: EngineEvent) => void) {
    const { sampling, logprobMode } = context.request;
    this.#context = context;
    this.#emit = emit;
    const expected = tokensLeft(context.request, context.facts);
    this.#chunks = new ChunkReader(!context.facts.incremental, Math.min(expected, MOST_ROOM));
    this.#cutter = new SseCutter(
      { data: (bytes, start, end) => this.#data(bytes, start, end), done: () => {} },
      LIMITS.engineReplyBytes,
    );
    this.#experts =
      context.request.side?.routedExperts == null
        ? null
        : new ExpertsLift(
            { form: "int32", wanted: true, buffer: context.request.buffer, ...EXPERTS_LIMITS },
            (bytes) => this.#cutter.push(bytes),
            emit,
          );
    this.#stopIds = new Set(sampling.ignoreEos ? sampling.stopTokenIds : []);
    this.#certain = isCertain(logprobMode, sampling);
    this.#forgetful =
      sampling.presencePenalty !== 0 ||
      sampling.frequencyPenalty !== 0 ||
      sampling.minNewTokens > 0;
  }

  push(bytes: Uint8Array): void {
    try {
      (this.#experts ?? this.#cutter).push(bytes);
    } finally {
      // Also before an error: what came before it is good.
      this.#tell(null);
    }
  }

  get bulk(): boolean {
    return this.#experts?.inside === true;
  }

  end(): void {
    this.#experts?.end();
    this.#cutter.end();
    if (!this.#finished) throw broken("the stream ended without a finish");
  }

  #data(bytes: Buffer, start: number, end: number): void {
    if (this.#finished) return;
    const chunk = this.#chunks.read(bytes, start, end, this.#made);
    this.#check(chunk);
    // Before any token, told or not; what is cached is said again with the finish.
    if (!this.#started && (chunk.cachedTokens !== null || chunk.tokens > 0)) {
      this.#started = true;
      this.#emit({ type: "started", cachedTokens: chunk.cachedTokens ?? 0 });
    }
    if (chunk.retractions > this.#retractions) {
      this.#retractions = chunk.retractions;
      this.#rebuilt.push({ at: this.#made, within: chunk.tokens });
    }
    if (this.#ended === null) this.#tokens(chunk);
    else this.#chunks.rewind(this.#untold);
    this.#made += chunk.tokens;
    if (chunk.finish !== null) this.#finish(chunk, chunk.finish);
  }

  #check({ id, retractions, tokens }: Chunk): void {
    if (id !== this.#context.request.requestId) throw broken(`an answer to ${shown(id)}`);
    // Its penalties and min_new_tokens begin anew then (seen on 0.5.23): what follows is not what was asked for.
    if (this.#forgetful && retractions > 0) {
      throw new PacelineError(
        "engine_error",
        "SGLang took the request's KV away, and forgets penalties and min_new_tokens with it",
        { details: { retractions } },
      );
    }
    const { ids, logprobs } = this.#chunks;
    const { vocabSize } = this.#context.facts;
    for (let at = ids.length - tokens; at < ids.length; at++) {
      const token = ids.array[at] as number;
      if (token >= vocabSize) throw broken(`token ${token}`);
    }
    // Chunk by chunk, so that a bad one does not take good ones before it along.
    assertLogprobs(logprobs.array, logprobs.length - tokens, logprobs.length);
  }

  #tokens(chunk: Chunk): void {
    const { ids } = this.#chunks;
    const cut = this.#stopIn(chunk);
    if (cut !== null) {
      this.#ended = { type: "stop", cause: "stop_id", matched: ids.array[cut] as number };
      this.#chunks.rewind(cut + 1);
    }
    const kept = ids.length - this.#untold;
    this.#untold = ids.length;
    if (this.#context.request.side !== null) this.#tell(this.#rows(chunk, kept));
    if (cut !== null && chunk.finish === null) this.#context.abort();
  }

  /** What is checked and was not told. */
  #tell(rows: SideChunk | null): void {
    this.#chunks.rewind(this.#untold);
    if (this.#untold === 0) return;
    this.#untold = 0;
    const ids = this.#chunks.ids.give();
    const logprobs = this.#chunks.logprobs.give();
    if (this.#certain) logprobs.fill(0);
    const start = this.#context.request.outputTokenIds.length + this.#told;
    this.#told += ids.length;
    const chunk = { start, ids, logprobs, version: null, mixed: null };
    this.#emit(rows === null ? { type: "tokens", chunk } : { type: "tokens", chunk, side: rows });
  }

  /** Index, among those that are not told, of the token that ends it, where SGLang does not do so. */
  #stopIn({ tokens }: Chunk): number | null {
    if (this.#stopIds.size === 0) return null;
    const { sampling, outputTokenIds } = this.#context.request;
    const { ids } = this.#chunks;
    const first = ids.length - tokens;
    const free = sampling.minNewTokens - outputTokenIds.length - this.#made;
    for (let at = first + Math.max(0, free); at < ids.length; at++) {
      if (this.#stopIds.has(ids.array[at] as number)) return at;
    }
    return null;
  }

  #rows(chunk: Chunk, tokens: number): SideChunk | null {
    const { topLogprobs, samplingMask } = this.#context.request.side ?? {};
    const wantsTop = topLogprobs !== undefined && topLogprobs > 0;
    if (!wantsTop && samplingMask !== true) return null;
    const top = wantsTop
      ? chunk.top && (this.#certain ? this.#certainRows(tokens) : ordered(chunk.top))
      : null;
    const mask = samplingMask === true ? chunk.mask && ascending(chunk.mask) : null;
    return firstRows({ top, mask }, tokens);
  }

  /** A greedy token is alone in what it was drawn from. */
  #certainRows(tokens: number): TopLogprobs {
    const { ids } = this.#chunks;
    return {
      offsets: Uint32Array.from({ length: tokens + 1 }, (_, i) => i),
      ids: ids.array.slice(ids.length - tokens, ids.length),
      logprobs: new Float32Array(tokens),
    };
  }

  #finish(chunk: Chunk, finish: Readonly<Record<string, unknown>>): void {
    this.#tell(null);
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
    const told: EngineVersionRun[] = [];
    for (const { version: label, start, end } of spans) {
      const until = Math.min(end, this.#told);
      if (start >= until) continue;
      const version = versionOf(label, policy);
      const run = { version, start: base + start, end: base + until };
      // The first attends to nothing older anyway.
      if (told.length === 0) told.push(run);
      else told.push(...this.#parted(run));
    }
    return told;
  }

  /**
   * A version's run as its KV was left, as it may have been computed anew, and as it was. News that come with several tokens leave
   * open before which of them it happened; if some of those are of the version before, it may have been computed under that one.
   */
  #parted({ version, start, end }: EngineVersionRun): EngineVersionRun[] {
    const base = this.#context.request.outputTokenIds.length;
    let doubted = end;
    let settled = end;
    for (const { at, within } of this.#rebuilt) {
      const first = base + at;
      const behind = first + within;
      if (first >= end || behind <= start) continue;
      doubted = Math.min(doubted, Math.max(first, start));
      if (within > 1 && first < start) continue;
      settled = Math.min(end, within > 1 ? behind : first);
      break;
    }
    const runs = [
      { version, start, end: doubted },
      { version, start: doubted, end: settled, rebuilt: null },
      { version, start: settled, end, rebuilt: true },
    ];
    return runs.filter((run) => run.start < run.end);
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
/** Tokens that room is taken for beforehand: most replies fit, longer ones grow. */
const MOST_ROOM = 2_048;

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
