/** The workers that may serve a mount's job. */
import type { WorkerRecord } from "../../fleet/fleet.ts";
import type { DialectContext } from "./dialect.ts";

type Served = Pick<DialectContext, "fleet" | "jobs" | "job" | "policy">;

/** Of the job's policy, or another; lost ones left out. */
export function workersOf(context: Served, policy = context.policy()): readonly WorkerRecord[] {
  const { pools } = context.jobs.settings(context.job);
  return context.fleet
    .list()
    .filter(
      ({ pool, policies, state }) =>
        state !== "lost" &&
        (pools.length === 0 || pools.includes(pool)) &&
        (policies.length === 0 || policies.includes(policy)),
    );
}

/** GPUs of one worker: a trainer's NCCL group has so many ranks of it. */
export const gpusOf = ({ parallel: { tp = 1, pp = 1, dp = 1 } }: WorkerRecord): number =>
  tp * pp * dp;

export const gpusOfAll = (workers: readonly WorkerRecord[]): number =>
  workers.reduce((sum, worker) => sum + gpusOf(worker), 0);
