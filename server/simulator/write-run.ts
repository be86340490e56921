/** Sums a run up when it is over. */
import type { Driver } from "./driver.ts";
import { type Run, tailShare } from "./run.ts";
import type { SimulatedWorker } from "./worker.ts";
import type { Workload } from "./workload.ts";
import { workloadBound } from "./workload-bound.ts";

export function writeRun(
  workload: Workload,
  by: Pick<Run, "scheduler" | "seed" | "resolution">,
  driver: Driver,
  workers: readonly SimulatedWorker[],
  more: Pick<Run, "trainer" | "rows" | "timeline">,
): Run {
  const rollouts = driver.journeys.map((journey) => journey.written());
  const ends = rollouts.flatMap(({ finishSeconds: end }) => (end === null ? [] : [end]));
  const makespanSeconds = ends.reduce((last, end) => Math.max(last, end), 0);
  const outputTokens = rollouts.reduce((sum, each) => sum + each.outputTokens, 0);
  const total = (of: (worker: SimulatedWorker) => number): number =>
    workers.reduce((sum, worker) => sum + of(worker), 0);
  const peaks = workers.map(({ peakKvTokens, spec }) => peakKvTokens / spec.kvTokens);
  return {
    workload: workload.name,
    ...by,
    workers: workers.length,
    finished: driver.finished,
    unfinished: rollouts.length - driver.finished - driver.dropped,
    dropped: driver.dropped,
    truncated: driver.truncated,
    makespanSeconds,
    bound: workloadBound(workload),
    tailShare: tailShare(ends, makespanSeconds),
    outputTokens,
    wastedTokens: total(({ batch }) => batch.decodedTokens) - outputTokens,
    prefilledTokens: total(({ batch }) => batch.prefilledTokens),
    reprefilledTokens: total(({ batch }) => batch.reprefilledTokens),
    preemptions: total(({ batch }) => batch.preemptions),
    peakHostTokens: total(({ batch }) => batch.kv.peakHostTokens),
    peakKvShare: peaks.reduce((most, peak) => Math.max(most, peak), 0),
    adapterLoads: total((worker) => worker.adapterLoads),
    lost: driver.lost,
    events: driver.events,
    rollouts,
    ...more,
  };
}
