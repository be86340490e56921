/**
 * The embedded engine's core: continuous batching over the transformer, block KV with prefix reuse, and
 * sampling keyed by position. Synchronous and single-threaded; it lives in the engine's compute thread.
 *
 * A request's tokens and logprobs depend on its own tokens, sampling and the weights only: not on the
 * batch, the chunks, the cache, preemption, or whether its first tokens were made here or elsewhere.
 */
import { basename } from "node:path";
import type { Clock } from "../contract/clock.ts";
import { PacelineError } from "../contract/errors.ts";
import type { FinishReason } from "../contract/rollout.ts";
import { maskTooLarge, type SideChunk, type SideWant } from "../contract/side-data.ts";
import { LIMITS } from "../limits.ts";
import { alternatives } from "./alternatives.ts";
import { BatchPlanner, type PlannedRows } from "./batch-planner.ts";
import type { Core, CoreEvent, CoreInfo, CoreRequest, CoreStats, HeldWeights } from "./core.ts";
import { assertRequest, finishOf, type RequestLimits } from "./core-request.ts";
import { BLOCK_TOKENS } from "./kernels/kernels.ts";
import { createKvBlocks, type KvBlocks } from "./kv-blocks.ts";
import { parameterCount, readModelConfig } from "./model-config.ts";
import { uniformAt } from "./philox.ts";
import { createSampler, type Distribution, type Sampler } from "./sampler.ts";
import { Sequence } from "./sequence.ts";
import { createTransformer, type Row, type Transformer } from "./transformer.ts";
import { createWeightHolder, type WeightHolder } from "./weight-holder.ts";

export interface ModelCoreOptions {
  /** Directory whose `config.json` says what is computed; no weights are read from it. */
  readonly directory: string;
  /** What `info.model` says. Default: the directory's name. */
  readonly model?: string;
  /** KV capacity in tokens, rounded down to blocks of 16. Default 32,768. */
  readonly kvTokens?: number;
  /** Requests computed at a time at most. Default 32. */
  readonly maxRunning?: number;
  /** Prefill tokens in one step at most: how long a prompt may hold up the others. Default 256. */
  readonly prefillChunk?: number;
  /** For the measured seconds of steps. Default: the process's own. */
  readonly clock?: Pick<Clock, "now">;
}

/** Memory for the logits of prompt positions in one step. */
const PROMPT_LOGITS_BYTES = 16 * 1024 * 1024;

const NO_TOKENS = new Uint32Array(0);

/** Steps kept for `stats`. */
const STEPS_KEPT = 64;

/** Throws `weights_rejected` for a config that cannot be computed, `unsupported` where memory does not suffice. */
export function createModelCore(options: ModelCoreOptions): Core {
  const config = readModelConfig(options.directory);
  const maxRunning = options.maxRunning ?? 32;
  const prefillChunk = options.prefillChunk ?? 256;
  const kvBlocks = Math.floor((options.kvTokens ?? 32_768) / BLOCK_TOKENS);
  const kvTokens = kvBlocks * BLOCK_TOKENS;
  const affordable = Math.max(1, Math.floor(PROMPT_LOGITS_BYTES / (4 * config.vocabSize)));
  const promptLogits = Math.min(prefillChunk, affordable);
  const transformer = createTransformer(config, {
    kvBlocks,
    maxRows: maxRunning + prefillChunk,
    maxLogits: maxRunning + promptLogits,
    weightSets: 2,
  });
  const kv = createKvBlocks(kvBlocks);
  return new ModelCore({
    info: {
      model: options.model ?? basename(options.directory),
      dtype: "float32",
      parameters: parameterCount(config),
      maxModelLen: config.maxModelLen,
      vocabSize: config.vocabSize,
      eosTokenIds: config.eosTokenIds,
      slot: { index: 0, kvTokens, maxRunning },
    },
    limits: { ...config, kvTokens },
    transformer,
    weights: createWeightHolder(config, transformer),
    kv,
    planner: new BatchPlanner(kv, { maxRunning, prefillChunk, promptLogits }),
    sampler: createSampler(config.vocabSize, config.eosTokenIds),
    clock: options.clock ?? { now: () => performance.now() },
  });
}

interface Parts {
  readonly info: CoreInfo;
  readonly limits: RequestLimits;
  readonly transformer: Transformer;
  readonly weights: WeightHolder;
  readonly kv: KvBlocks;
  readonly planner: BatchPlanner;
  readonly sampler: Sampler;
  readonly clock: Pick<Clock, "now">;
}

class ModelCore implements Core {
  readonly info: CoreInfo;
  readonly stepDelayMs = 0;
  readonly #parts: Parts;
  readonly #sequences = new Map<string, Sequence>();
  /** Requests that had reached their end when they came. */
  readonly #complete: CoreEvent[] = [];
  readonly #steps: { batch: number; seconds: number }[] = [];
  #arrivals = 0;
  #outputTokens = 0;
  #prefillTokens = 0;

  constructor(parts: Parts) {
    this.info = parts.info;
    this.#parts = parts;
  }

  add(request: CoreRequest): void {
    const { limits, planner, weights } = this.#parts;
    if (weights.held === null) {
      throw new PacelineError("version_unavailable", "the engine holds no weights yet");
    }
    if (this.#sequences.has(request.id)) {
      throw new PacelineError("conflict", `request ${request.id} is known already`);
    }
    if (this.#sequences.size >= LIMITS.engineRequests) {
      throw new PacelineError("overloaded", `${this.#sequences.size} requests are in the engine`);
    }
    assertRequest(request, limits);
    const sequence = new Sequence(request, this.#arrivals++, limits.vocabSize);
    const reason = sequence.scores === null ? this.#finishOf(sequence) : null;
    if (reason === null) {
      this.#sequences.set(request.id, sequence);
      planner.enqueue(sequence);
    } else {
      this.#complete.push({ type: "finished", id: request.id, reason, cachedTokens: 0 });
    }
  }

  abort(id: string): boolean {
    const complete = this.#complete.findIndex((event) => event.id === id);
    if (complete >= 0) this.#complete.splice(complete, 1);
    const sequence = this.#sequences.get(id);
    if (sequence !== undefined) this.#forget(sequence);
    return sequence !== undefined || complete >= 0;
  }

  step(): CoreEvent[] {
    const events = this.#complete.splice(0);
    if (this.#sequences.size === 0) return events;
    const began = this.#parts.clock.now();
    const plan = this.#parts.planner.plan();
    for (const sequence of plan.outgrown) {
      this.#finish(sequence, { type: "length", cause: "kv", matched: null }, events);
    }
    if (plan.rows.length > 0) this.#compute(plan.rows, events);
    // Only steps without prefill say what a decode costs.
    if (plan.decodes > 0 && plan.rows.length === plan.decodes) {
      const seconds = (this.#parts.clock.now() - began) / 1_000;
      this.#steps.push({ batch: plan.decodes, seconds });
      if (this.#steps.length > STEPS_KEPT) this.#steps.shift();
    }
    return events;
  }

  get busy(): boolean {
    return this.#sequences.size > 0 || this.#complete.length > 0;
  }

  retract(): void {
    const { planner } = this.#parts;
    for (const sequence of [...planner.running]) planner.requeue(sequence);
  }

  flush(): void {
    this.#parts.kv.flush();
  }

  dropCache(namespace: string): void {
    this.#parts.kv.drop(namespace);
  }

  stage(source: { policy: string; version: number; path: string }): { digest: string } {
    return this.#parts.weights.stage(source);
  }

  swap(target: { policy: string; version: number; kv: "keep" | "drop" }): HeldWeights {
    const held = this.#parts.weights.swap(target);
    this.#age(target.kv);
    return held;
  }

  load(
    source: { policy: string; version: number; path: string; kv: "keep" | "drop" },
    wanted?: (tensor: string) => boolean,
  ): HeldWeights {
    const held = this.#parts.weights.load(source, wanted);
    this.#age(source.kv);
    return held;
  }

  relabel(target: { policy: string; version: number }): HeldWeights {
    return this.#parts.weights.relabel(target);
  }

  /** All KV is of weights that are no more. */
  #age(fate: "keep" | "drop"): void {
    const { planner, kv } = this.#parts;
    for (const sequence of [...planner.running]) {
      // A prefill under way has told nobody anything yet: it starts again, so that its KV is of one version.
      if (fate === "keep" && sequence.decoding) sequence.mixed = true;
      else planner.requeue(sequence);
    }
    kv.forget();
  }

  discard(target: { policy: string; version: number }): void {
    this.#parts.weights.discard(target);
  }

  get held(): HeldWeights | null {
    return this.#parts.weights.held;
  }

  stats(): CoreStats {
    const { kv, planner } = this.#parts;
    return {
      running: planner.running.length,
      waiting: planner.waiting.length,
      kvUsedTokens: kv.held * BLOCK_TOKENS,
      kvTotalTokens: kv.total * BLOCK_TOKENS,
      outputTokens: this.#outputTokens,
      prefillTokens: this.#prefillTokens,
      steps: [...this.#steps],
    };
  }

  #compute(planned: readonly PlannedRows[], events: CoreEvent[]): void {
    const { transformer, weights } = this.#parts;
    const rows: Row[] = [];
    for (const { sequence, count } of planned) {
      const { blocks, computed, length, scores } = sequence;
      for (let position = computed; position < computed + count; position++) {
        const logits = position === length - 1 || scores?.needs(position) === true;
        rows.push({ token: sequence.token(position), position, blocks, logits });
      }
      if (!sequence.decoding) this.#prefillTokens += count;
    }
    const logits = transformer.forward(weights.serving, rows).values();
    const next = (): Float32Array => {
      const own = logits.next();
      if (own.done === true) throw new Error("logits are missing");
      return own.value;
    };
    for (const { sequence, count } of planned) {
      const { computed: from, scores } = sequence;
      sequence.computed += count;
      for (let position = from; scores !== null && position < from + count; position++) {
        if (scores.needs(position)) scores.take(position, next(), sequence.token(position + 1));
      }
      if (sequence.remaining > 0) continue;
      const sampled = next();
      this.#start(sequence, events);
      const ended = scores === null ? null : this.#finishOf(sequence);
      if (ended === null) this.#trySample(sequence, sampled, events);
      else this.#finish(sequence, ended, events);
    }
  }

  /** What ends one request must not end the batch. */
  #trySample(sequence: Sequence, logits: Float32Array, events: CoreEvent[]): void {
    try {
      this.#sample(sequence, logits, events);
    } catch (thrown) {
      if (!(thrown instanceof PacelineError)) throw thrown;
      this.#forget(sequence);
      events.push({ type: "failed", id: sequence.request.id, error: thrown.toBody() });
    }
  }

  /** Prefill is complete: tells so, and of the prompt what is wanted. */
  #start(sequence: Sequence, events: CoreEvent[]): void {
    const { request, cachedTokens, scores } = sequence;
    const { id } = request;
    if (!sequence.started) events.push({ type: "started", id, cachedTokens });
    sequence.started = true;
    if (scores === null) return;
    sequence.scores = null;
    const { start, logprobs } = scores;
    events.push({ type: "prompt", id, start, logprobs, version: this.#version() });
  }

  #version(): number {
    const version = this.#parts.weights.held?.version;
    if (version === undefined) throw new Error("no weights are held");
    return version;
  }

  #sample(sequence: Sequence, logits: Float32Array, events: CoreEvent[]): void {
    const { request, outputLength: start, counts, mixed } = sequence;
    const { id, sampling, siblingIndex, logprobMode } = request;
    const output = sampling.badWords.length > 0 ? sequence.output : NO_TOKENS;
    const input = { logits, sampling, position: start, counts, output };
    const distribution = this.#parts.sampler.distribution(input);
    const token = distribution.draw(uniformAt(sampling.seed, siblingIndex, start));
    const logprobs = Float32Array.of(distribution.logprob(token, logprobMode));
    const side = request.side === null ? null : this.#side(sequence, request.side, distribution);
    sequence.append(token);
    sequence.decoding = true;
    this.#outputTokens += 1;
    events.push({
      type: "tokens",
      id,
      start,
      ids: Uint32Array.of(token),
      logprobs,
      version: this.#version(),
      side,
      mixed,
    });
    const reason = this.#finishOf(sequence);
    if (reason !== null) this.#finish(sequence, reason, events);
  }

  /** Throws `side_data_too_large`. */
  #side(sequence: Sequence, want: SideWant, distribution: Distribution): SideChunk | null {
    if (want.topLogprobs === 0 && !want.samplingMask) return null;
    const { vocabSize } = this.info;
    const side = alternatives(distribution, want, sequence.request.logprobMode, vocabSize);
    sequence.maskIds += side.mask?.ids.length ?? 0;
    if (sequence.maskIds > LIMITS.samplingMaskIds) throw maskTooLarge();
    return side;
  }

  #finishOf(sequence: Sequence): FinishReason | null {
    const { request, outputLength, length } = sequence;
    const last = outputLength > 0 ? sequence.token(length - 1) : null;
    return finishOf(request, outputLength, length, last, this.#parts.limits);
  }

  #finish(sequence: Sequence, reason: FinishReason, events: CoreEvent[]): void {
    const { request, cachedTokens } = sequence;
    this.#forget(sequence);
    events.push({ type: "finished", id: request.id, reason, cachedTokens });
  }

  #forget(sequence: Sequence): void {
    this.#parts.planner.remove(sequence);
    this.#sequences.delete(sequence.request.id);
  }
}
