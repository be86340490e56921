/**
 * Stands where placement owner, rollouts and fleet stand in a live server: tells the scheduler what they would tell it
 * (workers, offers, progress every 256 tokens, ends, telemetry with its delay, ticks) and obeys its commands.
 */
import type { HeldVersion } from "../contract/policy.ts";
import type { Outcome } from "../scheduler/card.ts";
import type { Scheduler, SchedulerCommand, SchedulerEvent } from "../scheduler/events.ts";
import { type Agenda, Appointment } from "./agenda.ts";
import { Sequence } from "./engine/sequence.ts";
import { Journey, type Stay } from "./journey.ts";
import type { DriverOptions } from "./options.ts";
import type { SimulatedWorker } from "./worker.ts";
import type { Workload } from "./workload.ts";

type Grant = Extract<SchedulerCommand, { type: "grant" }>;

export class Driver {
  readonly journeys: readonly Journey[];
  readonly #scheduler: Scheduler;
  readonly #agenda: Agenda;
  readonly #workers: ReadonlyMap<string, SimulatedWorker>;
  readonly #options: DriverOptions;
  readonly #byKey = new Map<string, Journey>();
  readonly #bySequence = new Map<Sequence, Journey>();
  readonly #queue: SchedulerEvent[] = [];
  readonly #tick = new Appointment(() => this.send({ type: "tick" }));
  /** Arrived and not offered yet: the scheduler has its bound, and what is beyond it waits outside. */
  readonly #outside: Journey[] = [];
  #nextOutside = 0;
  #handling = false;
  #orders = 0;
  #arrivals = 0;
  #lastMoveAt = 0;
  waiting = 0;
  finished = 0;
  truncated = 0;
  refused = 0;
  events = 0;

  constructor(
    workload: Workload,
    scheduler: Scheduler,
    agenda: Agenda,
    workers: readonly SimulatedWorker[],
    options: DriverOptions,
  ) {
    this.#scheduler = scheduler;
    this.#agenda = agenda;
    this.#options = options;
    this.#workers = new Map(workers.map((worker) => [worker.spec.id, worker]));
    this.journeys = workload.rollouts.map((rollout, index) => new Journey(rollout, index));
    for (const journey of this.journeys) this.#byKey.set(journey.key, journey);
    const holds = workload.policies.map(({ name }) => heldVersion(name, 1));
    for (const { policy, version } of holds) this.send({ type: "committed", policy, version });
    for (const worker of workers) this.send({ type: "worker", worker: worker.view(holds) });
    this.#schedule();
    [...workers].forEach((worker, i) => {
      this.#watch(worker, (i / workers.length) * options.telemetrySeconds);
    });
  }

  /** Nothing runs or is to come, and long nothing was placed. */
  get stalled(): boolean {
    const still = this.#agenda.now - this.#lastMoveAt > this.#options.stalledSeconds;
    return still && this.#arrivals === 0 && this.#bySequence.size === 0;
  }

  get over(): boolean {
    return this.finished + this.refused === this.journeys.length;
  }

  send(event: SchedulerEvent): void {
    this.#queue.push(event);
    if (this.#handling) return;
    this.#handling = true;
    for (let next = this.#queue.shift(); next; next = this.#queue.shift()) {
      this.events++;
      for (const command of this.#scheduler.handle(next)) this.#run(command);
    }
    this.#handling = false;
  }

  /** A worker's sequence has come to its `stopAt`. */
  due(sequence: Sequence): void {
    const journey = this.#bySequence.get(sequence);
    if (journey === undefined) return;
    const { stay, rollout, key, attempt } = journey;
    if (stay === null) return;
    const outputTokens = stay.worker.batch.outputOf(sequence);
    if (outputTokens < stay.end) {
      journey.reported = outputTokens;
      stay.worker.batch.goOn(sequence, this.#nextStop(outputTokens, stay.end));
      this.send({ type: "progress", key, attempt, outputTokens });
      return;
    }
    if (outputTokens < stay.last) {
      this.#stop(journey, stay, "cut");
      return;
    }
    if (outputTokens < rollout.outputTokens) this.truncated++;
    this.#leave(journey, stay, "finished");
    journey.finishedAt = this.#agenda.now;
    this.finished++;
    this.send({ type: "done", key, attempt, outcome: "finished", outputTokens });
    this.#follow(journey);
  }

  #run(command: SchedulerCommand): void {
    switch (command.type) {
      case "grant":
        this.#grant(command);
        return;
      case "refuse":
        this.waiting--;
        this.refused++;
        this.#admit();
        return;
      case "revoke":
        this.#revoke(command.key, command.attempt);
        return;
      case "wake":
        this.#agenda.set(this.#tick, command.at / 1_000);
        return;
      case "held":
      case "gated":
        return;
    }
  }

  #grant({ key, attempt, worker: id, held, segment }: Grant): void {
    const journey = this.#byKey.get(key);
    const worker = this.#workers.get(id);
    if (journey === undefined || worker === undefined || journey.attempt !== attempt) return;
    const { rollout, outputTokens } = journey;
    const last = Math.min(rollout.outputTokens, worker.spec.kvTokens - rollout.promptTokens);
    const end = Math.min(last, outputTokens + (segment ?? last));
    const sequence = new Sequence({
      order: this.#orders++,
      priority: 0,
      owner: journey.index,
      promptTokens: rollout.promptTokens,
      outputTokens,
      prefix: rollout.prefix,
      stopAt: this.#nextStop(outputTokens, end),
    });
    const startedAt = this.#agenda.now;
    const { incarnation } = worker;
    const { version } = held;
    journey.stay = { worker, incarnation, sequence, version, end, last, startedAt };
    this.#bySequence.set(sequence, journey);
    this.#lastMoveAt = startedAt;
    this.waiting--;
    worker.add(sequence);
    this.#admit();
  }

  #revoke(key: string, attempt: number): void {
    const journey = this.#byKey.get(key);
    if (journey === undefined || journey.attempt !== attempt || journey.stay === null) return;
    this.#stop(journey, journey.stay, "revoked");
  }

  /** The attempt ends before the rollout does, and the next is asked for. */
  #stop(journey: Journey, stay: Stay, outcome: Outcome): void {
    if (!this.#leave(journey, stay, outcome)) return;
    const { key, attempt, outputTokens } = journey;
    this.send({ type: "done", key, attempt, outcome, outputTokens });
    this.#again(journey);
  }

  /** False where it came to its end by itself just now. */
  #leave(journey: Journey, stay: Stay, ended: Outcome): boolean {
    const { worker, sequence } = stay;
    worker.remove(sequence, ended === "finished" ? this.#leaves(journey) : undefined);
    if (journey.stay !== stay) return false;
    this.#bySequence.delete(sequence);
    journey.leave(sequence.outputTokens, this.#agenda.now, ended);
    return true;
  }

  /** Blocks of what it leaves that its session's next turn will ask for. */
  #leaves({ next, rollout, stay }: Journey): readonly number[] {
    if (next === null || stay === null) return [];
    const context = rollout.promptTokens + stay.worker.batch.outputOf(stay.sequence);
    return next.rollout.prefix.slice(0, Math.floor(context / this.#options.blockTokens));
  }

  #again(journey: Journey): void {
    journey.attempt++;
    journey.reported = journey.outputTokens;
    this.waiting++;
    this.send({ type: "offer", card: journey.card() });
  }

  #nextStop(outputTokens: number, end: number): number {
    return Math.min(end, outputTokens + this.#options.progressTokens);
  }

  /** First turns by their arrival; later ones follow the one before. */
  #schedule(): void {
    const last = new Map<string, Journey>();
    for (const journey of this.journeys) {
      const { session, arrivalSeconds } = journey.rollout;
      const previous = session === null ? undefined : last.get(session.id);
      if (session !== null) last.set(session.id, journey);
      if (previous !== undefined) previous.next = journey;
      else this.#arrive(journey, arrivalSeconds);
    }
  }

  #arrive(journey: Journey, at: number): void {
    this.#arrivals++;
    this.#agenda.once(at, () => {
      this.#arrivals--;
      journey.arrivedAt = this.#agenda.now;
      this.#outside.push(journey);
      this.#admit();
    });
  }

  #admit(): void {
    while (this.waiting < this.#options.waitingLimit) {
      const journey = this.#outside[this.#nextOutside];
      if (journey === undefined) return;
      this.#nextOutside++;
      this.#lastMoveAt = this.#agenda.now;
      this.waiting++;
      this.send({ type: "offer", card: journey.card() });
    }
  }

  #follow({ next, rollout }: Journey): void {
    if (next !== null) {
      this.#arrive(next, this.#agenda.now + (next.rollout.session?.gapSeconds ?? 0));
    } else if (rollout.session !== null) {
      this.send({ type: "session_finished", session: rollout.session.id });
    }
  }

  #watch(worker: SimulatedWorker, at: number): void {
    const { telemetrySeconds, telemetryDelaySeconds, cacheEvents } = this.#options;
    const look = new Appointment(() => {
      const seen: SchedulerEvent[] = [worker.telemetry()];
      const changes = worker.cacheChanges.take();
      const place = { worker: worker.spec.id, slot: 0, life: worker.incarnation };
      if (cacheEvents) for (const told of changes) seen.push({ type: "cache", ...place, ...told });
      this.#agenda.once(this.#agenda.now + telemetryDelaySeconds, () => {
        for (const event of seen) this.send(event);
      });
      this.#agenda.set(look, this.#agenda.now + telemetrySeconds);
    });
    this.#agenda.set(look, at);
  }
}

const heldVersion = (policy: string, version: number): HeldVersion => ({
  policy,
  version,
  label: null,
  proof: "digest",
  load: version,
  digest: null,
});
