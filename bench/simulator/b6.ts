/**
 * B6: 64 LoRA adapters of one base, asked for by Zipf's law in a stream of groups, on 8 workers that hold 8 of them at once; every
 * minute each adapter has a new version, which must be loaded anew. Against the same stream where no load takes time or room.
 */
import type { Run } from "../../server/simulator/run.ts";
import { type SchedulerName, schedulerNamed } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import type { Workload } from "../../server/simulator/workload.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { shown } from "./comparison.ts";
import { intervalOf } from "./interval.ts";
import type { Numbers } from "./results.ts";
import type { Budget } from "./run.ts";

const SCHEDULERS: readonly SchedulerName[] = [
  "request-round-robin",
  "least-requests",
  "consistent-hash",
  "dynamo",
  "paceline",
];
const VERSION_SECONDS = 60;

export function b6({ seeds, results, plot }: Budget): void {
  console.log(`\n## B6: many adapters, ${seeds.length} seeds\n`);
  const workloads = seeds.map((seed) => ({ seed, of: presetWorkload("multi-tenant", seed) }));
  const columns =
    "scheduler | loads a rollout | tokens/s, of no loads | mean time of a rollout, × no loads | Jain's index of tenants | with no loads";
  console.log(`| ${columns} |\n|${"---|".repeat(columns.split("|").length)}`);
  const bars = SCHEDULERS.map((scheduler) => {
    const samples = workloads.map(({ seed, of }) =>
      results.sample(`adapters, ${scheduler}, seed ${seed}`, () => sampleOf(of, scheduler, seed)),
    );
    const value = (name: keyof Sample) => intervalOf(samples.map((sample) => sample[name]));
    const cells = COLUMNS.map((name) => shown(value(name), 3));
    console.log(`| ${[scheduler, ...cells].join(" | ")} |`);
    return { name: scheduler, value: value("slower") };
  });
  plot("B6: mean time of a rollout, × no loads", bars, 1);
}

type Sample = Numbers<"loads" | "rate" | "slower" | "jain" | "jainFree">;
const COLUMNS: readonly (keyof Sample)[] = ["loads", "rate", "slower", "jain", "jainFree"];

function sampleOf(workload: Workload, scheduler: SchedulerName, seed: number): Sample {
  const loaded = run(workload, scheduler, seed);
  const free = run(withoutLoads(workload), scheduler, seed);
  return {
    loads: loaded.adapterLoads / loaded.rollouts.length,
    rate: free.makespanSeconds / loaded.makespanSeconds,
    slower: meanSeconds(loaded) / meanSeconds(free),
    jain: jain(paces(workload, loaded)),
    jainFree: jain(paces(workload, free)),
  };
}

function run(workload: Workload, scheduler: SchedulerName, seed: number): Run {
  const done = simulate(workload, {
    seed,
    scheduler: schedulerNamed(scheduler),
    adapterSeconds: VERSION_SECONDS,
  });
  if (done.unfinished > 0) throw new Error(`${scheduler}: ${done.unfinished} did not finish`);
  return done;
}

function withoutLoads(workload: Workload): Workload {
  const workers = workload.fleet.workers.map((worker) => ({ ...worker, adapters: null }));
  return { ...workload, fleet: { workers } };
}

const secondsOf = ({ arrivalSeconds, finishSeconds }: Run["rollouts"][number]): number =>
  (finishSeconds ?? Number.NaN) - arrivalSeconds;

const meanSeconds = ({ rollouts }: Run): number =>
  rollouts.reduce((sum, each) => sum + secondsOf(each), 0) / rollouts.length;

/** Tokens a second of each tenant's rollouts, from their arrival on. */
function paces({ rollouts: asked }: Workload, { rollouts }: Run): number[] {
  const tenants = new Map<string, { tokens: number; seconds: number }>();
  for (const [i, each] of rollouts.entries()) {
    const policy = asked[i]?.policy ?? "";
    const { tokens, seconds } = tenants.get(policy) ?? { tokens: 0, seconds: 0 };
    tenants.set(policy, {
      tokens: tokens + each.outputTokens,
      seconds: seconds + secondsOf(each),
    });
  }
  return [...tenants.values()].map(({ tokens, seconds }) => tokens / seconds);
}

/** 1 where all have the same, 1/n where one has all. */
function jain(values: readonly number[]): number {
  const sum = values.reduce((total, value) => total + value, 0);
  return sum ** 2 / (values.length * values.reduce((total, value) => total + value ** 2, 0));
}
