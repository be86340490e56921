/**
 * B5: agents in sessions of many turns, all with one system prompt, at about one and a half times the fleet's KV. Hit ratio:
 * prompt tokens that were not computed, beside that of a cache without an end. KV imbalance, until nine tenths of the turns are
 * over, since then few sessions are left: what the fullest worker held on its mean over time, above the workers' mean; and
 * what the fullest held at a moment, above their mean then.
 */
import type { Run } from "../../server/simulator/run.ts";
import type { SchedulerName } from "../../server/simulator/schedulers.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import type { Workload } from "../../server/simulator/workload.ts";
import { AGENTIC_SYSTEM_TOKENS } from "../../server/simulator/workloads/agentic.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { type Column, compare, printRows, shown } from "./comparison.ts";
import { evenness } from "./homes.ts";
import { intervalOf } from "./interval.ts";
import type { Numbers } from "./results.ts";
import type { Budget } from "./run.ts";

const SCHEDULERS: readonly SchedulerName[] = [
  "consistent-hash",
  "sticky-least-loaded",
  "cache-aware",
  "dynamo",
  "thunder-agent",
  "paceline",
];
const BLOCK_TOKENS = 256;

type Measured = "hits" | "imbalance" | "imbalanceNow" | "turns" | "sessionMean" | "sessionP99";
const COLUMNS: readonly (readonly [Measured, name: string, digits: number])[] = [
  ["hits", "hit ratio", 3],
  ["imbalance", "KV imbalance over time", 3],
  ["imbalanceNow", "at a moment", 3],
  ["turns", "turns a minute", 0],
  ["sessionMean", "a session, s: mean", 0],
  ["sessionP99", "p99", 0],
];

export function b5(budget: Budget): void {
  console.log("\n## B5: agents");
  const workloadOf = (seed: number): Workload => presetWorkload("agentic", seed);
  const workloads = budget.seeds.map(workloadOf);
  const endless = intervalOf(workloads.map(endlessHits));
  const prompts = new Map(
    workloads.map((workload, i) => [budget.seeds[i] ?? 0, promptTokens(workload)]),
  );
  const measure = (run: Run): Numbers<Measured> => measured(run, prompts.get(run.seed) ?? 0);
  const rows = compare("agentic", workloadOf, SCHEDULERS, budget, measure);
  const columns = COLUMNS.map(
    ([of, name, digits]): Column<Measured> => ({
      name,
      cell: ({ samples }) => shown(intervalOf(samples.map((sample) => sample[of])), digits),
    }),
  );
  printRows("agentic", rows, budget, columns);
  console.log(`\nHit ratio of a cache without an end: ${shown(endless, 3)}`);
  const even = workloads.map((workload, i) => {
    const seed = budget.seeds[i] ?? 0;
    return budget.results.sample(`agentic, as even as can be, seed ${seed}`, () =>
      evenness(simulate(workload, { seed }), workload, AGENTIC_SYSTEM_TOKENS),
    );
  });
  const [dealt, homes] = (["dealt", "homes"] as const).map((of) =>
    shown(intervalOf(even.map((each) => each[of])), 3),
  );
  console.log(
    `KV imbalance at a moment of paceline's turns, dealt anew at each: ${dealt}; one home a session, all times known: ${homes}`,
  );
}

function measured(run: Run, prompts: number): Numbers<Measured> {
  const { rollouts, prefilledTokens, makespanSeconds } = run;
  const sessions = sessionSeconds(run).toSorted((a, b) => a - b);
  return {
    hits: 1 - prefilledTokens / prompts,
    ...imbalances(run),
    turns: (60 * rollouts.length) / makespanSeconds,
    sessionMean: sessions.reduce((sum, seconds) => sum + seconds, 0) / sessions.length,
    sessionP99: sessions[Math.ceil(0.99 * sessions.length) - 1] ?? Number.NaN,
  };
}

function imbalances({ timeline, rollouts }: Run): Numbers<"imbalance" | "imbalanceNow"> {
  const samples = timeline.filter(({ finished }) => finished < 0.9 * rollouts.length);
  const over: number[] = [];
  let now = 0;
  let busy = 0;
  for (const { kvTokens } of samples) {
    for (const [i, tokens] of kvTokens.entries()) over[i] = (over[i] ?? 0) + tokens;
    const above = aboveMean(kvTokens);
    if (above === null) continue;
    now += above;
    busy++;
  }
  return { imbalance: aboveMean(over) ?? Number.NaN, imbalanceNow: now / busy };
}

/** Null where nobody holds anything. */
function aboveMean(values: readonly number[]): number | null {
  const sum = values.reduce((total, value) => total + value, 0);
  return sum === 0 ? null : (Math.max(...values) * values.length) / sum - 1;
}

/** Of each session, from its first turn's arrival to its last one's end; the id of a turn is its session's and a number. */
function sessionSeconds({ rollouts }: Run): number[] {
  const sessions = Map.groupBy(rollouts, ({ id }) => id.slice(0, id.lastIndexOf(".")));
  return [...sessions.values()].map((turns) => {
    const ends = turns.map(({ finishSeconds }) => finishSeconds ?? Number.NaN);
    return Math.max(...ends) - Math.min(...turns.map(({ arrivalSeconds }) => arrivalSeconds));
  });
}

const promptTokens = ({ rollouts }: Workload): number =>
  rollouts.reduce((sum, rollout) => sum + rollout.promptTokens, 0);

/** Share of prompt tokens in blocks that an earlier turn has, or made. */
function endlessHits(workload: Workload): number {
  const seen = new Set<number>();
  let hits = 0;
  for (const { prefix } of workload.rollouts) {
    for (const hash of prefix) {
      if (seen.has(hash)) hits += BLOCK_TOKENS;
      else seen.add(hash);
    }
  }
  return hits / promptTokens(workload);
}
