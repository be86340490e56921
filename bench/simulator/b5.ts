/**
 * B5: agents in sessions of many turns, all with one system prompt, at about one and a half times the fleet's KV. Hit ratio:
 * prompt tokens that were not computed, beside that of a cache without an end.
 */
import type { SchedulerName } from "../../server/simulator/schedulers.ts";
import type { Workload } from "../../server/simulator/workload.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { compare, printRows, type Row, shown } from "./comparison.ts";
import { intervalOf } from "./interval.ts";
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

export function b5(budget: Budget): void {
  const { seeds } = budget;
  console.log("\n## B5: agents");
  const workloads = seeds.map((seed) => presetWorkload("agentic", seed));
  const endless = intervalOf(workloads.map(endlessHits));
  const hits = ({ samples }: Row): string => {
    const ratios = samples.map(({ prefilled }, i) => {
      const prompts = promptTokens(workloads[i]);
      return 1 - prefilled / prompts;
    });
    return shown(intervalOf(ratios), 3);
  };
  const rows = compare("agentic", workloads, SCHEDULERS, budget);
  printRows("agentic", rows, budget, { name: "hit ratio", cell: hits });
  console.log(`\nHit ratio of a cache without an end: ${shown(endless, 3)}`);
}

const promptTokens = (workload: Workload | undefined): number =>
  (workload?.rollouts ?? []).reduce((sum, rollout) => sum + rollout.promptTokens, 0);

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
