/** Runs a workload on a simulated fleet in virtual time, under a scheduler of the live server or any other. */
import type { Clock, Random } from "../contract/clock.ts";
import type { Scheduler, SchedulerEvent } from "../scheduler/events.ts";
import { createScheduler } from "../scheduler/scheduler.ts";
import { seededRandom } from "../seeded-random.ts";
import { renewAdapters } from "./adapter-versions.ts";
import { Agenda } from "./agenda.ts";
import { Driver } from "./driver.ts";
import type { Directory } from "./engine/host-tier.ts";
import { type FaultSpec, scheduleFaults } from "./faults.ts";
import { DRIVER_OPTIONS, type DriverOptions, RESOLUTIONS, type Resolution } from "./options.ts";
import { Rounds, type RoundsParts } from "./rounds.ts";
import type { Run, TimelineSample } from "./run.ts";
import { type Lie, watchWorkers } from "./telemetry.ts";
import { Rows, Timeline } from "./timeline.ts";
import { type Consumer, Trainer, type TrainerParts } from "./trainer.ts";
import { UPDATE_OPTIONS, type UpdateOptions, Updates } from "./updates.ts";
import { SimulatedWorker } from "./worker.ts";
import type { Workload } from "./workload.ts";
import { writeRun } from "./write-run.ts";

/** Makes the scheduler of one run; an oracle reads the true lengths in `workload`. */
export type SchedulerFactory = (
  clock: Pick<Clock, "now">,
  random: Random,
  workload: Workload,
) => Scheduler;

/** As the server runs it. */
export const PACELINE: SchedulerFactory = (clock, random) => createScheduler(clock, random);

export interface SimulateOptions {
  /** Default: the production scheduler. */
  readonly scheduler?: { readonly name: string; readonly create: SchedulerFactory };
  readonly seed?: number;
  /** Default `exact`. */
  readonly resolution?: Resolution;
  readonly driver?: Partial<DriverOptions>;
  readonly faults?: readonly FaultSpec[];
  /** What telemetry makes of the truth. */
  readonly lie?: Lie;
  /** How a trainer's versions reach the workers. */
  readonly updates?: Partial<UpdateOptions>;
  /** η of a workload with a trainer; default 1. */
  readonly staleness?: number;
  /** Between two versions of each LoRA adapter; null, the default: they stay as they are. */
  readonly adapterSeconds?: number | null;
  /** Called every so many events. */
  readonly progress?: (at: { seconds: number; finished: number; rollouts: number }) => void;
}

/** Events between two calls of `progress`: some tenths of a second. */
const PROGRESS_EVENTS = 16_384;

export function simulate(workload: Workload, options: SimulateOptions = {}): Run {
  const { scheduler = { name: "paceline", create: PACELINE }, seed = 1, progress } = options;
  const agenda = new Agenda();
  const { driver, workers, trainer } = assemble(workload, scheduler.create, seed, options, agenda);
  const rows = new Rows(workers);
  const timeline = new Timeline(agenda, () => look(agenda, driver, rows));
  timeline.start();
  const over = (): boolean => driver.stalled || (driver.over && trainer?.busy !== true);
  for (let n = 1; !over() && agenda.step(); n++) {
    if (n % PROGRESS_EVENTS === 0) {
      const { finished, journeys } = driver;
      progress?.({ seconds: agenda.now, finished, rollouts: journeys.length });
    }
  }
  const by = { scheduler: scheduler.name, seed, resolution: options.resolution ?? "exact" };
  return writeRun(workload, by, driver, workers, {
    trainer: trainer?.written() ?? null,
    rows: rows.written(),
    timeline: timeline.samples,
  });
}

interface Assembly {
  readonly driver: Driver;
  readonly workers: readonly SimulatedWorker[];
  readonly trainer: Consumer | null;
}

function assemble(
  workload: Workload,
  create: SchedulerFactory,
  seed: number,
  options: SimulateOptions,
  agenda: Agenda,
): Assembly {
  const { staleness = 1, faults = [], lie = null, adapterSeconds = null } = options;
  const random = seededRandom(seed);
  const { resolution = "exact" } = options;
  const driverOptions = { ...DRIVER_OPTIONS, ...RESOLUTIONS[resolution], ...options.driver };
  const pool: Directory = new Map();
  const workers = workload.fleet.workers.map(
    (spec) =>
      new SimulatedWorker(
        spec,
        agenda,
        pool,
        (sequence) => driver.due(sequence),
        workload.blockTokens,
      ),
  );
  const send = (event: SchedulerEvent): void => driver.send(event);
  const updates = new Updates({
    agenda,
    workers,
    pauseSeconds: workload.trainer?.pauseSeconds ?? 0,
    options: { ...UPDATE_OPTIONS, ...options.updates },
    send,
    held(version) {
      // Versions count from 1.
      trainer?.holds(version - 1);
      driver.arrivals.admit();
    },
  });
  const trained = workload.policies[0]?.name ?? "";
  const publish = (steps: number): void => updates.publish(trained, steps + 1);
  const trainer = consumerOf(workload, { agenda, staleness, publish, fleet: () => driver });
  const driver: Driver = new Driver({
    workload,
    scheduler: create({ now: () => agenda.now * 1_000 }, random, workload),
    agenda,
    workers,
    options: driverOptions,
    staleness: workload.trainer === undefined || workload.trainer.rounds ? null : staleness,
    mayStart: (journey) => trainer?.mayStart(journey) ?? true,
    finished: (journey) => trainer?.finished(journey),
    gated: (worker) => updates.gated(worker),
  });
  driver.start();
  if (adapterSeconds !== null) {
    renewAdapters(adapterSeconds, { agenda, workers, policies: workload.policies, send });
  }
  // Lies come from a source of their own: telling them changes no tie of the scheduler's.
  const liar = seededRandom(seed + 1);
  watchWorkers(workers, { agenda, options: driverOptions, random: liar, lie, send });
  scheduleFaults(faults, workers, {
    agenda,
    detectSeconds: driverOptions.detectSeconds,
    dropAll: (worker) => driver.dropAll(worker),
    tellLost: ({ spec }, incarnation) =>
      send({ type: "worker_lost", worker: spec.id, incarnation }),
    tellBack: (worker) => updates.back(worker),
  });
  return { driver, workers, trainer };
}

type ConsumerParts = Omit<TrainerParts & RoundsParts, "spec" | "rounds">;

function consumerOf({ trainer: spec }: Workload, parts: ConsumerParts): Consumer | null {
  if (spec === undefined) return null;
  const { rounds } = spec;
  return rounds ? new Rounds({ ...parts, spec, rounds }) : new Trainer({ ...parts, spec });
}

function look(agenda: Agenda, driver: Driver, rows: Rows): TimelineSample {
  return {
    seconds: agenda.now,
    waiting: driver.waiting,
    finished: driver.finished,
    running: rows.sum(({ batch }) => batch.running.length),
    kvTokens: rows.sum(({ kvTokens }) => kvTokens),
  };
}
