/** A fleet, its engines and a gate in memory, for the weights' coordinator: they do what a test tells them. */
import { hash } from "node:crypto";
import type {
  Engine,
  EngineControl,
  EngineEvent,
  EngineRequest,
  EngineWeights,
} from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { Proof } from "../../../server/contract/policy.ts";
import type { EngineDescription, WorkerState } from "../../../server/contract/worker.ts";
import type { FleetChange, WorkerRecord } from "../../../server/fleet/fleet.ts";
import type { UpdateGate } from "../../../server/weights/coordinator/gate.ts";
import type { UpdateContext } from "../../../server/weights/coordinator/update-context.ts";

export type Call =
  | "stage"
  | "swap"
  | "held"
  | "pause"
  | "resume"
  | "discard"
  | "close"
  | "canary"
  | "checksum"
  | "load"
  | "unload";
/** `lie`: a digest that is not what it read or holds; where it shows none, weights that are not what it names. */
export type Fault = "hang" | "fail" | "reject" | "unreachable" | "lie";

const description = (
  { incarnation, held: holds, paused, shows, adapters, room, checksums }: FakeWorker,
  digest = holds?.digest,
): EngineDescription => ({
  kind: "simulated",
  engineVersion: "0",
  incarnation,
  model: "m",
  dtype: "float32",
  maxModelLen: 64,
  vocabSize: 16,
  eosTokenIds: [0],
  slots: [{ index: 0, kvTokens: 64, maxRunning: 1 }],
  capabilities: {
    logprobModes: ["processed"],
    sampling: [],
    resume: { seeded: true, penalties: true },
    spans: "chunk",
    journal: "stream",
    sessionCache: false,
    pause: ["keep"],
    sleep: true,
    weights: {
      stage: shows === "digest",
      proof: shows,
      checksum: checksums,
      ...(room > 0 ? { adapters: room } : {}),
    },
    promptLogprobs: shows === "receipt",
    maxTopLogprobs: 0,
    samplingMask: false,
  },
  paused,
  asleep: false,
  held:
    holds === null
      ? []
      : [
          { ...holds, digest: shows === "digest" ? (digest ?? null) : null },
          ...[...adapters.values()].map((one) => ({ ...one, load: 0, digest: null })),
        ],
});

interface Held {
  policy: string;
  version: number;
  load: number;
  digest: string;
}

export class FakeWorker {
  readonly id: string;
  readonly incarnation: string;
  /** What its model refuses to load, by path. */
  readonly refuses = new Set<string>();
  readonly faults = new Map<Call, Fault>();
  readonly policies: readonly string[];
  state: WorkerState = "ready";
  reason: string | null = null;
  operatorPaused = false;
  held: Held | null = null;
  staged: (Omit<Held, "load"> & { path: string }) | null = null;
  paused = false;
  /** It shows a checksum of what it computes with. */
  checksums = false;
  /** What it computes with, whatever it says. */
  weights = "at start";
  readonly shows: Proof;
  /** Adapters that it has room for. */
  readonly room: number;
  /** Those that it has, by name. */
  readonly adapters = new Map<string, { policy: string; version: number }>();
  /** What it computes under each, whatever its name says. */
  readonly tuned = new Map<string, string>();
  loads = 0;
  readonly engine: Engine;
  readonly #fleet: FakeFleet;

  constructor(
    fleet: FakeFleet,
    id: string,
    incarnation: string,
    policies: readonly string[],
    shows: Proof,
    room: number,
  ) {
    this.#fleet = fleet;
    this.id = id;
    this.incarnation = incarnation;
    this.policies = policies;
    this.shows = shows;
    this.room = room;
    const unused = (): never => {
      throw new Error("not used here");
    };
    this.engine = {
      url: `http://${id}`,
      probe: async (signal) => {
        const lie = await this.#call("held", signal);
        return description(this, lie ? "lie" : undefined);
      },
      generate: (request, signal) => this.#score(request, signal),
      telemetry: unused,
      close: async () => {},
      control: this.#control(),
      weights: this.#weights(),
    };
  }

  /** Waits a turn, as a socket would, and fails as told; answers whether to lie. */
  async #call(call: Call, signal: AbortSignal): Promise<boolean> {
    this.#fleet.log.push(`${this.id}:${call}`);
    await this.#fleet.turn(this.id, call);
    const fault = this.faults.get(call);
    if (fault === "hang") {
      await new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      });
    }
    if (fault === "fail") throw new PacelineError("engine_error", `${call} failed, on command`);
    if (fault === "reject") throw new PacelineError("weights_rejected", "does not fit, on command");
    if (fault === "unreachable" || this.state === "lost") {
      throw new PacelineError("engine_unreachable", "socket lost, on command");
    }
    return fault === "lie";
  }

  /** A canary: as likely as the weights that it really has make it. */
  async *#score(request: EngineRequest, signal: AbortSignal): AsyncGenerator<EngineEvent> {
    await this.#call("canary", signal);
    if (this.paused) throw new Error("a canary on an engine that stands still would wait for ever");
    const { policy, adapter } = request;
    const tuned = adapter === undefined ? "" : this.tuned.get(`${policy}@${adapter.version}`);
    if (tuned === undefined) throw new PacelineError("version_unavailable", "no such adapter");
    const made = hash("md5", this.weights + tuned).slice(0, 4);
    const logprob = -1 - (Number.parseInt(made, 16) % 997);
    const logprobs = new Float32Array(request.promptTokenIds.length - 1).fill(logprob);
    const prompt = { start: 1, logprobs, version: null };
    yield { type: "prompt", prompt };
  }

  #control(): EngineControl {
    return {
      pause: async (_mode, signal) => {
        await this.#call("pause", signal);
        this.paused = true;
      },
      resume: async (signal) => {
        await this.#call("resume", signal);
        this.paused = false;
      },
      flush: async () => {},
      sleep: async () => {},
      wake: async () => {},
    };
  }

  #weights(): EngineWeights {
    return {
      stage: async ({ policy, version, path }, signal) => {
        const lie = await this.#call("stage", signal);
        if (this.refuses.has(path)) throw new PacelineError("weights_rejected", "wrong shapes");
        const digest = this.#fleet.files.get(path);
        if (digest === undefined) throw new PacelineError("weights_rejected", `no file ${path}`);
        this.staged = { policy, version, path, digest };
        return { digest: this.shows !== "digest" ? null : lie ? "lie" : digest };
      },
      swap: async ({ policy, version, kv }, signal) => {
        this.#fleet.log.push(`${this.id}:kv=${kv}`);
        const lie = await this.#call("swap", signal);
        if (this.staged?.policy !== policy || this.staged.version !== version) {
          throw new PacelineError("version_conflict", "not staged");
        }
        const digest = lie ? "lie" : this.staged.digest;
        this.held = { policy, version, digest, load: ++this.loads };
        // Of one that shows no digest, the lie is that it loads nothing.
        if (!lie || this.shows === "digest") this.weights = this.staged.digest;
        this.staged = null;
        return { digest: this.shows === "digest" ? digest : null, load: this.loads };
      },
      discard: async (_target, signal) => {
        await this.#call("discard", signal);
        this.staged = null;
      },
      checksum: async (signal) => {
        await this.#call("checksum", signal);
        return { value: this.weights, layout: "l" };
      },
      held: async (signal) => {
        const lie = await this.#call("held", signal);
        if (this.held === null) return [];
        return description(this, lie ? "lie" : undefined).held;
      },
      adapters: {
        load: async ({ policy, version, path }, signal) => {
          const lie = await this.#call("load", signal);
          const digest = this.#fleet.files.get(path);
          if (digest === undefined) throw new PacelineError("weights_rejected", `no file ${path}`);
          const name = `${policy}@${version}`;
          this.adapters.set(name, { policy, version });
          this.tuned.set(name, lie ? "lie" : digest);
        },
        unload: async ({ policy, version }, signal) => {
          await this.#call("unload", signal);
          this.adapters.delete(`${policy}@${version}`);
        },
      },
    };
  }

  /** What a mover does that is not ours: other bytes, under a name. */
  replace(policy: string, version: number, digest: string): void {
    this.held = { policy, version, digest, load: ++this.loads };
  }

  record(): WorkerRecord {
    return {
      id: this.id,
      url: this.engine.url,
      engine: "simulated",
      pool: "default",
      role: "full",
      parallel: {},
      policies: this.policies,
      state: this.state,
      reason: this.reason,
      description: description(this),
      load: null,
      rates: { step: null, prefillTokensPerSecond: null },
      leaseMs: 1_000,
    };
  }
}

type FleetPart = UpdateContext["fleet"];

export class FakeFleet implements FleetPart, UpdateGate {
  /** Path → digest of what lies there. */
  readonly files = new Map<string, string>();
  /** Every call in order, `worker:call`. */
  readonly log: string[] = [];
  readonly workers = new Map<string, FakeWorker>();
  /** Rollouts that stay on a worker through its next update. */
  readonly kept = new Map<string, readonly string[]>();
  readonly closed = new Set<string>();
  readonly reports: string[] = [];
  readonly #listeners = new Set<(change: FleetChange) => void>();
  /** What a call waits for; a test may hold it back. */
  turn: (worker: string, call: Call) => Promise<void> = () => Promise.resolve();

  add(
    id: string,
    {
      policies = [],
      incarnation = `${id}.1`,
      shows = "digest",
      room = 0,
      checksums = false,
    }: {
      policies?: readonly string[];
      incarnation?: string;
      shows?: Proof;
      room?: number;
      checksums?: boolean;
    } = {},
  ): FakeWorker {
    const worker = new FakeWorker(this, id, incarnation, policies, shows, room);
    worker.checksums = checksums;
    this.workers.set(id, worker);
    this.tell(worker);
    return worker;
  }

  /** The server that listened is dead. */
  forgetListeners(): void {
    this.#listeners.clear();
  }

  tell(worker: FakeWorker): void {
    for (const listen of [...this.#listeners]) listen({ type: "worker", worker: worker.record() });
  }

  kill(id: string, reason = "killed"): void {
    const worker = this.of(id);
    if (worker.state === "lost") return;
    worker.state = "lost";
    for (const listen of [...this.#listeners]) {
      listen({ type: "lost", worker: id, incarnation: worker.incarnation, reason });
    }
    this.tell(worker);
  }

  of(id: string): FakeWorker {
    const worker = this.workers.get(id);
    if (worker) return worker;
    throw new PacelineError("not_found", `no worker ${id}`);
  }

  get(id: string): WorkerRecord {
    return this.of(id).record();
  }

  list(): WorkerRecord[] {
    return [...this.workers.values()].map((worker) => worker.record());
  }

  engine(id: string, incarnation: string): Engine | null {
    const worker = this.workers.get(id);
    return worker?.incarnation === incarnation && worker.state !== "lost" ? worker.engine : null;
  }

  report(id: string, _incarnation: string, evidence: string): void {
    this.reports.push(`${id}:${evidence}`);
  }

  mark(id: string, incarnation: string, state: WorkerState, reason: string | null): void {
    const worker = this.workers.get(id);
    if (worker?.incarnation !== incarnation || worker.state === "lost") return;
    this.log.push(`${id}:${state}`);
    worker.state = state === "ready" && worker.operatorPaused ? "paused" : state;
    worker.reason = reason;
    this.tell(worker);
  }

  async pause(id: string): Promise<WorkerRecord> {
    const worker = this.of(id);
    worker.operatorPaused = true;
    if (worker.state === "ready") worker.state = "paused";
    await worker.engine.control.pause("keep", new AbortController().signal);
    return worker.record();
  }

  async resume(id: string): Promise<WorkerRecord> {
    const worker = this.of(id);
    worker.operatorPaused = false;
    if (worker.state === "paused") worker.state = "ready";
    await worker.engine.control.resume(new AbortController().signal);
    this.tell(worker);
    return worker.record();
  }

  listen(listener: (change: FleetChange) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async close(
    id: string,
    incarnation: string,
    { empty = false }: { readonly empty?: boolean } = {},
  ): Promise<{ kept: readonly string[] }> {
    this.log.push(`${id}:close`);
    this.closed.add(id);
    const worker = this.of(id);
    if (worker.incarnation !== incarnation) throw new PacelineError("engine_unreachable", "gone");
    const fault = worker.faults.get("close");
    if (fault === "hang") await new Promise(() => {});
    if (fault === "fail") throw new PacelineError("internal", "not emptied, on command");
    return { kept: empty ? [] : (this.kept.get(id) ?? []) };
  }

  longestGraceMs(graceMs: number): number {
    return graceMs;
  }

  spareShare(): number {
    return 0.25;
  }

  open(id: string): void {
    this.log.push(`${id}:open`);
    this.closed.delete(id);
  }

  async drain(id: string): Promise<void> {
    this.log.push(`${id}:drain`);
    this.closed.add(id);
  }
}
