/** Runs a workload on a simulated fleet in virtual time, under a scheduler of the live server or any other. */
import type { Clock, Random } from "../contract/clock.ts";
import type { Scheduler } from "../scheduler/events.ts";
import { createScheduler } from "../scheduler/scheduler.ts";
import { seededRandom } from "../seeded-random.ts";
import { Agenda } from "./agenda.ts";
import { Driver } from "./driver.ts";
import type { Directory } from "./engine/host-tier.ts";
import type { Sequence } from "./engine/sequence.ts";
import { DRIVER_OPTIONS, type DriverOptions } from "./options.ts";
import { type Run, type TimelineSample, tailShare } from "./run.ts";
import { Timeline } from "./timeline.ts";
import { SimulatedWorker } from "./worker.ts";
import type { Workload } from "./workload.ts";

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
  readonly driver?: Partial<DriverOptions>;
  /** Called every so many events. */
  readonly progress?: (at: { seconds: number; finished: number; rollouts: number }) => void;
}

/** Events between two calls of `progress`: some tenths of a second. */
const PROGRESS_EVENTS = 16_384;

export function simulate(workload: Workload, options: SimulateOptions = {}): Run {
  const { scheduler = { name: "paceline", create: PACELINE }, seed = 1, progress } = options;
  const agenda = new Agenda();
  const clock = { now: (): number => agenda.now * 1_000 };
  const due = (sequence: Sequence): void => driver.due(sequence);
  const pool: Directory = new Map();
  const workers = workload.fleet.workers.map(
    (spec) => new SimulatedWorker(spec, agenda, pool, due),
  );
  const driver = new Driver(
    workload,
    scheduler.create(clock, seededRandom(seed), workload),
    agenda,
    workers,
    { ...DRIVER_OPTIONS, ...options.driver },
  );
  const timeline = new Timeline(agenda, () => look(agenda, driver, workers));
  timeline.start();
  for (let n = 1; !driver.over && !driver.stalled && agenda.step(); n++) {
    if (n % PROGRESS_EVENTS === 0) {
      const { finished, journeys } = driver;
      progress?.({ seconds: agenda.now, finished, rollouts: journeys.length });
    }
  }
  return written(workload, scheduler.name, seed, driver, workers, timeline);
}

function look(agenda: Agenda, driver: Driver, workers: readonly SimulatedWorker[]): TimelineSample {
  return {
    seconds: agenda.now,
    waiting: driver.waiting,
    finished: driver.finished,
    running: workers.map(({ batch }) => batch.running.length),
    kvTokens: workers.map(({ kvTokens }) => kvTokens),
  };
}

function written(
  workload: Workload,
  scheduler: string,
  seed: number,
  driver: Driver,
  workers: readonly SimulatedWorker[],
  timeline: Timeline,
): Run {
  const rollouts = driver.journeys.map((journey) => journey.written());
  let makespanSeconds = 0;
  let outputTokens = 0;
  for (const { finishSeconds, outputTokens: made } of rollouts) {
    makespanSeconds = Math.max(makespanSeconds, finishSeconds ?? 0);
    outputTokens += made;
  }
  const total = (of: (worker: SimulatedWorker) => number): number =>
    workers.reduce((sum, worker) => sum + of(worker), 0);
  const peaks = workers.map(({ peakKvTokens, spec }) => peakKvTokens / spec.kvTokens);
  return {
    workload: workload.name,
    scheduler,
    seed,
    workers: workers.length,
    finished: driver.finished,
    unfinished: rollouts.length - driver.finished,
    truncated: driver.truncated,
    makespanSeconds,
    tailShare: tailShare(rollouts, makespanSeconds),
    outputTokens,
    prefilledTokens: total(({ batch }) => batch.prefilledTokens),
    reprefilledTokens: total(({ batch }) => batch.reprefilledTokens),
    preemptions: total(({ batch }) => batch.preemptions),
    peakHostTokens: total(({ batch }) => batch.kv.peakHostTokens),
    peakKvShare: peaks.reduce((most, peak) => Math.max(most, peak), 0),
    events: driver.events,
    rollouts,
    timeline: timeline.samples,
  };
}
