/**
 * What the scheduler takes for an input, handled to its end: a full fleet whose rollouts all decode as fast, tell of each
 * 256 tokens, end at lengths that nobody knows beforehand, and are followed by others, so that in the long run each end
 * brings one grant. Measured once that holds: before it room gathers, and an end that starts nothing is cheap.
 */
import type { Random } from "../../server/contract/clock.ts";
import type { Scheduler, SchedulerCommand, SchedulerEvent } from "../../server/scheduler/events.ts";
import { createScheduler } from "../../server/scheduler/scheduler.ts";
import { cardSource, fleetEvents, lengthSource, seededRandom } from "./workload.ts";

export interface Scale {
  readonly workers: number;
  readonly waiting: number;
  /** Attempts at once on a worker, at most. */
  readonly maxRunning: number;
}

/** CPU of one kind of input, garbage collection on this thread included. */
export interface Cost {
  readonly events: number;
  readonly micros: number;
}

export interface DecisionTiming extends Scale {
  readonly running: number;
  readonly end: Cost;
  readonly offer: Cost;
  readonly progress: Cost;
  readonly grants: number;
  /** Bytes of heap per waiting card, the card itself included; null for few, and without --expose-gc. */
  readonly bytesPerWaiting: number | null;
}

/** Ends between two readings of the CPU clock, which costs as much as an input. */
const BATCH = 32;
/** Tokens between two reports of progress, as the server sends them. */
const PROGRESS_TOKENS = 256;
/** Seconds that a rollout takes for so many: sets how often the scheduler looks at its regime, in inputs. */
const PROGRESS_SECONDS = 5;
/** Rollouts of the step before, eight jobs'. */
const LEARNED = 2_048;
/** By how much those found running are longer than all: e^σ², σ = 1. */
const LONGER_RUNNING = Math.E;
/** Of the grants that ends should bring, how many may be missing while the state counts as steady. */
const UNSTEADY = 0.05;
/** Cards among which a heap's other noise is lost. */
const BYTES_COUNT = 10_000;
/** Looks at that, each after a quarter of what runs has ended, before it is measured as it is. */
const WARM_UPS = 16;

interface Running {
  readonly key: string;
  readonly attempt: number;
  length: number;
  outputTokens: number;
}

/** A fleet and those who use it, at the far side of the scheduler. */
class Load {
  readonly running: Running[] = [];
  readonly offer = new Meter();
  readonly progress = new Meter();
  readonly end = new Meter();
  readonly #scheduler: Scheduler;
  readonly #random: Random;
  readonly #next: () => SchedulerEvent;
  readonly #waiting = new Map<string, number>();
  #now = 0;

  constructor({ workers, waiting, maxRunning }: Scale) {
    this.#random = seededRandom(workers * 31 + waiting);
    const clock = { now: () => this.#now };
    this.#scheduler = createScheduler(clock, seededRandom(7), {
      waitingLimit: 2 * (waiting + LEARNED),
    });
    for (const event of fleetEvents(workers, maxRunning, this.#random)) {
      this.#scheduler.handle(event);
    }
    const card = cardSource(this.#random, { sessions: true, hinted: false });
    const length = lengthSource(this.#random);
    this.#next = () => {
      const next = card();
      this.#waiting.set(next.key, length(next));
      return { type: "offer", card: next };
    };
  }

  /** Offers until so many wait. */
  fill(waiting: number): void {
    while (this.#waiting.size < waiting) {
      const missing = Math.min(BATCH, waiting - this.#waiting.size);
      this.#send(this.offer, Array.from({ length: missing }, this.#next));
    }
  }

  /** An earlier step, of so many to their end: how long each job's are by and large is known. */
  learn(rollouts: number): void {
    this.#send(this.offer, Array.from({ length: rollouts }, this.#next));
    while (this.running.length > 0) this.decode();
  }

  /** Fills the fleet. Who is found running is somewhere on its way; the longer one is, the likelier. */
  begin(waiting: number): void {
    while (this.#waiting.size < waiting) {
      const known = this.running.length;
      this.#send(this.offer, Array.from({ length: BATCH }, this.#next));
      const reports = this.running.slice(known).map((rollout): SchedulerEvent => {
        rollout.length = Math.ceil(rollout.length * LONGER_RUNNING);
        rollout.outputTokens = Math.floor(rollout.length * this.#random.next());
        const { key, attempt, outputTokens } = rollout;
        return { type: "progress", key, attempt, outputTokens };
      });
      this.#send(this.progress, reports);
    }
  }

  /** All decode on until some have ended. */
  decode(): void {
    const progress: SchedulerEvent[] = [];
    const ends: SchedulerEvent[] = [];
    while (ends.length < BATCH && this.running.length > 0) {
      const at = this.#random.u32() % this.running.length;
      const rollout = this.running[at];
      if (rollout === undefined) throw new Error("nothing runs");
      this.#now += (PROGRESS_SECONDS * 1_000) / this.running.length;
      const { key, attempt, length } = rollout;
      rollout.outputTokens = Math.min(length, rollout.outputTokens + PROGRESS_TOKENS);
      const { outputTokens } = rollout;
      if (outputTokens < length) {
        progress.push({ type: "progress", key, attempt, outputTokens });
        continue;
      }
      ends.push({ type: "done", key, attempt, outcome: "finished", outputTokens });
      const last = this.running.pop();
      if (last !== undefined && last !== rollout) this.running[at] = last;
    }
    this.#send(this.progress, progress);
    this.#send(this.end, ends);
  }

  get waiting(): number {
    return this.#waiting.size;
  }

  #send(meter: Meter, events: readonly SchedulerEvent[]): void {
    const replies: SchedulerCommand[][] = [];
    const began = cpuMicros();
    for (const event of events) replies.push(this.#scheduler.handle(event));
    meter.micros += cpuMicros() - began;
    meter.events += events.length;
    for (const command of replies.flat()) {
      if (command.type !== "grant") continue;
      meter.grants++;
      const { key, attempt } = command;
      const length = this.#waiting.get(key) ?? Number.NaN;
      this.#waiting.delete(key);
      this.running.push({ key, attempt, length, outputTokens: 0 });
    }
  }
}

class Meter {
  events = 0;
  micros = 0;
  grants = 0;

  get cost(): Cost {
    return { events: this.events, micros: this.micros };
  }

  since({ events, micros }: Cost): Cost {
    return { events: this.events - events, micros: this.micros - micros };
  }
}

export function timeDecisions(scale: Scale, ends: number): DecisionTiming {
  const { waiting } = scale;
  const load = new Load(scale);
  load.learn(LEARNED);
  load.begin(Math.min(waiting, 1_000));
  const before = heapBytes();
  const rest = waiting - load.waiting;
  load.fill(waiting);
  const after = heapBytes();

  const turn = (): void => {
    load.decode();
    load.fill(waiting);
  };
  const grants = (): number => load.end.grants + load.offer.grants + load.progress.grants;
  for (let turns = WARM_UPS, steady = false; !steady && turns > 0; turns--) {
    const [ended, granted] = [load.end.events, grants()];
    const more = Math.max(ends / 2, load.running.length / 4);
    while (load.end.events < ended + more) turn();
    const share = (grants() - granted) / (load.end.events - ended);
    steady = Math.abs(1 - share) <= UNSTEADY;
  }
  const [end, offer, progress] = [load.end.cost, load.offer.cost, load.progress.cost];
  const granted = grants();
  while (load.end.events < end.events + ends) turn();
  return {
    ...scale,
    running: load.running.length,
    end: load.end.since(end),
    offer: load.offer.since(offer),
    progress: load.progress.since(progress),
    grants: grants() - granted,
    bytesPerWaiting:
      before === null || after === null || rest < BYTES_COUNT ? null : (after - before) / rest,
  };
}

function cpuMicros(): number {
  const { user, system } = process.threadCpuUsage();
  return user + system;
}

function heapBytes(): number | null {
  if (globalThis.gc === undefined) return null;
  globalThis.gc();
  return process.memoryUsage().heapUsed;
}
