/**
 * What a fake of another engine stands on: the embedded engine's transformer and sampler in this process, with the
 * manners of vLLM and SGLang where these differ from our own engine's. A weight update overwrites the weights in place
 * and changes no label; a label changes no weights; neither clears the prefix cache: KV of the old weights is found
 * again under the same namespace until someone flushes. An aborted request answers what it has. While the engine is
 * paused, requests wait.
 *
 * Numbers are the demo policy's own: tokens and logprobs are the same as the embedded engine's for the same request.
 */
import { fileURLToPath } from "node:url";
import type { LogprobMode } from "../../../server/contract/rollout.ts";
import type { SideWant } from "../../../server/contract/side-data.ts";
import type {
  Core,
  CoreEvent,
  CoreInfo,
  CoreSampling,
  CoreStats,
} from "../../../server/engine/core.ts";
import { createModelCore } from "../../../server/engine/model-core.ts";
import type { CacheTale } from "./cache-tale.ts";
import { FakeOutput, type FakePart } from "./fake-output.ts";

export const checkpoint = (step: "step-1" | "step-2"): string =>
  fileURLToPath(new URL(`../../../server/engine/demo-policy/${step}`, import.meta.url));

export interface FakeModelOptions {
  /** Checkpoint to start with. Default: the demo policy's step 1. */
  readonly directory?: string;
  /** Label of the first weights. Default `"default"`, as real engines have it. */
  readonly label?: string;
  /** Default 8,192. */
  readonly kvTokens?: number;
  /** Default 16. */
  readonly maxRunning?: number;
  /** Milliseconds between two steps; default 0: as fast as it computes. */
  readonly stepMs?: number;
}

export interface FakeRequest {
  /** Unique among those that run. */
  readonly id: string;
  readonly promptTokenIds: Uint32Array;
  /** Tokens that exist already, counted by limits and penalties; default none. */
  readonly outputTokenIds?: Uint32Array;
  /** Defaults: 16 tokens at temperature 1, nothing else on, seed 0. */
  readonly sampling?: Partial<CoreSampling>;
  readonly siblingIndex?: number;
  /** Default `processed`. */
  readonly logprobMode?: LogprobMode;
  /** vLLM's `cache_salt`, SGLang's `extra_key`; default none. */
  readonly cacheNamespace?: string;
  readonly priority?: number;
  readonly side?: SideWant | null;
  /** Name of a loaded adapter; default: the base model. */
  readonly adapter?: string | null;
}

/** Sums over decode steps, of which a line through step times by batch can be fitted. */
export interface DecodeMoments {
  steps: number;
  batch: number;
  microseconds: number;
  batchSquared: number;
  batchMicroseconds: number;
  tokens: number;
}

export type FakePause = "keep" | "retract" | "abort";

export interface FakeModel {
  readonly info: CoreInfo;
  /** Checkpoint that it was started with. */
  readonly directory: string;
  /** Of the weights in service: SHA-256 of their content, in hex. */
  readonly digest: string;
  readonly label: string;
  readonly paused: boolean;
  /** Names of loaded adapters and the directories they came from. */
  readonly adapters: ReadonlyMap<string, string>;
  /** Requests that have not ended. */
  readonly requests: number;
  /**
   * Throws `PacelineError` (`invalid_argument`, `prompt_too_long`, `conflict`, `not_found` for an adapter). A reader
   * that leaves its iteration ends the request.
   */
  submit(request: FakeRequest): AsyncIterableIterator<FakePart>;
  /** Those end with what they have; how many there were. Default: all. */
  abort(which?: (id: string) => boolean): number;
  pause(mode: FakePause): void;
  resume(): void;
  /** Resolves when no request is left; new ones still come in. */
  idle(): Promise<void>;
  /** Overwrites the weights in service with a checkpoint's. Throws `weights_rejected`, the old ones still in service. */
  swap(path: string): void;
  /** Names what is in service; no weight changes. */
  relabel(label: string): void;
  /** Drops cached prefixes; false, and nothing done, while a request holds KV. */
  flush(): boolean;
  /** Running requests give up their KV and compute it again, as where it is short. */
  retract(): void;
  /** How often a request has. */
  readonly retractions: number;
  /** A whole checkpoint stands in for base and adapter together. Throws `weights_rejected`. */
  loadAdapter(name: string, path: string): void;
  /** False: there is none of this name. */
  unloadAdapter(name: string): boolean;
  stats(): CoreStats;
  /** Of all decode steps that followed another: neither a request's first token is among them, which is its prefill's, nor its second. */
  readonly moments: DecodeMoments;
  /** Every request fails and nothing is computed any more. */
  die(): void;
  /** Hears from now on what its prefix cache has. */
  tell(tale: CacheTale): void;
}

const POLICY = "fake";

const SAMPLING: CoreSampling = {
  maxNewTokens: 16,
  minNewTokens: 0,
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  stopTokenIds: [],
  ignoreEos: false,
  seed: 0,
  logitBias: [],
  allowedTokenIds: [],
  badWords: [],
};

export function createFakeModel(options: FakeModelOptions = {}): FakeModel {
  return new DemoModel(options);
}

class DemoModel implements FakeModel {
  readonly #options: Required<FakeModelOptions>;
  readonly #base: Core;
  readonly #adapters = new Map<string, { core: Core; path: string }>();
  readonly #outputs = new Map<
    string,
    { output: FakeOutput; core: Core; namespace: string; tokens: number[] }
  >();
  #tale: CacheTale | null = null;
  #retractions = 0;
  /** A core's version is the place of a label in here. */
  readonly #labels: string[];
  readonly #idle = new Set<() => void>();
  readonly moments: DecodeMoments = {
    steps: 0,
    batch: 0,
    microseconds: 0,
    batchSquared: 0,
    batchMicroseconds: 0,
    tokens: 0,
  };
  /** The step before was a decode step too: only from one to the next is time taken. */
  #cadence = false;
  #paused = false;
  #scheduled = false;
  #dead = false;

  constructor({
    directory = checkpoint("step-1"),
    label = "default",
    kvTokens = 8_192,
    maxRunning = 16,
    stepMs = 0,
  }: FakeModelOptions) {
    this.#options = { directory, label, kvTokens, maxRunning, stepMs };
    this.#labels = [label];
    this.#base = this.#coreOf(directory);
  }

  #coreOf(path: string): Core {
    const { directory, kvTokens, maxRunning } = this.#options;
    const core = createModelCore({ directory, kvTokens, maxRunning });
    core.load({ policy: POLICY, version: this.#version, path, kv: "keep" });
    return core;
  }

  get #version(): number {
    return this.#labels.length - 1;
  }

  get info(): CoreInfo {
    return this.#base.info;
  }

  get directory(): string {
    return this.#options.directory;
  }

  get digest(): string {
    return this.#base.held?.digest ?? "";
  }

  get label(): string {
    return this.#labels[this.#version] as string;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get requests(): number {
    return this.#outputs.size;
  }

  get adapters(): ReadonlyMap<string, string> {
    return new Map([...this.#adapters].map(([name, { path }]) => [name, path]));
  }

  submit(request: FakeRequest): AsyncIterableIterator<FakePart> {
    if (this.#dead) throw new Error("the fake is dead");
    const { id, adapter = null } = request;
    const core = adapter === null ? this.#base : this.#adapters.get(adapter)?.core;
    if (core === undefined) throw new Error(`no adapter ${adapter}`);
    core.add({
      id,
      promptTokenIds: request.promptTokenIds,
      outputTokenIds: request.outputTokenIds ?? new Uint32Array(0),
      sampling: { ...SAMPLING, ...request.sampling },
      siblingIndex: request.siblingIndex ?? 0,
      logprobMode: request.logprobMode ?? "processed",
      cacheNamespace: request.cacheNamespace ?? "",
      // Real engines keep cached KV over an update.
      cacheCarried: true,
      priority: request.priority ?? 0,
      side: request.side ?? null,
    });
    const output = new FakeOutput(request.outputTokenIds?.length ?? 0, () => {
      core.abort(id);
      this.#forget(id);
    });
    const tokens = [...request.promptTokenIds, ...(request.outputTokenIds ?? [])];
    this.#outputs.set(id, { output, core, namespace: request.cacheNamespace ?? "", tokens });
    this.#wake();
    return output;
  }

  abort(which: (id: string) => boolean = () => true): number {
    const ended = [...this.#outputs].filter(([id]) => which(id));
    for (const [id, { output, core }] of ended) {
      core.abort(id);
      output.finish({ type: "abort", cause: "client", matched: null });
      this.#forget(id);
    }
    return ended.length;
  }

  pause(mode: FakePause): void {
    this.#paused = true;
    if (mode === "abort") this.abort();
    if (mode === "retract") this.retract();
  }

  resume(): void {
    this.#paused = false;
    this.#wake();
  }

  idle(): Promise<void> {
    if (this.#outputs.size === 0) return Promise.resolve();
    return new Promise((resolve) => void this.#idle.add(resolve));
  }

  swap(path: string): void {
    const version = this.#version;
    this.#base.load({ policy: POLICY, version, path, kv: "keep" });
  }

  relabel(label: string): void {
    this.#labels.push(label);
    for (const core of this.#cores()) core.relabel({ policy: POLICY, version: this.#version });
  }

  flush(): boolean {
    if (this.stats().kvUsedTokens > 0) return false;
    for (const core of this.#cores()) core.flush();
    this.#tale?.cleared();
    return true;
  }

  get retractions(): number {
    return this.#retractions;
  }

  retract(): void {
    this.#retractions += this.stats().running;
    for (const { output } of this.#outputs.values()) output.retracted();
    for (const core of this.#cores()) core.retract();
  }

  loadAdapter(name: string, path: string): void {
    this.#adapters.set(name, { core: this.#coreOf(path), path });
  }

  unloadAdapter(name: string): boolean {
    return this.#adapters.delete(name);
  }

  stats(): CoreStats {
    const [first, ...others] = this.#cores().map((core) => core.stats());
    if (first === undefined) throw new Error("there is always a base");
    const sum = (of: (stats: CoreStats) => number): number =>
      others.reduce((total, stats) => total + of(stats), of(first));
    return {
      running: sum(({ running }) => running),
      waiting: sum(({ waiting }) => waiting),
      kvUsedTokens: sum(({ kvUsedTokens }) => kvUsedTokens),
      kvTotalTokens: first.kvTotalTokens,
      outputTokens: sum(({ outputTokens }) => outputTokens),
      prefillTokens: sum(({ prefillTokens }) => prefillTokens),
      steps: first.steps,
    };
  }

  die(): void {
    this.#dead = true;
    for (const [id, { output }] of this.#outputs) {
      output.fail(new Error("the fake died"));
      this.#forget(id);
    }
  }

  tell(tale: CacheTale): void {
    this.#tale = tale;
  }

  #cores(): Core[] {
    const running = [...this.#outputs.values(), ...this.#adapters.values()];
    return [...new Set([this.#base, ...running.map(({ core }) => core)])];
  }

  #wake(): void {
    if (this.#scheduled || this.#paused || this.#dead) return;
    if (!this.#cores().some((core) => core.busy)) return;
    this.#scheduled = true;
    const { stepMs } = this.#options;
    if (stepMs > 0) setTimeout(() => this.#step(), stepMs);
    else setImmediate(() => this.#step());
  }

  #step(): void {
    this.#scheduled = false;
    if (this.#paused || this.#dead) return;
    for (const core of this.#cores()) {
      const began = performance.now();
      const events = core.step();
      this.#measured(events, 1_000 * (performance.now() - began));
      const ended = new Set(events.filter(({ type }) => type === "finished").map(({ id }) => id));
      for (const event of events) this.#deliver(event, ended.has(event.id));
    }
    this.#wake();
  }

  #measured(events: readonly CoreEvent[], microseconds: number): void {
    const made = events.filter(({ type }) => type === "tokens").length;
    const started = events.filter(({ type }) => type === "started").length;
    const cadence = this.#cadence;
    this.#cadence = started === 0;
    const batch = made - started;
    if (batch <= 0 || !cadence) return;
    this.moments.steps += 1;
    this.moments.batch += batch;
    this.moments.microseconds += microseconds;
    this.moments.batchSquared += batch * batch;
    this.moments.batchMicroseconds += batch * microseconds;
    this.moments.tokens += batch;
  }

  #deliver(event: CoreEvent, last: boolean): void {
    const request = this.#outputs.get(event.id);
    if (request === undefined) return;
    const { output, namespace, tokens } = request;
    if (event.type === "tokens") tokens.push(...event.ids);
    // The last token's KV is never computed.
    if (event.type === "started" || event.type === "finished") {
      const known = event.type === "started" ? tokens : tokens.slice(0, -1);
      this.#tale?.stored(namespace, Uint32Array.from(known));
    }
    switch (event.type) {
      case "started":
        output.started(event.cachedTokens);
        break;
      case "prompt":
        output.prompt(event.start, event.logprobs, this.#labels[event.version] as string);
        break;
      case "tokens":
        output.tokens(event, this.#labels[event.version] as string, last);
        break;
      case "finished":
        output.finish(event.reason);
        this.#forget(event.id);
        break;
      case "failed":
        output.fail(new Error(event.error.message));
        this.#forget(event.id);
    }
  }

  #forget(id: string): void {
    this.#outputs.delete(id);
    if (this.#outputs.size > 0) return;
    for (const resolve of this.#idle) resolve();
    this.#idle.clear();
  }
}
