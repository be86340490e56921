/**
 * Stands where placement owner, rollouts and fleet stand in a live server: tells the scheduler what they would tell it
 * (workers, offers, progress every 256 tokens, ends, telemetry with its delay, ticks) and obeys its commands.
 */
import { type Outcome, PREFIX_BLOCK_TOKENS } from "../scheduler/card.ts";
import type { Scheduler, SchedulerCommand, SchedulerEvent } from "../scheduler/events.ts";
import { type Agenda, Appointment } from "./agenda.ts";
import { Arrivals } from "./arrivals.ts";
import { Sequence } from "./engine/sequence.ts";
import { Journey, type Stay } from "./journey.ts";
import type { DriverOptions } from "./options.ts";
import type { SimulatedWorker } from "./worker.ts";
import type { Workload } from "./workload.ts";

/** A tick that came a bit of a float too early would be asked for again, for ever. Seconds. */
const ROUNDING = 1e-9;

type Grant = Extract<SchedulerCommand, { type: "grant" }>;

export interface DriverParts {
  readonly workload: Workload;
  readonly scheduler: Scheduler;
  readonly agenda: Agenda;
  readonly workers: readonly SimulatedWorker[];
  readonly options: DriverOptions;
  /** η where a trainer bounds it. */
  readonly staleness: number | null;
  /** Whether a rollout may come in now; asked in order, and again after `arrivals.admit`. */
  readonly mayStart: (journey: Journey) => boolean;
  readonly finished: (journey: Journey) => void;
  readonly gated: (worker: SimulatedWorker) => void;
}

export class Driver {
  readonly journeys: readonly Journey[];
  readonly arrivals: Arrivals;
  readonly #parts: DriverParts;
  readonly #agenda: Agenda;
  readonly #workers: ReadonlyMap<string, SimulatedWorker>;
  /** Policies that are adapters. */
  readonly #adapters: ReadonlySet<string>;
  readonly #byKey = new Map<string, Journey>();
  readonly #bySequence = new Map<Sequence, Journey>();
  readonly #queue: SchedulerEvent[] = [];
  readonly #tick = new Appointment(() => this.send({ type: "tick" }));
  #handling = false;
  #orders = 0;
  #lastMoveAt = 0;
  waiting = 0;
  finished = 0;
  truncated = 0;
  refused = 0;
  /** Withdrawn for good. */
  dropped = 0;
  lost = 0;
  events = 0;

  constructor(parts: DriverParts) {
    const { workload, agenda, workers, options, mayStart } = parts;
    this.#parts = parts;
    this.#agenda = agenda;
    this.#workers = new Map(workers.map((worker) => [worker.spec.id, worker]));
    const adapters = workload.policies.filter(({ base }) => base !== null);
    this.#adapters = new Set(adapters.map(({ name }) => name));
    const each = PREFIX_BLOCK_TOKENS / (workload.blockTokens ?? PREFIX_BLOCK_TOKENS);
    this.journeys = workload.rollouts.map((rollout, index) => new Journey(rollout, index, each));
    for (const journey of this.journeys) this.#byKey.set(journey.key, journey);
    this.arrivals = new Arrivals({
      agenda,
      mayStart: (journey) => this.waiting < options.waitingLimit && mayStart(journey),
      offer: (journey) => this.#arrive(journey),
    });
  }

  start(): void {
    const { workload, workers } = this.#parts;
    for (const { name: policy, base } of workload.policies) {
      this.send({ type: "committed", policy, version: 1 });
      for (const worker of workers) {
        if (base === null) worker.serve(policy, 1);
        else worker.offer(policy, 1, base);
      }
    }
    for (const worker of workers) this.send({ type: "worker", worker: worker.view() });
    this.arrivals.schedule(this.journeys);
  }

  /** Nothing runs or is to come, and long nothing was placed. */
  get stalled(): boolean {
    const { stalledSeconds } = this.#parts.options;
    const still = this.#agenda.now - this.#lastMoveAt > stalledSeconds;
    return still && this.arrivals.expected === 0 && this.#bySequence.size === 0;
  }

  get over(): boolean {
    return this.finished + this.refused + this.dropped === this.journeys.length;
  }

  send(event: SchedulerEvent): void {
    this.#queue.push(event);
    if (this.#handling) return;
    this.#handling = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      this.events++;
      for (const command of this.#parts.scheduler.handle(next)) this.#run(command);
    }
    this.#handling = false;
  }

  /** A worker's sequence has come to its `stopAt`. */
  due(sequence: Sequence): void {
    const journey = this.#bySequence.get(sequence);
    const stay = journey?.stay ?? null;
    if (journey === undefined || stay === null) return;
    const { rollout, key, attempt } = journey;
    const outputTokens = stay.worker.batch.outputOf(sequence);
    if (outputTokens < stay.end) {
      stay.worker.batch.goOn(sequence, this.#nextStop(outputTokens, stay.end));
      this.send({ type: "progress", key, attempt, outputTokens });
    } else if (outputTokens < stay.last) this.#stop(journey, stay, "cut");
    else {
      if (outputTokens < rollout.outputTokens) this.truncated++;
      this.#finish(journey, stay);
    }
  }

  /** A worker's process is gone, and its streams with it. */
  dropAll(worker: SimulatedWorker): void {
    for (const sequence of [...worker.batch.running, ...worker.batch.waiting]) {
      const journey = this.#bySequence.get(sequence);
      if (journey?.stay) this.#stop(journey, journey.stay, "lost");
    }
  }

  /** Ends what it does, unless it has come to its end; what it has made is kept. */
  withdraw(journey: Journey): void {
    const { key, attempt, stay, arrived } = journey;
    if (!arrived) {
      journey.heldBack = true;
      return;
    }
    if (stay === null) {
      this.waiting--;
      this.send({ type: "withdraw", key });
    } else {
      if (!this.#leave(journey, stay, "aborted")) return;
      const { outputTokens } = journey;
      this.send({ type: "done", key, attempt, outcome: "aborted", outputTokens });
    }
    journey.attempt++;
  }

  /** One that was withdrawn goes on from what it has made. */
  goOn(journey: Journey): void {
    journey.heldBack = false;
    if (journey.arrived) this.#offer(journey);
  }

  /** One that was withdrawn, or has finished, is as if it had never begun. */
  forget(journey: Journey): void {
    if (journey.finishedAt !== null) {
      this.finished--;
      journey.attempt++;
    }
    journey.forget();
  }

  /** One that was withdrawn never comes back. */
  drop(journey: Journey): void {
    if (journey.finishedAt !== null) return;
    journey.forget();
    this.dropped++;
  }

  #run(command: SchedulerCommand): void {
    switch (command.type) {
      case "grant":
        this.#grant(command);
        return;
      case "refuse":
        this.waiting--;
        this.refused++;
        this.arrivals.admit();
        return;
      case "revoke":
        this.#revoke(command.key, command.attempt);
        return;
      case "gated": {
        const worker = this.#workers.get(command.worker);
        if (worker !== undefined) this.#parts.gated(worker);
        return;
      }
      case "wake":
        this.#agenda.set(this.#tick, command.at / 1_000 + ROUNDING);
        return;
      case "held":
        return;
    }
  }

  #grant({ key, attempt, worker: id, incarnation, held, segment }: Grant): void {
    const journey = this.#byKey.get(key);
    const worker = this.#workers.get(id);
    if (journey === undefined || worker === undefined) return;
    const { rollout, outputTokens } = journey;
    if (journey.attempt !== attempt) {
      // Withdrawn while the grant was made.
      this.send({ type: "done", key, attempt, outcome: "aborted", outputTokens });
      return;
    }
    const { policy, promptTokens, prefix } = rollout;
    const last = Math.min(rollout.outputTokens, worker.spec.kvTokens - promptTokens);
    const end = Math.min(last, outputTokens + (segment ?? last));
    const sequence = new Sequence({
      order: this.#orders++,
      priority: 0,
      owner: journey.index,
      promptTokens,
      outputTokens,
      prefix,
      adapter: this.#adapters.has(policy) ? `${policy}@${held.version}` : null,
      stopAt: this.#nextStop(outputTokens, end),
    });
    const startedAt = this.#agenda.now;
    const { version } = held;
    const stay = { worker, sequence, version, end, last, startedAt };
    journey.stay = stay;
    this.#bySequence.set(sequence, journey);
    this.#lastMoveAt = startedAt;
    this.waiting--;
    worker.add(sequence);
    // Its engine is another by now, or none: the connection is refused.
    if (incarnation !== worker.incarnation) this.#stop(journey, stay, "lost");
    this.arrivals.admit();
  }

  #revoke(key: string, attempt: number): void {
    const journey = this.#byKey.get(key);
    if (journey?.attempt === attempt && journey.stay !== null) {
      this.#stop(journey, journey.stay, "revoked");
    }
  }

  #finish(journey: Journey, stay: Stay): void {
    const { key, attempt, next, rollout } = journey;
    this.#leave(journey, stay, "finished");
    journey.finishedAt = this.#agenda.now;
    this.finished++;
    const { outputTokens } = journey;
    this.send({ type: "done", key, attempt, outcome: "finished", outputTokens });
    if (next !== null) this.arrivals.follow(next);
    else if (rollout.session !== null) {
      this.send({ type: "session_finished", session: rollout.session.id });
    }
    this.#parts.finished(journey);
  }

  /** The attempt ends before the rollout does, and the next is asked for. */
  #stop(journey: Journey, stay: Stay, outcome: Outcome): void {
    if (!this.#leave(journey, stay, outcome)) return;
    if (outcome === "lost") this.lost++;
    const { key, attempt, outputTokens } = journey;
    this.send({ type: "done", key, attempt, outcome, outputTokens });
    journey.attempt++;
    this.#offer(journey);
  }

  /** False where it came to its end by itself just now. */
  #leave(journey: Journey, stay: Stay, ended: Outcome): boolean {
    const { worker, sequence } = stay;
    worker.remove(sequence, ended === "finished" ? this.#leavesOf(journey) : undefined);
    if (journey.stay !== stay) return false;
    this.#bySequence.delete(sequence);
    journey.leave(sequence.outputTokens, this.#agenda.now, ended);
    return true;
  }

  #arrive(journey: Journey): void {
    journey.arrived = true;
    if (!journey.heldBack) this.#offer(journey);
  }

  #offer(journey: Journey): void {
    this.#lastMoveAt = this.#agenda.now;
    this.waiting++;
    this.send({ type: "offer", card: journey.card(this.#parts.staleness) });
  }

  /** Blocks of what it leaves that its session's next turn will ask for. */
  #leavesOf({ next, rollout, stay }: Journey): readonly number[] {
    if (next === null || stay === null) return [];
    const { batch } = stay.worker;
    const context = rollout.promptTokens + batch.outputOf(stay.sequence);
    return next.rollout.prefix.slice(0, Math.floor(context / batch.kv.blockTokens));
  }

  #nextStop(outputTokens: number, end: number): number {
    return Math.min(end, outputTokens + this.#parts.options.progressTokens);
  }
}
