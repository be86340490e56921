/**
 * The scheduler: events in, commands out, nothing else. Each handler brings the books up to date; then
 * whatever was touched is filled, waiting cards are told, and the next wake-up is asked for.
 */
import type { Clock, Random } from "../contract/clock.ts";
import { Affinity } from "./affinity.ts";
import { Attempt } from "./attempts.ts";
import { Buffer, type Waiting } from "./buffer.ts";
import type { Card, HeldReason, Outcome } from "./card.ts";
import { Census } from "./census.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Scheduler, SchedulerCommand, SchedulerEvent, SchedulerSnapshot } from "./events.ts";
import { Jobs } from "./fairness.ts";
import { Fences } from "./fences.ts";
import { Forecast } from "./forecast.ts";
import { Gaps } from "./gaps.ts";
import { Gates } from "./gates.ts";
import { Matching } from "./matching.ts";
import { Membership } from "./membership.ts";
import { Notices } from "./notices.ts";
import { DEFAULT_OPTIONS, type SchedulerOptions } from "./options.ts";
import { Order } from "./order.ts";
import { Placer } from "./placer.ts";

import { isCount, plausibleSize } from "./plausible.ts";
import { Predictor } from "./prediction/predictor.ts";
import { Regimes } from "./regimes.ts";
import { Residents } from "./residents.ts";
import { Roster, type Worker } from "./roster.ts";
import { Segments } from "./segments.ts";

type Done = Extract<SchedulerEvent, { type: "done" }>;
type Progress = Extract<SchedulerEvent, { type: "progress" }>;

/** `random` only breaks ties; of `clock` only `now` is used. Options left out have their defaults. */
export function createScheduler(
  clock: Pick<Clock, "now">,
  random: Random,
  options: Partial<SchedulerOptions> = {},
): Scheduler {
  return new PureScheduler(clock, random, { ...DEFAULT_OPTIONS, ...options });
}

class PureScheduler implements Scheduler {
  readonly #clock: Pick<Clock, "now">;
  readonly #options: SchedulerOptions;
  readonly #census = new Census();
  readonly #buffer: Buffer;
  readonly #matching: Matching;
  readonly #roster: Roster;
  readonly #membership: Membership;
  readonly #jobs: Jobs;
  readonly #affinity: Affinity;
  readonly #residents: Residents;
  readonly #dispatcher: Dispatcher;
  readonly #gates: Gates<Worker, Attempt>;
  readonly #notices: Notices;
  readonly #fences: Fences;
  readonly #predictor: Predictor;
  readonly #segments: Segments;
  readonly #forecast: Forecast;
  readonly #order: Order;
  readonly #regimes: Regimes;
  #commands: SchedulerCommand[] = [];
  /** The `wake` that is under way; Infinity without one. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #now = 0;

  constructor(clock: Pick<Clock, "now">, random: Random, options: SchedulerOptions) {
    const emit = (command: SchedulerCommand): void => void this.#commands.push(command);
    this.#clock = clock;
    this.#options = options;
    this.#predictor = new Predictor(options);
    this.#segments = new Segments(options);
    this.#forecast = new Forecast(this.#predictor, this.#segments, options);
    this.#residents = new Residents(new Gaps(options), options);
    this.#order = new Order(this.#predictor, this.#segments, this.#residents, options);
    this.#buffer = new Buffer(this.#order, this.#forecast, options);
    this.#matching = new Matching(this.#buffer);
    this.#roster = new Roster(options, this.#matching);
    this.#jobs = new Jobs(options.idleJobLimit);
    this.#affinity = new Affinity(options);
    this.#gates = new Gates(emit);
    this.#fences = new Fences(options);
    this.#notices = new Notices((waiting) => this.#reason(waiting), emit, options.heldBatch);
    this.#dispatcher = new Dispatcher({
      census: this.#census,
      buffer: this.#buffer,
      matching: this.#matching,
      placer: new Placer(this.#affinity, this.#residents, random, options),
      affinity: this.#affinity,
      residents: this.#residents,
      predictor: this.#predictor,
      segments: this.#segments,
      forecast: this.#forecast,
      options,
      emit,
    });
    this.#regimes = new Regimes({
      roster: this.#roster,
      jobs: this.#jobs,
      predictor: this.#predictor,
      segments: this.#segments,
      order: this.#order,
      options,
    });
    this.#membership = new Membership({
      roster: this.#roster,
      dispatcher: this.#dispatcher,
      gates: this.#gates,
      affinity: this.#affinity,
      residents: this.#residents,
      matching: this.#matching,
      options,
      emit,
      end: (attempt) => this.#end(attempt),
    });
  }

  handle(event: SchedulerEvent): SchedulerCommand[] {
    this.#commands = [];
    this.#now = Math.max(this.#now, this.#clock.now());
    // A tick that never came is made up for by whatever comes next.
    if (event.type === "tick" || this.#now >= this.#wakeAt) this.#wakeUp();
    this.#lookAtRegime();
    this.#apply(event);
    this.#dispatcher.run(this.#now);
    this.#matching.settle(
      (cls) => this.#notices.changed(cls),
      (waiting, refusal) => {
        this.#dispatcher.drop(waiting);
        this.#emit(refusal);
      },
    );
    if (this.#notices.pending) this.#notices.advance();
    this.#askWake();
    return this.#commands;
  }

  snapshot(): SchedulerSnapshot {
    const jobs = [...this.#jobs.all()].filter(({ waiting, running }) => waiting + running > 0);
    const slots = [...this.#roster.workers.values()].flatMap((worker) => worker.slots);
    return {
      waiting: this.#census.waiting,
      running: this.#census.running,
      regime: this.#regimes.view,
      sessions: { alive: this.#residents.alive, paused: this.#residents.paused },
      jobs: jobs.map(({ name, waiting, running }) => ({ job: name, waiting, running })),
      slots: slots.map((slot) => ({
        worker: slot.worker.id,
        slot: slot.index,
        running: slot.running,
        reservedTokens: slot.held,
        kvTokens: slot.kvTokens,
      })),
    };
  }

  #apply(event: SchedulerEvent): void {
    switch (event.type) {
      case "offer":
        this.#offer(event.card);
        break;
      case "progress":
        if (isCount(event.outputTokens)) this.#progress(event);
        break;
      case "done":
        this.#done(event);
        break;
      case "withdraw":
        this.#withdraw(event.key);
        break;
      case "worker":
        this.#regimes.stale();
        this.#membership.seen(event.worker);
        break;
      case "worker_lost":
        this.#membership.lost(event.worker, event.incarnation);
        break;
      case "telemetry":
        this.#membership.measured(event, this.#now);
        break;
      case "cache":
        this.#membership.cached(event);
        break;
      case "committed":
        this.#committed(event.policy, event.version);
        break;
      case "job":
        this.#declare(event);
        break;
      case "gate":
        this.#membership.gate(event, this.#now);
        break;
      case "ungate":
        this.#membership.ungate(event.worker);
        break;
      case "session_finished":
        this.#sessionFinished(event.session);
        break;
      case "histories":
        this.#predictor.recall(event.histories);
        break;
      case "tick":
        break;
    }
  }

  #lookAtRegime(): void {
    if (!this.#regimes.due(this.#now)) return;
    const anew = this.#regimes.look(this.#now, (regime) =>
      this.#emit({ type: "regime", ...regime }),
    );
    if (anew) this.#dispatcher.reorder(this.#buffer.classes.values());
    const histories = this.#predictor.learned(this.#options.learnedBatch);
    if (histories.length > 0) this.#emit({ type: "learned", histories });
  }

  /** What it makes the last chance of some goes before the rest. */
  #committed(policy: string, version: number): void {
    this.#matching.committed(policy, version);
    this.#order.committed(policy, version);
    const classes = [...this.#buffer.classes.values()];
    this.#dispatcher.reorder(
      classes.filter((cls) => cls.sample.policy === policy && cls.deadlines > 0),
    );
  }

  #offer(card: Card): void {
    const known = this.#census.get(card.key);
    const latest = known?.card.attempt ?? 0;
    if (card.attempt <= latest || this.#fences.stops(card, this.#now)) return;
    const { waiting } = this.#census;
    if (card.attempt === 1 && waiting >= this.#options.waitingLimit) {
      const message = `${waiting} rollouts wait already`;
      this.#emit({ type: "refuse", key: card.key, code: "overloaded", message, path: null });
      return;
    }
    if (known !== undefined) this.#remove(known);
    // What this freed goes to whoever is first, who need not be this card.
    this.#dispatcher.run(this.#now);
    const cls = this.#buffer.class(card, this.#matching.classAdded);
    const refusal = this.#matching.refusal(card, cls);
    if (refusal !== null) {
      this.#emit(refusal);
      if (this.#buffer.forget(cls)) this.#matching.classDropped(cls);
      return;
    }
    this.#residents.asked(card, this.#now);
    const home = this.#residents.homeOf(card);
    home?.worker.kind.index.changed(home);
    const held = this.#dispatcher.admit(card, cls, this.#jobs.get(card.job), this.#now);
    this.#dispatcher.run(this.#now);
    if (held !== null && !held.gone) this.#notices.tell(held);
    else if (this.#buffer.forget(cls)) this.#matching.classDropped(cls);
  }

  #progress({ key, attempt: number, outputTokens }: Progress): void {
    const attempt = this.#attempt(key, number);
    if (attempt === null) return;
    const { card, slot, account, cutAt, member } = attempt;
    const output = Math.min(card.maxNewTokens, Math.max(outputTokens, attempt.outputTokens));
    if (member !== null) member.outputTokens = output;
    const siblings = member?.siblings ?? null;
    const outlook = this.#forecast.of(card, output, cutAt, account.job, slot.usable, siblings);
    const before = slot.reserved;
    slot.regrow(attempt, output, outlook);
    if (slot.reserved < before) this.#dispatcher.opened(slot);
    else slot.worker.kind.index.changed(slot);
  }

  #done({ key, attempt: number, outcome, outputTokens }: Done): void {
    const attempt = this.#attempt(key, number);
    if (attempt === null) return;
    const { card, slot } = attempt;
    const told = outputTokens !== undefined || attempt.outputTokens > card.outputTokens;
    if (outputTokens !== undefined && outputTokens > attempt.outputTokens) {
      slot.regrow(attempt, Math.min(card.maxNewTokens, outputTokens), attempt.outlook);
    }
    this.#learn(attempt, outcome, told);
    if (told) attempt.account.charge(attempt.contextTokens - attempt.charged);
    if (outcome === "lost") this.#membership.suspect(slot.worker, this.#now);
    this.#end(attempt);
    const known = attempt.account.job.level.count / this.#options.estimateAfter;
    if (outcome === "finished" && Number.isInteger(Math.log2(known))) this.#regimes.weigh();
  }

  #learn(attempt: Attempt, outcome: Outcome, told: boolean): void {
    const { card, outputTokens, account } = attempt;
    if (outcome === "cut") {
      this.#affinity.cut(attempt, this.#segments.cut(attempt));
    } else if (told && outcome === "finished") {
      this.#predictor.finished(card, outputTokens, account.job.level);
      if (this.#order.predicts) this.#dispatcher.restand(card);
    } else if (outcome === "aborted") {
      this.#predictor.stopped(card, outputTokens, account.job.level);
    }
  }

  #withdraw(key: string): void {
    const known = this.#census.get(key);
    if (known === undefined) return;
    this.#segments.forget(key);
    this.#predictor.left(known.card);
    this.#remove(known);
    this.#residents.withdrawn(known.card, this.#now);
    const home = this.#residents.homeOf(known.card);
    if (home !== null) this.#dispatcher.opened(home);
  }

  #sessionFinished(session: string): void {
    this.#affinity.sessionFinished(session);
    const slot = this.#residents.finished(session);
    if (slot !== null) this.#dispatcher.opened(slot);
  }

  #reason(waiting: Waiting): HeldReason {
    const reason = this.#matching.reason(waiting);
    return reason === "queue" && this.#residents.isPaused(waiting.card) ? "session_paused" : reason;
  }

  #remove(known: Waiting | Attempt): void {
    if (known instanceof Attempt) this.#end(known);
    else this.#dispatcher.drop(known);
  }

  #declare({ job: name, weight, maxRunning }: Extract<SchedulerEvent, { type: "job" }>): void {
    const job = this.#jobs.get(name);
    if (weight > 0 && Number.isFinite(weight)) job.weight = weight;
    job.maxRunning = maxRunning == null ? Number.POSITIVE_INFINITY : plausibleSize(maxRunning);
    this.#dispatcher.quotaChanged(job);
  }

  #wakeUp(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    this.#gates.expire(this.#now);
    this.#membership.expire(this.#now);
  }

  /** A wake-up that is no longer needed does no harm, so only an earlier one is asked for. */
  #askWake(): void {
    const due = Math.min(this.#gates.next, this.#membership.next);
    const next = this.#notices.pending ? this.#now : due;
    if (next >= this.#wakeAt) return;
    this.#wakeAt = next;
    this.#emit({ type: "wake", at: next });
  }

  #end(attempt: Attempt): void {
    this.#fences.ended(attempt.card, this.#now);
    this.#dispatcher.release(attempt, this.#now);
    this.#gates.ended(attempt);
  }

  /** The attempt, if it is the one that runs; anything older is void. */
  #attempt(key: string, attempt: number): Attempt | null {
    const known = this.#census.get(key);
    return known instanceof Attempt && known.card.attempt === attempt ? known : null;
  }

  #emit(command: SchedulerCommand): void {
    this.#commands.push(command);
  }
}
