/**
 * One worker of one slot in virtual time: runs its batch phase by phase. Whoever comes or goes in the midst of a step
 * takes effect as in an engine: an abort at once, a newcomer when the step is over.
 */
import type { HeldVersion } from "../contract/policy.ts";
import type { SchedulerEvent, WorkerView } from "../scheduler/events.ts";
import { type Agenda, Appointment } from "./agenda.ts";
import { CacheChanges } from "./cache-changes.ts";
import { Batch } from "./engine/batch.ts";
import type { Directory } from "./engine/host-tier.ts";
import { type CacheChange, KvBook } from "./engine/kv-book.ts";
import type { Sequence } from "./engine/sequence.ts";
import type { WorkerSpec } from "./workload.ts";

/** Two times that differ by less are the same step boundary. */
const SAME_STEP = 1e-6;

export class SimulatedWorker {
  readonly spec: WorkerSpec;
  readonly batch: Batch;
  readonly cacheChanges = new CacheChanges();
  readonly #agenda: Agenda;
  readonly #due: (sequence: Sequence) => void;
  readonly #end: Appointment;
  /** Of the phase that runs; steps 0 = none does. */
  #startedAt = 0;
  #steps = 0;
  #seconds = 0;
  incarnation = 1;
  peakKvTokens = 0;

  /** `due`: a sequence has come to its `stopAt`; it is removed or goes on before the next step. */
  constructor(
    spec: WorkerSpec,
    agenda: Agenda,
    pool: Directory,
    due: (sequence: Sequence) => void,
  ) {
    this.spec = spec;
    const changed: CacheChange = (kind, hash) => this.cacheChanges.add(kind, hash);
    const kv = new KvBook(spec.kvTokens, spec.tiers, pool, changed);
    this.batch = new Batch(spec, kv);
    this.#agenda = agenda;
    this.#due = due;
    this.#end = new Appointment(() => this.#ended());
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

  view(holds: readonly HeldVersion[]): WorkerView {
    const { id, pool, kvTokens, maxRunning } = this.spec;
    return {
      id,
      incarnation: `${id}-${this.incarnation}`,
      engine: "simulated",
      pool,
      slots: [{ index: 0, kvTokens, maxRunning }],
      maxModelLen: kvTokens,
      capabilities: CAPABILITIES,
      holds,
      open: true,
      tiers: this.spec.tiers,
    };
  }

  telemetry(): Extract<SchedulerEvent, { type: "telemetry" }> {
    const { id, step, prefillTokensPerSecond } = this.spec;
    const { running, waiting } = this.batch;
    return {
      type: "telemetry",
      worker: id,
      slot: 0,
      kvUsedTokens: this.kvTokens,
      running: running.length,
      waiting: waiting.length,
      step,
      prefillTokensPerSecond,
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
    this.peakKvTokens = Math.max(this.peakKvTokens, batch.kv.held);
    for (const sequence of due) this.#due(sequence);
  }

  /** After a change: the step that is under way ends as it began, then all is planned anew. */
  #resume(): void {
    const { now } = this.#agenda;
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
