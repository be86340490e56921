/**
 * B7: an eighth of the fleet is killed every 30 s, hangs, or is four times as slow. What may be lost is time: every token is
 * made once, and the makespan grows by little more than the capacity that was gone.
 */
import type { FaultSpec } from "../../server/simulator/faults.ts";
import type { Run } from "../../server/simulator/run.ts";
import { schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import type { Workload } from "../../server/simulator/workload.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { shown } from "./comparison.ts";
import { intervalOf } from "./interval.ts";
import type { Budget } from "./run.ts";

const WORKERS = 8;
const GROUPS = 100;
const EVERY_SECONDS = 30;
const DOWN_SECONDS = 10;
/** As often as one strikes in any run. */
const STRIKES = 200;
const KINDS: readonly FaultSpec["kind"][] = ["kill", "hang", "slow"];

export function b7({ seeds, told }: Budget): void {
  console.log("\n## B7: faults\n");
  told("paceline");
  const workloads = seeds.map((seed) =>
    presetWorkload("moonlight", seed, { workers: WORKERS, groups: GROUPS }),
  );
  const calm = workloads.map((workload, i) => run(workload, i + 1, []));
  console.log(
    "| | makespan, × without faults | capacity that was gone | streams reset | tokens lost | tokens twice | unfinished |",
  );
  console.log("|---|---|---|---|---|---|---|");
  for (const kind of KINDS) {
    const struck = workloads.map((workload, i) => run(workload, i + 1, strikes(workload, kind)));
    const over = intervalOf(
      struck.map((each, i) => each.makespanSeconds / (calm[i]?.makespanSeconds ?? Number.NaN)),
    );
    const sum = (of: (each: Run) => number): number =>
      struck.reduce((total, each) => total + of(each), 0);
    const gone = (DOWN_SECONDS / EVERY_SECONDS / WORKERS) * (kind === "slow" ? 3 / 4 : 1);
    const cells = [
      kind,
      shown(over, 3),
      gone.toFixed(3),
      sum(({ lost }) => lost),
      sum(gaps),
      sum(overlaps),
      sum(({ unfinished }) => unfinished),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

function run(workload: Workload, seed: number, faults: readonly FaultSpec[]): Run {
  return simulate(workload, { seed, faults, scheduler: schedulerNamed("paceline") });
}

/** One worker after the other. */
function strikes({ fleet }: Workload, kind: FaultSpec["kind"]): FaultSpec[] {
  return Array.from({ length: STRIKES }, (_, n) => ({
    kind,
    worker: fleet.workers[n % fleet.workers.length]?.id ?? "",
    atSeconds: (n + 1) * EVERY_SECONDS,
    forSeconds: DOWN_SECONDS,
    ...(kind === "slow" ? { factor: 4 } : {}),
  }));
}

/** Tokens between two segments that neither has. */
const gaps = (of: Run): number => between(of, (from, to) => Math.max(0, from - to));
/** Tokens that two segments have. */
const overlaps = (of: Run): number => between(of, (from, to) => Math.max(0, to - from));

function between({ rollouts }: Run, count: (from: number, to: number) => number): number {
  let tokens = 0;
  for (const { segments } of rollouts) {
    let made = 0;
    for (const { from, to } of segments) {
      tokens += count(from, made);
      made = to;
    }
  }
  return tokens;
}
