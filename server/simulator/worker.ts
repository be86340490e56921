/**
 * One worker of one slot in virtual time: runs its batch phase by phase. Whoever comes or goes in the midst of a step
 * takes effect as in an engine: an abort at once, a newcomer when the step is over.
 */
import type { HeldVersion } from "../contract/policy.ts";
import type { RatesFit } from "../fleet/rates.ts";
import type { SchedulerEvent, WorkerView } from "../scheduler/events.ts";
import { type Agenda, Appointment } from "./agenda.ts";
import { CacheChanges } from "./cache-changes.ts";
import { AdapterSlots } from "./engine/adapter-slots.ts";
import { Batch } from "./engine/batch.ts";
import type { Directory } from "./engine/host-tier.ts";
import { type CacheChange, KvBook } from "./engine/kv-book.ts";
import type { Sequence } from "./engine/sequence.ts";
import type { WorkerSpec } from "./workload.ts";

/** As the stand-in engine tells. */
const STEPS_TOLD = 64;

/** Two times that differ by less are the same step boundary. */
const SAME_STEP = 1e-6;

export class SimulatedWorker {
  readonly spec: WorkerSpec;
  readonly batch: Batch;
  readonly cacheChanges = new CacheChanges();
  readonly #agenda: Agenda;
  readonly #due: (sequence: Sequence) => void;
  readonly #end: Appointment;
  readonly #adapters: AdapterSlots | null;
  readonly #holds = new Map<string, HeldVersion>();
  /** Of the phase that runs; steps 0 = none does. */
  #startedAt = 0;
  #steps = 0;
  #seconds = 0;
  /** The last steps, as an engine tells them. */
  readonly #past: { readonly batch: number; readonly seconds: number }[] = [];
  #paused = false;
  #down = false;
  #loads = 0;
  #incarnation = 1;
  peakKvTokens = 0;

  /** `due`: a sequence has come to its `stopAt`; it is removed or goes on before the next step. */
  constructor(
    spec: WorkerSpec,
    agenda: Agenda,
    pool: Directory,
    due: (sequence: Sequence) => void,
    blockTokens?: number,
  ) {
    this.spec = spec;
    const changed: CacheChange = (kind, hash) => this.cacheChanges.add(kind, hash);
    const kv = new KvBook(spec.kvTokens, {
      tiers: spec.tiers,
      pool,
      changed,
      ...(blockTokens === undefined ? {} : { blockTokens }),
    });
    this.#adapters = spec.adapters === null ? null : new AdapterSlots(spec.adapters);
    this.batch = new Batch(spec, kv, this.#adapters);
    this.#agenda = agenda;
    this.#due = due;
    this.#end = new Appointment(() => this.#ended());
  }

  /** Names one life of its engine. */
  get incarnation(): string {
    return `${this.spec.id}-${this.#incarnation}`;
  }

  /** Counts lives of its cache. */
  get life(): number {
    return this.#incarnation;
  }

  get answers(): boolean {
    return !this.#down;
  }

  get adapterLoads(): number {
    return this.#adapters?.loads ?? 0;
  }

  versionOf(policy: string): number {
    return this.#holds.get(policy)?.version ?? 0;
  }

  add(sequence: Sequence): void {
    this.#settle();
    this.batch.add(sequence);
    this.#resume();
  }

  remove(sequence: Sequence, leaves?: readonly number[]): void {
    this.#settle();
    // It may have come to its end just now.
    if (sequence.state === "gone") return;
    this.batch.remove(sequence, leaves);
    this.#resume();
  }

  /** Other weights are in service: cached KV is of no use to whoever comes. */
  serve(policy: string, version: number): void {
    if (this.#holds.has(policy)) this.batch.kv.clear();
    this.#hold(policy, version);
  }

  /** An adapter of the weights `base` may be asked for from now on; KV of its older versions goes as it ages. */
  offer(policy: string, version: number, base: string): void {
    const beneath = this.#holds.get(base);
    if (beneath === undefined) throw new RangeError(`${policy} lies on ${base}, which is not here`);
    const { load, version: below } = beneath;
    this.#hold(policy, version, { base: { policy: base, version: below, load } });
  }

  #hold(policy: string, version: number, beneath: Pick<HeldVersion, "base"> = {}): void {
    this.#loads++;
    const held = { policy, version, label: null, proof: "digest", load: this.#loads } as const;
    this.#holds.set(policy, { ...held, digest: null, ...beneath });
  }

  /** Between two steps, answering all the same. */
  setPaused(paused: boolean): void {
    this.#settle();
    this.#paused = paused;
    this.#resume();
  }

  /** Hangs, or is dead. */
  setDown(down: boolean): void {
    this.#settle();
    this.#down = down;
    this.#resume();
  }

  /** Another process in its place, which knows nothing. */
  rebirth(): void {
    this.batch.kv.clear();
    this.#incarnation++;
  }

  /** Takes so many times as long for everything. */
  setPace(factor: number): void {
    const { step, prefillTokensPerSecond } = this.spec;
    this.#settle();
    this.batch.shape = {
      ...this.spec,
      step: { a: step.a * factor, s: step.s * factor },
      prefillTokensPerSecond: prefillTokensPerSecond / factor,
    };
    this.#resume();
  }

  view(): WorkerView {
    const { id, pool, kvTokens, maxRunning, tiers, adapters } = this.spec;
    const { weights } = CAPABILITIES;
    return {
      id,
      incarnation: this.incarnation,
      engine: "simulated",
      pool,
      slots: [{ index: 0, kvTokens, maxRunning }],
      maxModelLen: kvTokens,
      capabilities:
        adapters === null
          ? CAPABILITIES
          : { ...CAPABILITIES, weights: { ...weights, adapters: adapters.slots } },
      holds: [...this.#holds.values()],
      open: true,
      tiers,
    };
  }

  /** `fit`: tells the rates that it finds; null: the true ones. */
  telemetry(fit: RatesFit | null): Extract<SchedulerEvent, { type: "telemetry" }> {
    const { running, waiting, shape, prefilledTokens: prefillTokens } = this.batch;
    fit?.add({ steps: [...this.#past], prefillTokens });
    const rates = fit?.rates() ?? shape;
    return {
      type: "telemetry",
      worker: this.spec.id,
      slot: 0,
      kvUsedTokens: this.kvTokens,
      running: running.length,
      waiting: waiting.length,
      step: rates.step,
      prefillTokensPerSecond: rates.prefillTokensPerSecond,
    };
  }

  /** KV that is held now; looking changes nothing. */
  get kvTokens(): number {
    return this.batch.kv.held + this.batch.decoding * this.#stepsOver();
  }

  /** Whole steps of the phase that are over by now. */
  #stepsOver(): number {
    if (this.#steps === 0) return 0;
    const over = Math.floor((this.#agenda.now - this.#startedAt) / this.#seconds + SAME_STEP);
    return Math.min(over, this.#steps);
  }

  #settle(): void {
    const steps = this.#stepsOver();
    if (steps > 0) this.#make(steps);
  }

  #make(steps: number): void {
    const { batch } = this;
    this.#steps -= steps;
    this.#startedAt += steps * this.#seconds;
    const due = batch.advance(steps);
    const step = { batch: batch.decoding + due.length, seconds: this.#seconds };
    for (let i = Math.min(steps, STEPS_TOLD); i > 0; i--) this.#past.push(step);
    if (this.#past.length > STEPS_TOLD) this.#past.splice(0, this.#past.length - STEPS_TOLD);
    this.peakKvTokens = Math.max(this.peakKvTokens, batch.kv.held);
    for (const sequence of due) this.#due(sequence);
  }

  /** After a change: the step that is under way ends as it began, then all is planned anew. */
  #resume(): void {
    const { now } = this.#agenda;
    if (this.#paused || this.#down) {
      this.#steps = 0;
      this.#agenda.cancel(this.#end);
      return;
    }
    if (this.#steps === 0 || now - this.#startedAt <= this.#seconds * SAME_STEP) {
      this.#steps = 0;
      this.#agenda.set(this.#end, now);
      return;
    }
    this.#steps = 1;
    this.#agenda.set(this.#end, this.#startedAt + this.#seconds);
  }

  #ended(): void {
    if (this.#steps > 0) this.#make(this.#steps);
    const { now } = this.#agenda;
    const phase = this.batch.plan(now);
    if (phase === null) return;
    const { steps, seconds } = phase;
    this.#startedAt = now;
    this.#steps = steps;
    this.#seconds = seconds;
    this.#agenda.set(this.#end, now + Math.max(1, steps) * seconds);
  }
}

const CAPABILITIES: WorkerView["capabilities"] = {
  logprobModes: ["processed"],
  sampling: ["temperature", "seed"],
  resume: { seeded: true, penalties: true },
  spans: "chunk",
  journal: "stream",
  sessionCache: false,
  pause: ["keep"],
  sleep: true,
  weights: { stage: true, proof: "digest" },
  promptLogprobs: true,
  maxTopLogprobs: 0,
  samplingMask: false,
};
