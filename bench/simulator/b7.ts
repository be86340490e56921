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
import type { Numbers } from "./results.ts";
import type { Budget } from "./run.ts";

const WORKERS = 8;
const GROUPS = 100;
const EVERY_SECONDS = 30;
const DOWN_SECONDS = 10;
/** As often as one strikes in any run. */
const STRIKES = 200;
const KINDS: readonly FaultSpec["kind"][] = ["kill", "hang", "slow"];

export function b7({ seeds, results, plot }: Budget): void {
  console.log("\n## B7: faults\n");
  const workloads = seeds.map((seed) => ({
    seed,
    of: presetWorkload("moonlight", seed, { workers: WORKERS, groups: GROUPS }),
  }));
  console.log(
    "| | makespan, × without faults | capacity that was gone | streams reset | tokens lost | tokens twice | unfinished |",
  );
  console.log("|---|---|---|---|---|---|---|");
  const calm = workloads.map(({ seed, of }) =>
    results.sample(`faults, none, seed ${seed}`, () => ({
      seconds: run(of, seed, []).makespanSeconds,
    })),
  );
  const bars = KINDS.map((kind) => {
    const samples = workloads.map(({ seed, of }) =>
      results.sample(`faults, ${kind}, seed ${seed}`, () => sampleOf(of, kind, seed)),
    );
    const over = intervalOf(
      samples.map(({ seconds }, i) => seconds / (calm[i]?.seconds ?? Number.NaN)),
    );
    const sum = (name: keyof Sample): number =>
      samples.reduce((total, sample) => total + sample[name], 0);
    const gone = (DOWN_SECONDS / EVERY_SECONDS / WORKERS) * (kind === "slow" ? 3 / 4 : 1);
    const counts = [sum("lost"), sum("gaps"), sum("overlaps"), sum("unfinished")];
    console.log(`| ${[kind, shown(over, 3), gone.toFixed(3), ...counts].join(" | ")} |`);
    return { name: kind, value: over };
  });
  plot("B7: makespan, × without faults", bars, 1);
}

type Sample = Numbers<"seconds" | "lost" | "gaps" | "overlaps" | "unfinished">;

function sampleOf(workload: Workload, kind: FaultSpec["kind"], seed: number): Sample {
  const struck = run(workload, seed, strikes(workload, kind));
  return {
    seconds: struck.makespanSeconds,
    lost: struck.lost,
    gaps: gaps(struck),
    overlaps: overlaps(struck),
    unfinished: struck.unfinished,
  };
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
