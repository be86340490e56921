/**
 * When a trainer beside a fleet could have been done with its steps at the earliest, whoever had scheduled, with groups let in as
 * soon as η allows. Block k: the B groups that come k-th. With v steps done the first η + v + 1 blocks are let in, and
 * a group must be taken with at most η steps between, so that from step η + 1 on step k finds all of the first k blocks taken.
 * D(k), the end of step k, is at least `stepSeconds` after
 *
 *     D(k − 1)
 *     the kB-th least time that a group of the first η + 1 blocks takes alone                        for k ≤ η
 *     D(j − η − 1) + the bound of blocks j … k + the pauses that lie between, for some j ≤ k        for k > η
 *
 * since block j is let in no earlier than D(j − η − 1), when all workers have swapped, and while a version is swapped in nobody makes anything. That holds where
 * all workers swap at once, in place.
 */
import { lowerBound } from "../../server/scheduler/bound/bound.ts";
import type { SimulatedRollout, Workload } from "../../server/simulator/workload.ts";

/** Seconds until the end of step `steps`. `begun`: ends of the first steps where these are given. */
export function trainerBoundSeconds(
  workload: Workload,
  eta: number,
  steps: number,
  begun: readonly number[] = [],
): number {
  const { trainer, fleet } = workload;
  if (trainer === undefined) throw new RangeError("a workload without a trainer");
  const { batchGroups, stepSeconds, pauseSeconds } = trainer;
  const groups = groupsOf(workload);
  const least = (rollouts: readonly SimulatedRollout[]): number =>
    lowerBound(rollouts, fleet.workers)?.seconds ?? 0;
  const alone = groups
    .slice(0, (eta + 1) * batchGroups)
    .map(least)
    .sort((a, b) => a - b);
  /** Ends, by step from 0: nothing was done. */
  const ends = [0, ...begun];
  for (let k = ends.length; k <= steps; k++) {
    const starts = [ends[k - 1] ?? 0];
    if (k <= eta) starts.push(alone[k * batchGroups - 1] ?? 0);
    // Further back it is the trainer that decides.
    for (let j = Math.max(1, k - eta - 1); k > eta && j <= k; j++) {
      const letIn = Math.max(0, j - eta - 1);
      // Of the versions of steps 1 … k − 2, and of the one that lets block j in.
      const pauses = Math.max(0, Math.max(k - 2, letIn) - Math.max(1, letIn) + 1);
      const blocks = groups.slice((j - 1) * batchGroups, k * batchGroups).flat();
      starts.push((ends[letIn] ?? 0) + least(blocks) + pauses * pauseSeconds);
    }
    ends.push(Math.max(...starts) + stepSeconds);
  }
  return ends[steps] ?? 0;
}

function groupsOf({ rollouts }: Workload): SimulatedRollout[][] {
  const groups = new Map<string, SimulatedRollout[]>();
  for (const rollout of rollouts) {
    const id = rollout.group?.id ?? rollout.id;
    const members = groups.get(id);
    if (members === undefined) groups.set(id, [rollout]);
    else members.push(rollout);
  }
  return [...groups.values()];
}
