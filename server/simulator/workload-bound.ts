import { type LowerBound, lowerBound } from "../scheduler/bound/bound.ts";
import type { Workload } from "./workload.ts";

/** The least that the workload's fleet could take with empty caches; the same for every scheduler. */
export function workloadBound({ rollouts, fleet, blockTokens }: Workload): LowerBound {
  const bound = lowerBound(rollouts, fleet.workers, blockTokens);
  if (bound === null) throw new RangeError("a fleet with a worker of no speed or no KV");
  return bound;
}
