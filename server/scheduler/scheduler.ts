/**
 * The scheduler: events in, commands out, nothing else. Each handler brings the books up to date; then
 * whatever was touched is filled, waiting cards are told, and the next wake-up is asked for.
 */
import type { Clock, Random } from "../contract/clock.ts";
import { Affinity } from "./affinity.ts";
import type { Attempt } from "./attempts.ts";
import { Buffer } from "./buffer.ts";
import type { HeldReason } from "./card.ts";
import { Census } from "./census.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { Scheduler, SchedulerCommand, SchedulerEvent, SchedulerSnapshot } from "./events.ts";
import { Jobs } from "./fairness.ts";
import { Fences } from "./fences.ts";
import { Forecast } from "./forecast.ts";
import { Gaps } from "./gaps.ts";
import { Gates } from "./gates.ts";
import { Groups } from "./groups.ts";
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
import { Rollouts } from "./rollouts.ts";
import { Roster, type Worker } from "./roster.ts";
import { Segments } from "./segments.ts";
import type { Waiting } from "./waiting.ts";

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
  readonly #census: Census;
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
  readonly #predictor: Predictor;
  readonly #order: Order;
  readonly #regimes: Regimes;
  readonly #rollouts: Rollouts;
  #commands: SchedulerCommand[] = [];
  /** The `wake` that is under way; Infinity without one. */
  #wakeAt = Number.POSITIVE_INFINITY;
  #now = 0;
  /** Since the regime was last looked at because of them. */
  #workersChanged = 0;

  constructor(clock: Pick<Clock, "now">, random: Random, options: SchedulerOptions) {
    const emit = (command: SchedulerCommand): void => void this.#commands.push(command);
    this.#clock = clock;
    this.#options = options;
    const predictor = new Predictor(options);
    const segments = new Segments(options);
    const forecast = new Forecast(predictor, segments, options);
    const residents = new Residents(new Gaps(options), options);
    const order = new Order(predictor, segments, residents, options);
    const buffer = new Buffer(order, forecast, options);
    const matching = new Matching(buffer);
    const books = {
      census: new Census(new Groups((card) => predictor.siblings(card))),
      fences: new Fences(options),
      roster: new Roster(options, matching),
      jobs: new Jobs(options.idleJobLimit),
      affinity: new Affinity(options),
      gates: new Gates<Worker, Attempt>(emit),
      notices: new Notices((waiting) => this.#reason(waiting), emit, options.heldBatch),
      predictor,
      segments,
      forecast,
      residents,
      order,
      buffer,
      matching,
      options,
      emit,
    };
    const placer = new Placer(books.affinity, residents, random, options);
    const dispatcher = new Dispatcher({ ...books, placer });
    const regimes = new Regimes(books);
    const membership = new Membership({
      ...books,
      dispatcher,
      end: (attempt) => this.#rollouts.end(attempt, this.#now),
    });
    const suspect = (worker: Worker): void => membership.suspect(worker, this.#now);
    this.#rollouts = new Rollouts({ ...books, dispatcher, regimes, suspect });
    this.#census = books.census;
    this.#buffer = buffer;
    this.#matching = matching;
    this.#roster = books.roster;
    this.#jobs = books.jobs;
    this.#affinity = books.affinity;
    this.#gates = books.gates;
    this.#notices = books.notices;
    this.#residents = residents;
    this.#predictor = predictor;
    this.#order = order;
    this.#dispatcher = dispatcher;
    this.#regimes = regimes;
    this.#membership = membership;
  }

  handle(event: SchedulerEvent): SchedulerCommand[] {
    this.#commands = [];
    this.#now = Math.max(this.#now, this.#clock.now());
    // A tick that never came is made up for by whatever comes next.
    if (event.type === "tick" || this.#now >= this.#wakeAt) this.#wakeUp();
    this.#lookAtRegime();
    this.#apply(event);
    this.#dispatcher.run(this.#now);
    if (this.#matching.unsettled) this.#settle();
    if (this.#notices.pending) this.#notices.advance();
    this.#askWake();
    return this.#commands;
  }

  #settle(): void {
    this.#matching.settle(
      (cls) => this.#notices.changed(cls),
      (waiting, refusal) => {
        this.#dispatcher.drop(waiting);
        this.#emit(refusal);
      },
    );
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
        this.#rollouts.offered(event.card, this.#now);
        break;
      case "progress":
        if (isCount(event.outputTokens)) this.#rollouts.progressed(event);
        break;
      case "done":
        this.#rollouts.done(event, this.#now);
        break;
      case "withdraw":
        this.#rollouts.withdrawn(event.key, this.#now);
        break;
      case "worker":
        this.#membership.seen(event.worker);
        this.#fleetChanged();
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

  /** A look reads the whole fleet: workers that start together pay for one each time as many have come as make it another. */
  #fleetChanged(): void {
    const share = this.#options.regimeFleetShare;
    if (++this.#workersChanged < share * this.#roster.workers.size) return;
    this.#workersChanged = 0;
    this.#regimes.stale();
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

  #sessionFinished(session: string): void {
    this.#affinity.sessionFinished(session);
    const slot = this.#residents.finished(session);
    if (slot !== null) this.#dispatcher.opened(slot);
  }

  #reason(waiting: Waiting): HeldReason {
    const reason = this.#matching.reason(waiting);
    return reason === "queue" && this.#residents.isPaused(waiting.card) ? "session_paused" : reason;
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

  #emit(command: SchedulerCommand): void {
    this.#commands.push(command);
  }
}
