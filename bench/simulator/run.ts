/**
 * Schedulers against each other and against the bound, in virtual time: T/LB with ρ, means over seeds with 95 % intervals, as
 * Markdown. The whole takes an hour; `--quick` some minutes.
 *
 *   node bench/simulator/run.ts [--quick] [--seeds 10] [--only b1,b2,b4,b5,b6,b7,rounds]
 */
import { parseArgs } from "node:util";
import type { SchedulerName } from "../../server/simulator/schedulers.ts";
import { b1 } from "./b1.ts";
import { b2 } from "./b2.ts";
import { b4 } from "./b4.ts";
import { b5 } from "./b5.ts";
import { b6 } from "./b6.ts";
import { b7 } from "./b7.ts";
import { rounds } from "./rounds.ts";

export interface Budget {
  readonly seeds: readonly number[];
  readonly quick: boolean;
  /** Before each scheduler's runs. */
  readonly told: (scheduler: SchedulerName) => void;
}

const SCENARIOS: Readonly<Record<string, (budget: Budget) => void>> = {
  b1,
  b2,
  b4,
  b5,
  b6,
  b7,
  rounds,
};

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    seeds: { type: "string" },
    only: { type: "string", default: Object.keys(SCENARIOS).join(",") },
  },
});
const seeds = Number(values.seeds ?? (values.quick ? 3 : 10));
if (!Number.isSafeInteger(seeds) || seeds < 1) throw new RangeError("--seeds is a count");
const budget: Budget = {
  seeds: Array.from({ length: seeds }, (_, i) => i + 1),
  quick: values.quick,
  told: (scheduler) => void process.stderr.write(`${scheduler}\n`),
};
for (const name of values.only.split(",")) {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new RangeError(`--only is one of ${Object.keys(SCENARIOS)}`);
  scenario(budget);
}
