/**
 * B1: one synchronous step, bound by KV: Seer's Moonlight and Qwen2-VL-72B, with KV of cut contexts kept in a pool, in the host's
 * memory or nowhere. `seer` is given chunks in every table; without a pool that is not what its authors run.
 */
import type { SchedulerName } from "../../server/simulator/schedulers.ts";
import type { Workload } from "../../server/simulator/workload.ts";
import type { Resume } from "../../server/simulator/workloads/fleets.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { compare, nothingMore, printRows } from "./comparison.ts";
import type { Budget } from "./run.ts";

const SCHEDULERS: readonly SchedulerName[] = [
  "group-round-robin",
  "request-round-robin",
  "power-of-two",
  "least-requests",
  "consistent-hash",
  "sticky-least-loaded",
  "cache-aware",
  "dynamo",
  "pull-fcfs",
  "seer",
  "stream-skew",
  "tail-sieve",
  "longest-first",
  "paceline",
];
const RESUMES: readonly Resume[] = ["pool", "host", "recompute"];
/** Of Moonlight at other sizes of the fleet: where ρ is about .45, .75 and 1. */
const SWEEP = [24, 40, 56];

export function b1(budget: Budget): void {
  const { quick } = budget;
  const table = (title: string, workloadOf: (seed: number) => Workload): void =>
    printRows(title, compare(title, workloadOf, SCHEDULERS, budget, nothingMore), budget);
  console.log("\n## B1: synchronous, bound by KV");
  // A quarter of the groups on a quarter of the workers: the same ρ.
  const scale = quick ? { groups: 100, workers: 8 } : { groups: 400, workers: 32 };
  for (const resume of RESUMES) {
    table(`${quick ? "a quarter of moonlight" : "moonlight"}, resume ${resume}`, (seed) =>
      presetWorkload("moonlight", seed, { ...scale, resume }),
    );
  }
  if (quick) return;
  for (const workers of SWEEP) {
    table(`moonlight on ${workers}, resume pool`, (seed) =>
      presetWorkload("moonlight", seed, { resume: "pool", workers }),
    );
  }
  for (const resume of RESUMES) {
    table(`vl72b, resume ${resume}`, (seed) => presetWorkload("vl72b", seed, { resume }));
  }
}
