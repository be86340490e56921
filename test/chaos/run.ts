/** The long chaos run: `npm run chaos -- --minutes 10 [--seed S] [--workers 3] [--lanes 24]`. */
import { parseArgs } from "node:util";
import { runChaos } from "./chaos-run.ts";
import { table } from "./table.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    workers: { type: "string", default: "3" },
    lanes: { type: "string", default: "24" },
  },
});
const seed = Number(values.seed);
console.log(`seed ${seed}`);
const outcome = await runChaos({
  seed,
  ms: Number(values.minutes) * 60_000,
  workers: Number(values.workers),
  lanes: Number(values.lanes),
  regenerated: 200,
});
console.log(table(outcome));
for (const { fault, what } of outcome.findings.slice(0, 50)) console.log(`${fault}: ${what}`);
if (outcome.findings.length > 0) console.log(outcome.lines.slice(-100).join("\n"));
process.exit(outcome.findings.length > 0 ? 1 : 0);
