/**
 * Schedulers against each other and against the bound, in virtual time: T/LB with ρ, means over seeds with 95 % intervals, as
 * Markdown. The whole takes hours; `--quick` some minutes. `--results` keeps what single runs gave, so that a table that was cut off
 * goes on; `--plots` draws each table's first column; `--schedulers` leaves only these rows in the tables of B1, B2 and B5.
 *
 *   node bench/simulator/run.ts [--quick] [--seeds 10] [--first 1] [--only b1,b2,b3,b4,b5,b6,b7,resolution,rounds] [--schedulers NAMES]
 *     [--results FILE] [--plots DIR]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SCHEDULER_NAMES } from "../../server/simulator/schedulers.ts";
import { b1 } from "./b1.ts";
import { b2 } from "./b2.ts";
import { b3 } from "./b3.ts";
import { b4 } from "./b4.ts";
import { b5 } from "./b5.ts";
import { b6 } from "./b6.ts";
import { b7 } from "./b7.ts";
import { type Bar, barsOf } from "./bars.ts";
import { resolution } from "./resolution.ts";
import { commitOfBench, Results } from "./results.ts";
import { rounds } from "./rounds.ts";

export interface Budget {
  readonly seeds: readonly number[];
  readonly quick: boolean;
  /** Which rows are run; null: all of a table. */
  readonly rows: ReadonlySet<string> | null;
  readonly results: Results;
  /** One column as a picture; `base`: where its bars begin. */
  readonly plot: (title: string, bars: readonly Bar[], base: number) => void;
}

const SCENARIOS: Readonly<Record<string, (budget: Budget) => void>> = {
  b1,
  b2,
  b3,
  b4,
  b5,
  b6,
  b7,
  resolution,
  rounds,
};

const { values } = parseArgs({
  options: {
    results: { type: "string" },
    plots: { type: "string" },
    schedulers: { type: "string" },
    quick: { type: "boolean", default: false },
    seeds: { type: "string" },
    first: { type: "string", default: "1" },
    only: { type: "string", default: Object.keys(SCENARIOS).join(",") },
  },
});
const seeds = Number(values.seeds ?? (values.quick ? 3 : 10));
if (!Number.isSafeInteger(seeds) || seeds < 1) throw new RangeError("--seeds is a count");
const first = Number(values.first);
if (!Number.isSafeInteger(first) || first < 0) throw new RangeError("--first is a seed");
const rows = values.schedulers === undefined ? null : new Set(values.schedulers.split(","));
for (const name of rows ?? []) {
  if (!SCHEDULER_NAMES.some((known) => known === name))
    throw new RangeError(`--schedulers are of ${SCHEDULER_NAMES}`);
}
const budget: Budget = {
  seeds: Array.from({ length: seeds }, (_, i) => first + i),
  quick: values.quick,
  rows,
  results: new Results(values.results ?? null, values.results === undefined ? "" : commitOfBench()),
  plot(title, bars, base) {
    if (values.plots === undefined) return;
    mkdirSync(values.plots, { recursive: true });
    const name = title.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
    writeFileSync(join(values.plots, `${name}.svg`), barsOf(title, bars, base));
  },
};
for (const name of values.only.split(",")) {
  const scenario = SCENARIOS[name];
  if (scenario === undefined) throw new RangeError(`--only is one of ${Object.keys(SCENARIOS)}`);
  scenario(budget);
}
