/**
 * Schedulers side by side on one fleet, live over sockets, and each beside the same run in virtual time: makespan, T/LB with ρ,
 * the last tenth's share of it, and how far the simulator was from what was measured (goal: 5 %). `live.ts` states the workload.
 * The server records its scheduler's inputs; out of these alone a run is made again (`server/simulator/recorded-workload.ts`),
 * `SEEDS` times, since where ties are broken by chance, or rollouts are cut, a run is one of many.
 *
 *     node bench/calibration/run.ts [--scheduler group-round-robin,least-requests,pull-fcfs,paceline] [--workers 4] [--groups 50] [--recordings DIR]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DISCIPLINE_NAMES, type DisciplineName } from "../../server/scheduler/disciplines/names.ts";
import { type Calibration, calibrate } from "../../server/simulator/calibration.ts";
import { AS_LIVE } from "../../server/simulator/options.ts";
import { recordedWorkload } from "../../server/simulator/recorded-workload.ts";
import { schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import { RECORDED_ENGINE, runLive } from "./live.ts";

const { values: flags } = parseArgs({
  options: {
    scheduler: { type: "string", default: "group-round-robin,least-requests,pull-fcfs,paceline" },
    workers: { type: "string", default: "4" },
    groups: { type: "string", default: "50" },
    recordings: { type: "string" },
  },
});
const SEEDS = 8;
const fleet = { workers: Number(flags.workers), groups: Number(flags.groups) };
const directory = flags.recordings ?? mkdtempSync(join(tmpdir(), "paceline-live-"));
try {
  const names = flags.scheduler.split(",").map(disciplineNamed);
  printHead();
  for (const name of names) printRow(name, await sideBySide(name, join(directory, name)));
} finally {
  if (flags.recordings === undefined) rmSync(directory, { recursive: true });
}

async function sideBySide(name: DisciplineName, file: string): Promise<readonly Calibration[]> {
  const recording = await runLive(fleet, name, file);
  const recorded = recordedWorkload(recording, RECORDED_ENGINE);
  const scheduler = schedulerNamed(name);
  return Array.from({ length: SEEDS }, (_, i) => {
    const seed = recording.seed + i;
    return calibrate(simulate(recorded.workload, { seed, scheduler, driver: AS_LIVE }), recorded);
  });
}

function disciplineNamed(name: string): DisciplineName {
  const known = DISCIPLINE_NAMES.find((each) => each === name);
  if (known === undefined) throw new RangeError(`--scheduler: some of ${DISCIPLINE_NAMES}`);
  return known;
}

function printHead(): void {
  console.log(
    "| | ρ | live, s | T/LB | tail share | simulated, s | T/LB | tail share | of all seeds | live is |",
  );
  console.log(`|---|${"---:|".repeat(9)}`);
}

function printRow(name: string, runs: readonly Calibration[]): void {
  const [first] = runs;
  if (first === undefined) throw new Error("no run was made again");
  const { measuredSeconds, bound, tailShares } = first;
  const mean = (of: (run: Calibration) => number): number =>
    runs.reduce((sum, run) => sum + of(run), 0) / runs.length;
  const seconds = runs.map(({ simulatedSeconds }) => simulatedSeconds);
  const simulated = mean(({ simulatedSeconds }) => simulatedSeconds);
  const apart = 100 * (measuredSeconds / simulated - 1);
  const cells = [
    name,
    bound.rho.toFixed(2),
    measuredSeconds.toFixed(1),
    (measuredSeconds / bound.seconds).toFixed(3),
    tailShares.measured.toFixed(2),
    simulated.toFixed(1),
    (simulated / bound.seconds).toFixed(3),
    mean((run) => run.tailShares.simulated).toFixed(2),
    `${Math.min(...seconds).toFixed(1)} to ${Math.max(...seconds).toFixed(1)}`,
    `${apart < 0 ? "−" : "+"}${Math.abs(apart).toFixed(1)} %`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
