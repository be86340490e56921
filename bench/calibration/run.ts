/**
 * Schedulers side by side on one fleet, live over sockets, and each beside the same run in virtual time: makespan, T/LB with ρ,
 * the last tenth's share of it, and how far the simulator was from what was measured (goal: 5 %). `live.ts` states the workload.
 * The server records its scheduler's inputs; out of these alone a run is made again (`server/simulator/recorded-workload.ts`).
 *
 *     node bench/calibration/run.ts [--scheduler group-round-robin,least-requests,pull-fcfs,paceline] [--workers 4] [--groups 50]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DISCIPLINE_NAMES, type DisciplineName } from "../../server/scheduler/disciplines/names.ts";
import { type Calibration, calibrate } from "../../server/simulator/calibration.ts";
import { recordedWorkload } from "../../server/simulator/recorded-workload.ts";
import { schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import { RECORDED_ENGINE, runLive } from "./live.ts";

const { values: flags } = parseArgs({
  options: {
    scheduler: { type: "string", default: "group-round-robin,least-requests,pull-fcfs,paceline" },
    workers: { type: "string", default: "4" },
    groups: { type: "string", default: "50" },
  },
});
const fleet = { workers: Number(flags.workers), groups: Number(flags.groups) };
const directory = mkdtempSync(join(tmpdir(), "paceline-live-"));
try {
  const names = flags.scheduler.split(",").map(disciplineNamed);
  printHead();
  for (const name of names) printRow(name, await sideBySide(name, join(directory, name)));
} finally {
  rmSync(directory, { recursive: true });
}

async function sideBySide(name: DisciplineName, file: string): Promise<Calibration> {
  const recording = await runLive(fleet, name, file);
  const recorded = recordedWorkload(recording, RECORDED_ENGINE);
  const scheduler = schedulerNamed(name);
  return calibrate(simulate(recorded.workload, { seed: recording.seed, scheduler }), recorded);
}

function disciplineNamed(name: string): DisciplineName {
  const known = DISCIPLINE_NAMES.find((each) => each === name);
  if (known === undefined) throw new RangeError(`--scheduler: some of ${DISCIPLINE_NAMES}`);
  return known;
}

function printHead(): void {
  console.log("| | live, s | T/LB | ρ | tail share | simulated, s | T/LB | tail share | live is |");
  console.log(`|---|${"---:|".repeat(8)}`);
}

function printRow(name: string, calibration: Calibration): void {
  const { measuredSeconds, simulatedSeconds, bound, apart, tailShares } = calibration;
  const cells = [
    name,
    measuredSeconds.toFixed(1),
    (measuredSeconds / bound.seconds).toFixed(3),
    bound.rho.toFixed(2),
    tailShares.measured.toFixed(2),
    simulatedSeconds.toFixed(1),
    (simulatedSeconds / bound.seconds).toFixed(3),
    tailShares.simulated.toFixed(2),
    `${apart < 0 ? "−" : "+"}${Math.abs(100 * apart).toFixed(1)} %`,
  ];
  console.log(`| ${cells.join(" | ")} |`);
}
