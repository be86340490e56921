/**
 * A Core without compute, for load and faults: reproducible tokens (`simulated-tokens.ts`), a KV limit
 * with preemption, prefix reuse inside a cache namespace, weights that are a digest, and the simulator's
 * model of step time.
 */
import { createHash } from "node:crypto";
import { openCheckpoint } from "../checkpoint/checkpoint.ts";
import { combineDigests, hashTensor } from "../checkpoint/digest.ts";
import { readTensor, type TensorEntry } from "../checkpoint/safetensors.ts";
import { PacelineError } from "../contract/errors.ts";
import type { FinishReason } from "../contract/rollout.ts";
import { stepSeconds } from "../simulator/engine/shape.ts";
import type { Core, CoreEvent, CoreRequest, CoreStats, HeldWeights } from "./core.ts";
import { createSimulatedCache } from "./simulated-cache.ts";
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
  readonly order: number;
  readonly stream: SimulatedStream;
  /** Prompt and output tokens whose KV exists. */
  computed: number;
  output: number;
  cachedTokens: number;
  started: boolean;
  /** Has made a token in this engine. */
  sampled: boolean;
  /** Lives on KV of an older load. */
  mixed: boolean;
}

const STEPS_KEPT = 64;

/** Logits of a prompt that is scored are computed, whatever the cache holds. */
const uncachedFrom = ({ started, request }: Running): number =>
  started || !request.side?.promptLogprobs
    ? Number.POSITIVE_INFINITY
    : Math.max(0, request.side.promptLogprobs.start - 1);

/** What a coordinator would publish `path` under, where it is a checkpoint; else of the path itself. */
export function digestOfPath(path: string): string {
  let entries: readonly TensorEntry[];
  try {
    entries = [...openCheckpoint(path).values()];
  } catch {
    // Any path will do here: a fleet in a test has no checkpoints.
    return createHash("sha256").update(path).digest("hex");
  }
  const bytes = entries.reduce((sum, entry) => sum + entry.byteLength, 0);
  const tensors = entries.map((entry) => hashTensor(entry, readTensor(entry, 0, entry.byteLength)));
  return combineDigests(tensors, bytes).digest;
}

export function createSimulatedCore(options: SimulatedCoreOptions): Core {
  const model: SimulatedModel = { ...SIMULATED_MODEL, ...options.model };
  const shape = {
    step: { a: model.stepSeconds, s: model.perRequestSeconds },
    prefillTokensPerSecond: model.prefillTokensPerSecond,
  };
  const digestOf = options.digest ?? digestOfPath;
  const cache = createSimulatedCache(options.kvTokens);
  const known = new Map<string, Running>();
  /** In order of arrival within a priority; a preempted request keeps its place. */
  const waiting: Running[] = [];
  const running: Running[] = [];
  const staged = new Map<string, string>();
  const steps: { batch: number; seconds: number }[] = [];
  let held: HeldWeights | null = null;
  let digestHash = 0;
  let loads = 0;
  let arrivals = 0;
  let outputTokens = 0;
  let prefillTokens = 0;

  const contextOf = (r: Running): number => r.request.promptTokenIds.length + r.output;
  const kvUsed = (): number => running.reduce((sum, r) => sum + contextOf(r), 0);

  function enqueue(entry: Running): void {
    const after = (other: Running): boolean =>
      other.request.priority - entry.request.priority > 0 ||
      (other.request.priority === entry.request.priority && other.order > entry.order);
    const at = waiting.findIndex(after);
    waiting.splice(at === -1 ? waiting.length : at, 0, entry);
  }

  function admit(): void {
    let used = kvUsed();
    while (running.length < options.maxRunning) {
      const next = waiting[0];
      // Room for one more token of everybody, or the next step would put it out again.
      const growth = running.length + 1;
      if (next === undefined || used + contextOf(next) + growth > options.kvTokens) return;
      waiting.shift();
      used += contextOf(next);
      const found = cache.lookup(next.request);
      next.computed = Math.min(found.tokens, uncachedFrom(next));
      next.mixed = found.older;
      if (!next.started) next.cachedTokens = next.computed;
      running.push(next);
    }
  }

  /** Back to the queue without KV, its tokens kept. */
  function preempt(entry: Running): void {
    running.splice(running.indexOf(entry), 1);
    entry.computed = 0;
    entry.mixed = false;
    enqueue(entry);
  }

  function remove(id: string): boolean {
    const entry = known.get(id);
    if (entry === undefined) return false;
    known.delete(id);
    const list = running.includes(entry) ? running : waiting;
    list.splice(list.indexOf(entry), 1);
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

  /** Context that a request must still compute before it decodes: the last token's KV is made by the decode itself. */
  function missingOf(entry: Running): number {
    const missing = contextOf(entry) - entry.computed;
    return entry.started && missing <= 1 ? 0 : missing;
  }

  function prefill(events: CoreEvent[]): number {
    let left = model.prefillChunk;
    for (const entry of running) {
      if (left === 0) break;
      const missing = missingOf(entry);
      const chunk = Math.min(missing, left);
      if (chunk === 0) continue;
      left -= chunk;
      entry.computed += chunk;
      if (chunk < missing || entry.started) continue;
      entry.started = true;
      events.push({ type: "started", id: entry.request.id, cachedTokens: entry.cachedTokens });
      score(entry, events);
      cache.insert(entry.request, entry.mixed);
    }
    prefillTokens += model.prefillChunk - left;
    return model.prefillChunk - left;
  }

  function finish(entry: Running, reason: FinishReason, events: CoreEvent[]): void {
    const { id } = entry.request;
    remove(id);
    events.push({ type: "finished", id, reason, cachedTokens: entry.cachedTokens });
  }

  function decode(entry: Running, version: number, events: CoreEvent[]): void {
    const { id, sampling, side } = entry.request;
    if (entry.output >= sampling.maxNewTokens) {
      finish(entry, { type: "length", cause: "max_new", matched: null }, events);
      return;
    }
    const token = entry.stream.at(entry.output, digestHash);
    const start = entry.output;
    entry.output += 1;
    entry.sampled = true;
    entry.computed = contextOf(entry) - 1;
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

  function reasonAfter(entry: Running, id: number): FinishReason | null {
    const { sampling } = entry.request;
    if (entry.output > sampling.minNewTokens) {
      if (id === model.eosTokenId && !sampling.ignoreEos) {
        return { type: "stop", cause: "eos", matched: id };
      }
      if (sampling.stopTokenIds.includes(id))
        return { type: "stop", cause: "stop_id", matched: id };
    }
    if (entry.output >= sampling.maxNewTokens) {
      return { type: "length", cause: "max_new", matched: null };
    }
    if (contextOf(entry) >= model.maxModelLen) {
      return { type: "length", cause: "context", matched: null };
    }
    if (contextOf(entry) >= options.kvTokens) return { type: "length", cause: "kv", matched: null };
    return null;
  }

  /** Puts weights in service: all KV is of others from here on. */
  function serve(weights: Omit<HeldWeights, "load">, kv: "keep" | "drop"): HeldWeights {
    loads += 1;
    held = { ...weights, load: loads };
    digestHash = hashText(weights.digest);
    cache.age();
    for (const entry of [...running]) {
      if (kv === "keep" && entry.sampled) entry.mixed = true;
      else preempt(entry);
    }
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
      eosTokenIds: [model.eosTokenId],
      slot: { index: 0, kvTokens: options.kvTokens, maxRunning: options.maxRunning },
    },

    add(request) {
      if (held === null) {
        throw new PacelineError("version_unavailable", "the engine holds no weights yet");
      }
      check(request, model, options.kvTokens);
      const { promptTokenIds, sampling, siblingIndex } = request;
      const entry: Running = {
        request,
        order: arrivals++,
        stream: simulatedStream(model, hashTokens(promptTokenIds), sampling, siblingIndex),
        computed: 0,
        output: request.outputTokenIds.length,
        cachedTokens: 0,
        started: false,
        sampled: false,
        mixed: false,
      };
      known.set(request.id, entry);
      enqueue(entry);
    },

    abort: remove,

    step() {
      const events: CoreEvent[] = [];
      if (held === null) return events;
      // Each running request needs room for one more token; the youngest gives way.
      while (running.length > 1 && kvUsed() + running.length > options.kvTokens) {
        preempt(running.reduce((young, r) => (r.order > young.order ? r : young)));
      }
      admit();
      const prefilled = prefill(events);
      const ready = running.filter((r) => r.started && contextOf(r) - r.computed <= 1);
      for (const entry of ready) decode(entry, held.version, events);
      steps.push({ batch: ready.length, seconds: stepSeconds(shape, ready.length, prefilled) });
      if (steps.length > STEPS_KEPT) steps.shift();
      return events;
    },

    get busy() {
      return held !== null && known.size > 0;
    },

    get stepDelayMs() {
      const first = waiting[0];
      let missing = first === undefined ? 0 : contextOf(first) - first.computed;
      for (const entry of running) missing += missingOf(entry);
      return 1000 * stepSeconds(shape, running.length, Math.min(missing, model.prefillChunk));
    },

    retract() {
      for (const entry of [...running]) preempt(entry);
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
        running: running.length,
        waiting: waiting.length,
        kvUsedTokens: kvUsed(),
        kvTotalTokens: options.kvTokens,
        outputTokens,
        prefillTokens,
        steps: [...steps],
      };
    },
  };
}

/** What a real engine would die of is refused before it is queued. */
function check(request: CoreRequest, model: SimulatedModel, kvTokens: number): void {
  const { promptTokenIds, outputTokenIds, sampling } = request;
  if (promptTokenIds.length === 0) {
    throw new PacelineError("invalid_argument", "the prompt is empty", {
      details: { path: "prompt_token_ids" },
    });
  }
  for (const [path, ids] of [
    ["prompt_token_ids", promptTokenIds],
    ["output_token_ids", outputTokenIds],
    ["sampling.stop_token_ids", sampling.stopTokenIds],
    ["sampling.allowed_token_ids", sampling.allowedTokenIds],
    ["sampling.bad_words", sampling.badWords.flat()],
  ] as const) {
    for (let i = 0; i < ids.length; i++) {
      if ((ids[i] as number) >= model.vocabSize) {
        throw new PacelineError("invalid_argument", `token id ${ids[i]} is out of vocabulary`, {
          details: { path: `${path}[${i}]` },
        });
      }
    }
  }
  const room = Math.min(model.maxModelLen, kvTokens);
  const context = promptTokenIds.length + outputTokenIds.length;
  const start = request.side?.promptLogprobs?.start ?? 0;
  if (start >= promptTokenIds.length) {
    throw new PacelineError("invalid_argument", `prompt_logprobs start at ${start}`, {
      details: { path: "prompt_logprobs" },
    });
  }
  // A prompt that is only scored may fill the context.
  if (context + Math.min(1, sampling.maxNewTokens) > room) {
    throw new PacelineError("prompt_too_long", `${context} tokens leave no room in ${room}`, {
      details: { path: "prompt_token_ids", tokens: context, limit: room },
    });
  }
}
