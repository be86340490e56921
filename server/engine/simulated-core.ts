/**
 * A Core without compute, for load and faults: reproducible tokens (`simulated-tokens.ts`), weights that are a digest, and the
 * simulator's own batch: what it models in virtual time happens here a step at a time, in real time.
 */
import { PacelineError } from "../contract/errors.ts";
import type { FinishReason } from "../contract/rollout.ts";
import { Batch, type Phase } from "../simulator/engine/batch.ts";
import { Sequence } from "../simulator/engine/sequence.ts";
import type { Core, CoreEvent, CoreRequest, CoreStats, HeldWeights } from "./core.ts";
import { assertRequest, finishOf, type RequestLimits } from "./core-request.ts";
import { digestOfPath } from "./path-digest.ts";
import { blockHashes, SimulatedCache, wholeBlocks } from "./simulated-cache.ts";
import { expertRows, type SimulatedExperts } from "./simulated-experts.ts";
import {
  hashText,
  hashTokens,
  type SimulatedStream,
  type SimulatedVocabulary,
  simulatedPromptLogprobs,
  simulatedRow,
  simulatedStream,
} from "./simulated-tokens.ts";
import { mixedDigest } from "./weight-holder.ts";

export interface SimulatedModel extends SimulatedVocabulary {
  readonly maxModelLen: number;
  /** Seconds of an empty step; default 0. */
  readonly stepSeconds: number;
  /** Seconds that each running request adds to a step; default 0. */
  readonly perRequestSeconds: number;
  /** Default Infinity: prefill takes no time. */
  readonly prefillTokensPerSecond: number;
  /** Tokens prefilled in a step, whosever they are, in order of arrival; default 512. */
  readonly prefillChunk: number;
  /** Tells routed experts of this shape; default null: a dense model. */
  readonly experts: SimulatedExperts | null;
}

export const SIMULATED_MODEL: SimulatedModel = {
  vocabSize: 32_000,
  eosTokenId: 2,
  eosRate: 0,
  length: null,
  maxModelLen: 32_768,
  stepSeconds: 0,
  perRequestSeconds: 0,
  prefillTokensPerSecond: Number.POSITIVE_INFINITY,
  prefillChunk: 512,
  experts: null,
};

export interface SimulatedCoreOptions {
  readonly kvTokens: number;
  readonly maxRunning: number;
  readonly model: Partial<SimulatedModel>;
  /** SHA-256 of what a path holds; default `digestOfPath`. */
  readonly digest?: (path: string) => string;
}

interface Running {
  readonly request: CoreRequest;
  readonly sequence: Sequence;
  readonly stream: SimulatedStream;
  /** Its output: what it came with, and what was made. */
  readonly ids: number[];
  cachedTokens: number;
  started: boolean;
  /** Has made a token in this engine. */
  sampled: boolean;
  /** Lives on KV of an older load. */
  mixed: boolean;
}

const STEPS_KEPT = 64;

export function createSimulatedCore(options: SimulatedCoreOptions): Core {
  const model: SimulatedModel = { ...SIMULATED_MODEL, ...options.model };
  const { prefillTokensPerSecond, prefillChunk } = model;
  const { kvTokens, maxRunning } = options;
  const step = { a: model.stepSeconds, s: model.perRequestSeconds };
  const shape = { kvTokens, maxRunning, step, prefillTokensPerSecond, prefillChunk };
  const eosTokenIds = [model.eosTokenId];
  // Whoever is let in has room for a token more.
  const limits: RequestLimits = { ...model, eosTokenIds, kvTokens: kvTokens - 1 };
  const digestOf = options.digest ?? digestOfPath;
  const cache = new SimulatedCache(kvTokens);
  const batch = new Batch(shape, cache.kv);
  const known = new Map<string, Running>();
  const bySequence = new Map<Sequence, Running>();
  const staged = new Map<string, string>();
  const steps: { batch: number; seconds: number }[] = [];
  /** The step that is under way; who comes meanwhile takes part in the next. */
  let planned: Phase | null = null;
  let held: HeldWeights | null = null;
  let digestHash = 0;
  let loads = 0;
  let arrivals = 0;
  let outputTokens = 0;

  const runningNow = (): Running[] =>
    batch.running.flatMap((sequence) => bySequence.get(sequence) ?? []);

  function remove(id: string): boolean {
    const entry = known.get(id);
    if (entry === undefined) return false;
    known.delete(id);
    bySequence.delete(entry.sequence);
    const { request, sequence, ids, mixed } = entry;
    const context = blockHashes(request.cacheNamespace, request.promptTokenIds, ids);
    const leaves = cache.leaves(context, request, mixed);
    batch.remove(sequence, leaves);
    cache.left(leaves, request, mixed);
    return true;
  }

  function score({ request }: Running, events: CoreEvent[]): void {
    const { id, promptTokenIds, side } = request;
    const wanted = side?.promptLogprobs ?? null;
    if (wanted === null || held === null) return;
    const { start } = wanted;
    const logprobs = simulatedPromptLogprobs(promptTokenIds, digestHash).subarray(start);
    events.push({ type: "prompt", id, start, logprobs, version: held.version });
  }

  /** All of its context is computed, for the first time or again. */
  function begin(entry: Running, events: CoreEvent[]): void {
    const { request, sequence } = entry;
    // What it left itself when it was put out, and found again.
    entry.mixed = cache.computed(sequence, request, entry.mixed && sequence.tail);
    sequence.wanted = Number.POSITIVE_INFINITY;
    if (entry.started) return;
    entry.started = true;
    entry.cachedTokens = wholeBlocks(sequence.cachedTokens);
    events.push({ type: "started", id: request.id, cachedTokens: entry.cachedTokens });
    score(entry, events);
  }

  function finish(entry: Running, reason: FinishReason, events: CoreEvent[]): void {
    const { id } = entry.request;
    tellExperts(entry, events);
    remove(id);
    events.push({ type: "finished", id, reason, cachedTokens: entry.cachedTokens });
  }

  function tellExperts({ request, ids }: Running, events: CoreEvent[]): void {
    const { id, side, promptTokenIds } = request;
    const { experts } = model;
    if (experts === null || side?.routedExperts == null) return;
    const run = [...promptTokenIds, ...ids].slice(side.routedExperts.start, -1);
    const head = { dtype: experts.dtype, row: [experts.layers, experts.perToken] };
    events.push({ type: "experts", id, head, bytes: expertRows(run, experts) });
  }

  function decode(entry: Running, version: number, events: CoreEvent[]): void {
    const { id, sampling, side } = entry.request;
    const start = entry.ids.length;
    // It had reached its end when it came.
    const before = reasonAfter(entry, null);
    if (before !== null) {
      finish(entry, before, events);
      return;
    }
    const token = entry.stream.at(start, digestHash);
    entry.ids.push(token.id);
    entry.sampled = true;
    outputTokens += 1;
    events.push({
      type: "tokens",
      id,
      start,
      ids: Uint32Array.of(token.id),
      logprobs: Float32Array.of(token.logprob),
      version,
      side: side === null ? null : simulatedRow(token, side, sampling, model.vocabSize),
      mixed: entry.mixed,
    });
    const reason = reasonAfter(entry, token.id);
    if (reason !== null) finish(entry, reason, events);
  }

  function reasonAfter({ request, ids }: Running, last: number | null): FinishReason | null {
    const context = request.promptTokenIds.length + ids.length;
    const full: FinishReason = { type: "length", cause: "kv", matched: null };
    const reason = finishOf(request, ids.length, context, last, limits);
    return reason ?? (context >= kvTokens ? full : null);
  }

  /** Puts weights in service: all KV is of others from here on. */
  function serve(weights: Omit<HeldWeights, "load">, kv: "keep" | "drop"): HeldWeights {
    loads += 1;
    held = { ...weights, load: loads };
    digestHash = hashText(weights.digest);
    for (const entry of runningNow()) {
      if (kv === "keep" && entry.sampled) entry.mixed = true;
      else batch.putOut(entry.sequence);
    }
    cache.age();
    return held;
  }

  const key = (policy: string, version: number): string => `${policy}@${version}`;

  return {
    info: {
      model: "simulated",
      dtype: "none",
      parameters: 0,
      maxModelLen: model.maxModelLen,
      vocabSize: model.vocabSize,
      eosTokenIds,
      slot: { index: 0, kvTokens, maxRunning },
      routedExperts: model.experts !== null,
    },

    add(request) {
      if (held === null) {
        throw new PacelineError("version_unavailable", "the engine holds no weights yet");
      }
      assertRequest(request, limits);
      const { promptTokenIds, outputTokenIds, sampling, siblingIndex } = request;
      const order = arrivals++;
      const entry: Running = {
        request,
        sequence: sequenceOf(request, order),
        stream: simulatedStream(model, hashTokens(promptTokenIds), sampling, siblingIndex),
        ids: [...outputTokenIds],
        cachedTokens: 0,
        started: false,
        sampled: false,
        mixed: false,
      };
      known.set(request.id, entry);
      bySequence.set(entry.sequence, entry);
      batch.add(entry.sequence);
    },

    abort: remove,

    step() {
      const events: CoreEvent[] = [];
      if (held === null) return events;
      const phase = planned ?? batch.plan(0);
      planned = null;
      if (phase === null) return events;
      batch.advance(1);
      for (const sequence of batch.begun) {
        const entry = bySequence.get(sequence);
        if (entry !== undefined) begin(entry, events);
      }
      const ready = runningNow().filter(({ sequence }) => sequence.state === "decoding");
      for (const entry of ready) decode(entry, held.version, events);
      steps.push({ batch: ready.length, seconds: phase.seconds });
      if (steps.length > STEPS_KEPT) steps.shift();
      return events;
    },

    get busy() {
      return held !== null && known.size > 0;
    },

    get stepDelayMs() {
      planned ??= batch.plan(0);
      return 1000 * (planned?.seconds ?? 0);
    },

    retract() {
      for (const { sequence } of runningNow()) batch.putOut(sequence);
      cache.clear();
    },

    flush() {
      cache.clear();
    },

    dropCache(namespace) {
      cache.drop(namespace);
    },

    stage({ policy, version, path }) {
      const digest = digestOf(path);
      staged.set(key(policy, version), digest);
      return { digest };
    },

    swap({ policy, version, kv }) {
      const digest = staged.get(key(policy, version));
      if (digest === undefined) {
        throw new PacelineError("version_conflict", `${policy}@${version} is not staged`);
      }
      staged.delete(key(policy, version));
      return serve({ policy, version, digest }, kv);
    },

    load({ policy, version, path, kv }, wanted) {
      const read = digestOf(path);
      const digest = wanted === undefined ? read : mixedDigest(held?.digest ?? "", read);
      return serve({ policy, version, digest }, kv);
    },

    relabel({ policy, version }) {
      if (held === null) throw new PacelineError("version_conflict", "no weights are held");
      held = { ...held, policy, version };
      return held;
    },

    discard({ policy, version }) {
      staged.delete(key(policy, version));
    },

    get held() {
      return held;
    },

    stats(): CoreStats {
      return {
        running: batch.running.length,
        waiting: batch.waiting.length,
        kvUsedTokens: cache.kv.held,
        kvTotalTokens: kvTokens,
        outputTokens,
        prefillTokens: batch.prefilledTokens,
        steps: [...steps],
      };
    },
  };
}

function sequenceOf(request: CoreRequest, order: number): Sequence {
  const { promptTokenIds, outputTokenIds, cacheNamespace, priority, side } = request;
  return new Sequence({
    order,
    priority,
    owner: order,
    promptTokens: promptTokenIds.length,
    outputTokens: outputTokenIds.length,
    prefix: blockHashes(cacheNamespace, promptTokenIds, outputTokenIds),
    adapter: null,
    stopAt: Number.POSITIVE_INFINITY,
    // Logits of a prompt that is scored are computed, whatever the cache holds.
    wanted: side?.promptLogprobs
      ? Math.max(0, side.promptLogprobs.start - 1)
      : Number.POSITIVE_INFINITY,
  });
}
