/** One worker as the fleet keeps it: what it is, what is the matter with it, and its lease. */
import type { Engine, EngineTelemetry } from "../../adapters/engine.ts";
import type { Clock } from "../contract/clock.ts";
import type { EngineDescription, EngineKind, WorkerState } from "../contract/worker.ts";
import { after, BORN, type Cause, type Condition, stateOf } from "./condition.ts";
import type { WorkerRecord } from "./fleet.ts";
import { returned } from "./incarnation.ts";
import type { KeyRing, Told } from "./key-ring.ts";
import { createRatesFit, type RatesFit } from "./rates.ts";

export class Worker {
  readonly id: string;
  readonly url: string;
  readonly kind: EngineKind;
  readonly engine: Engine;
  /** Shown to the engine, and to nobody else. */
  readonly keys: KeyRing;
  #registration: Told;
  #description: EngineDescription;
  /** As the engine itself tells it; ours has a suffix where it came back from being given up. */
  #ownIncarnation: string;
  #returns = 0;
  #condition: Condition = BORN;
  #reason: string | null = null;
  #leaseEnds = 0;
  /** Renews by itself: probes do not renew its lease. */
  agent = false;
  /** Failed probes in a row. */
  strikes = 0;
  /** Broken answers more than good ones. */
  doubts = 0;
  /** Clock time until which doubts keep it closed. */
  doubtedUntil = 0;
  doubtedTimes = 0;
  /** When it was lost; for eviction. */
  lostAt = 0;
  /** Whoever started the process brings it back: no probes while it is lost. */
  supervised = false;
  /** Grows with each control call and claim: a probe that overlaps one cannot tell `paused`. */
  controls = 0;
  /** Since when a silent probe is forgiven; null = it is not. */
  forgivenSince: number | null = null;
  lastUsed = Number.NEGATIVE_INFINITY;
  load: EngineTelemetry | null = null;
  fit: RatesFit = createRatesFit();

  constructor(
    id: string,
    registration: Told,
    engine: Engine,
    keys: KeyRing,
    probed: EngineDescription,
  ) {
    this.id = id;
    this.url = registration.url;
    this.kind = registration.engine;
    this.engine = engine;
    this.keys = keys;
    this.#registration = registration;
    this.#description = probed;
    this.#ownIncarnation = probed.incarnation;
  }

  get incarnation(): string {
    return this.#description.incarnation;
  }

  get ownIncarnation(): string {
    return this.#ownIncarnation;
  }

  get state(): WorkerState {
    return stateOf(this.#condition);
  }

  get reason(): string | null {
    return this.#reason;
  }

  get description(): EngineDescription {
    return this.#description;
  }

  get updating(): boolean {
    return this.#condition.claim === "updating";
  }

  /** Answers whether anything changed. `reason` is kept while the worker is not `ready`. */
  apply(cause: Cause, reason: string | null): boolean {
    const next = after(this.#condition, cause);
    if (next === null) return false;
    const before = this.state;
    this.#condition = next;
    // What became well again must not be told as the reason of what is still the matter.
    if (this.state === "ready") this.#reason = null;
    else if (this.state !== before) this.#reason = reason;
    return true;
  }

  /** A new life of the process at this url: nothing of the former one holds. */
  reborn(probed: EngineDescription): void {
    const same = probed.incarnation === this.#ownIncarnation;
    this.#returns = same ? this.#returns + 1 : 0;
    this.#ownIncarnation = probed.incarnation;
    const incarnation = returned(probed.incarnation, this.#returns);
    this.#description = { ...probed, incarnation };
    this.agent = false;
    this.supervised = false;
    this.strikes = 0;
    this.doubts = 0;
    this.doubtedTimes = 0;
    this.doubtedUntil = 0;
    this.forgivenSince = null;
    this.load = null;
    this.fit = createRatesFit();
  }

  /** What a probe of the same incarnation told; answers whether it is news. */
  describe(probed: EngineDescription): boolean {
    const described = { ...probed, incarnation: this.incarnation };
    if (JSON.stringify(described) === JSON.stringify(this.#description)) return false;
    this.#description = described;
    return true;
  }

  /** A repeated registration may move a worker to another pool or role. */
  reregister(registration: Told): boolean {
    const merged = { ...this.#registration, ...registration };
    if (JSON.stringify(merged) === JSON.stringify(this.#registration)) return false;
    this.#registration = merged;
    return true;
  }

  renew(clock: Clock, leaseMs: number): void {
    this.#leaseEnds = clock.now() + leaseMs;
  }

  leaseLeft(clock: Clock): number {
    return Math.max(0, this.#leaseEnds - clock.now());
  }

  record(clock: Clock): WorkerRecord {
    const { pool, role, parallel, policies } = this.#registration;
    return {
      id: this.id,
      url: this.url,
      engine: this.kind,
      pool: pool ?? "default",
      role: role ?? "full",
      parallel: parallel ?? {},
      policies: policies ?? [],
      state: this.state,
      reason: this.#reason,
      description: this.#description,
      load: this.load,
      rates: this.fit.rates(),
      leaseMs: this.state === "lost" ? 0 : this.leaseLeft(clock),
    };
  }
}
