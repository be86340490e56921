/** `paceline simulate`: a workload on a simulated fleet in virtual time, under the scheduler that serves live. */
import { readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { SingleBar } from "cli-progress";
import { Command } from "commander";
import { PacelineError } from "../contract/errors.ts";
import type { OnUpdate } from "../contract/policy.ts";
import type { Recording } from "../scheduler/recording.ts";
import { calibrate, calibrationLine } from "../simulator/calibration.ts";
import type { FaultSpec } from "../simulator/faults.ts";
import { AS_LIVE, type Resolution } from "../simulator/options.ts";
import { plotRun } from "../simulator/plot.ts";
import { recordedWorkload } from "../simulator/recorded-workload.ts";
import type { Run } from "../simulator/run.ts";
import { SCHEDULER_NAMES, type SchedulerName, schedulerNamed } from "../simulator/schedulers.ts";
import { simulate } from "../simulator/simulate.ts";
import { tableOf } from "../simulator/table.ts";
import type { Workload } from "../simulator/workload.ts";
import type { Resume } from "../simulator/workloads/fleets.ts";
import { PRESET_NAMES, type PresetName, presetWorkload } from "../simulator/workloads/presets.ts";
import { readTrace } from "../simulator/workloads/trace.ts";

const ON_UPDATE: readonly OnUpdate[] = ["keep", "reprefill", "finish"];
const FAULT_KINDS = ["kill", "hang", "slow"] as const;
const RESOLUTION_NAMES: readonly Resolution[] = ["exact", "fluid"];
/** Between two lines of progress in a log. */
const PROGRESS_MS = 5_000;
const RESUMES: readonly Resume[] = ["recompute", "host", "pool"];

interface SimulateOptions {
  workload: PresetName;
  trace?: string;
  recording?: string;
  prefillChunk: number;
  blockTokens: number;
  seed?: number;
  workers?: number;
  groups?: number;
  resume: Resume;
  scheduler?: SchedulerName;
  resolution: Resolution;
  telemetryDelay: number;
  onUpdate: OnUpdate;
  wave?: number;
  staleness: number;
  adapterSeconds?: number;
  fault: readonly FaultSpec[];
  json?: string;
  svg?: string;
  quiet?: boolean;
}

export function simulateCommand(): Command {
  return new Command("simulate")
    .description(
      "run a workload on a simulated fleet in virtual time, under the scheduler that serves live",
    )
    .option(
      "-w, --workload <name>",
      `preset: ${PRESET_NAMES.join(", ")}`,
      oneOf("workload", PRESET_NAMES),
      "short16k",
    )
    .option(
      "-t, --trace <jsonl>",
      "a trace instead of a preset, one rollout a line; its own fleet, or with --workers the preset's",
    )
    .option(
      "--scheduler <name>",
      `who schedules: ${SCHEDULER_NAMES.join(", ")} (docs/operations.md; default: whoever did in the recording, else paceline)`,
      oneOf("scheduler", SCHEDULER_NAMES),
    )
    .option(
      "-r, --recording <json>",
      "a run that `paceline serve --record` recorded, to be made again and compared",
    )
    .option(
      "--prefill-chunk <n>",
      "of the engines in a recording, which does not tell it, tokens",
      whole("prefill-chunk", 1),
      512,
    )
    .option(
      "--block-tokens <n>",
      "by which the engines in a recording share beginnings: a divisor of 256",
      whole("block-tokens", 1),
      16,
    )
    .option(
      "--seed <n>",
      "of lengths and ties: same seed, same bytes (default: the recording's, else 1)",
      whole("seed", 0),
    )
    .option(
      "--workers <n>",
      "as many of the fleet's workers (default: the preset's)",
      whole("workers", 1),
    )
    .option("--groups <n>", "as many groups (default: the preset's)", whole("groups", 1))
    .option(
      "--resume <how>",
      `where KV of a context that was cut is kept: ${RESUMES.join(", ")}`,
      oneOf("resume", RESUMES),
      "recompute",
    )
    .option(
      "--resolution <how>",
      `${RESOLUTION_NAMES.join(", ")}: for fleets of thousands: workers are looked at less often`,
      oneOf("resolution", RESOLUTION_NAMES),
      "exact",
    )
    .option(
      "--telemetry-delay <s>",
      "age of telemetry when the scheduler sees it",
      seconds("telemetry-delay"),
      0.1,
    )
    .option(
      "--on-update <how>",
      `what a trainer's new version does to what runs: ${ON_UPDATE.join(", ")}`,
      oneOf("on-update", ON_UPDATE),
      "keep",
    )
    .option("--wave <n>", "workers that are updated at once (default: all)", whole("wave", 1))
    .option("--staleness <n>", "versions that a rollout may be behind", whole("staleness", 0), 1)
    .option(
      "--adapter-seconds <s>",
      "between two versions of each LoRA adapter (default: they stay as they are)",
      seconds("adapter-seconds"),
    )
    .option(
      "--fault <spec>",
      "kill|hang|slow:WORKER:AT:FOR[:FACTOR], in seconds; may be given again",
      faults,
      [],
    )
    .option("--json <file>", "write the whole run: each rollout's attempts, samples of the fleet")
    .option("--svg <file>", "write a picture: workers × time")
    .option("-q, --quiet", "no progress")
    .addHelpText(
      "after",
      "\nExit code: 0 all rollouts finished, 1 some could not, 2 called wrongly." +
        "\n\nExamples:\n  paceline simulate --workload moonlight --seed 1 --svg moonlight.svg" +
        "\n  paceline simulate --trace trace.jsonl --json run.json",
    )
    .action(run);
}

function run(options: SimulateOptions): void {
  const { prefillChunk, blockTokens } = options;
  const recording = options.recording === undefined ? null : readRecording(options.recording);
  const recorded =
    recording === null ? null : recordedWorkload(recording, { prefillChunk, blockTokens });
  const { seed = recording?.seed ?? 1, scheduler = recording?.scheduler ?? "paceline" } = options;
  const workload = recorded?.workload ?? workloadOf(options, seed);
  const bar = options.quiet === true ? null : progressBar(workload);
  const done = simulate(workload, {
    seed,
    scheduler: schedulerNamed(scheduler),
    resolution: options.resolution,
    driver: {
      ...(recording === null ? {} : AS_LIVE),
      telemetryDelaySeconds: options.telemetryDelay,
    },
    staleness: options.staleness,
    faults: options.fault,
    adapterSeconds: options.adapterSeconds ?? null,
    updates: {
      onUpdate: options.onUpdate,
      ...(options.wave === undefined ? {} : { wave: options.wave }),
    },
    ...(bar === null ? {} : { progress: bar.show }),
  });
  bar?.stop(done);
  process.stdout.write(tableOf(done));
  if (recorded !== null) process.stdout.write(calibrationLine(calibrate(done, recorded)));
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(done)}\n`);
  if (options.svg !== undefined) writeFileSync(options.svg, plotRun(done));
  if (done.unfinished > 0) process.exitCode = 1;
}

function workloadOf(
  { workload, trace, workers, groups, resume }: SimulateOptions,
  seed: number,
): Workload {
  const changes = {
    resume,
    ...(workers === undefined ? {} : { workers }),
    ...(groups === undefined ? {} : { groups }),
  };
  if (trace === undefined) return presetWorkload(workload, seed, changes);
  const fleet = workers === undefined ? null : presetWorkload(workload, seed, changes).fleet;
  return readTrace(linesOf(trace), { name: basename(trace, ".jsonl"), fleet });
}

function readRecording(file: string): Recording {
  const value: unknown = JSON.parse(linesOf(file).join("\n"));
  if (isRecording(value)) return value;
  throw new PacelineError("invalid_argument", `${file} is no recording of a scheduler`);
}

/** Written by this program: that it is one is all that is asked. */
const isRecording = (value: unknown): value is Recording =>
  typeof value === "object" &&
  value !== null &&
  "inputs" in value &&
  Array.isArray(value.inputs) &&
  "dropped" in value;

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch (thrown) {
    throw new PacelineError("invalid_argument", PacelineError.from(thrown).message);
  }
}

function progressBar({ rollouts }: Workload) {
  const bar = new SingleBar({
    format: "{bar} {value}/{total} rollouts, {virtual} s virtual, {duration_formatted}",
  });
  bar.start(rollouts.length, 0, { virtual: "0" });
  let told = performance.now();
  return {
    show(at: { seconds: number; finished: number }): void {
      const virtual = at.seconds.toFixed(0);
      bar.update(at.finished, { virtual });
      // Where no terminal shows the bar, a line now and then.
      if (process.stderr.isTTY || performance.now() - told < PROGRESS_MS) return;
      told = performance.now();
      process.stderr.write(`${at.finished}/${rollouts.length} rollouts, ${virtual} s virtual\n`);
    },
    stop: ({ finished, makespanSeconds }: Run): void => {
      bar.update(finished, { virtual: makespanSeconds.toFixed(0) });
      bar.stop();
    },
  };
}

const wrong = (name: string, what: string): PacelineError =>
  new PacelineError("invalid_argument", `--${name} is ${what}`);

const whole =
  (name: string, least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= least) return value;
    throw wrong(name, `a whole number, at least ${least}`);
  };

const seconds =
  (name: string) =>
  (text: string): number => {
    const value = Number(text);
    if (Number.isFinite(value) && value >= 0) return value;
    throw wrong(name, "seconds, at least 0");
  };

const oneOf =
  <Name extends string>(name: string, names: readonly Name[]) =>
  (text: string): Name => {
    const found = names.find((each) => each === text);
    if (found !== undefined) return found;
    throw wrong(name, `one of ${names.join(", ")}`);
  };

function faults(text: string, before: readonly FaultSpec[]): readonly FaultSpec[] {
  const [kind, worker, at, length, factor, ...more] = text.split(":");
  const known = FAULT_KINDS.find((each) => each === kind);
  const numbers = [at, length, factor ?? "4"].map(Number);
  const [atSeconds = -1, forSeconds = -1, times = -1] = numbers;
  const sane = numbers.every((value) => Number.isFinite(value) && value >= 0) && times > 0;
  if (known === undefined || worker === undefined || !sane || more.length > 0) {
    throw wrong("fault", `kill|hang|slow:WORKER:AT:FOR[:FACTOR], not ${text}`);
  }
  return [...before, { kind: known, worker, atSeconds, forSeconds, factor: times }];
}
