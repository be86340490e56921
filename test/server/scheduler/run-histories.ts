/**
 * Random histories of the scheduler, as many as wanted: `npm run histories -- --count 100000`. What fails is minimised and
 * printed with the seed and path that show it again.
 */
import { parseArgs } from "node:util";
import fc from "fast-check";
import { histories, report } from "./history-steps.ts";
import { ModelFleet } from "./model-fleet.ts";

/** Histories between two lines of progress. */
const PORTION = 5_000;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    path: { type: "string" },
  },
});
const count = Number(values.count);
const seed = Number(values.seed);
if (!(count >= 1) || !Number.isInteger(seed))
  throw new Error("--count and --seed are whole numbers");

let [made, steps] = [0, 0];
console.log(`${count} histories, seed ${seed}`);
fc.assert(
  fc.property(histories, (history) => {
    new ModelFleet().live(history.map(([, act]) => act));
    steps += history.length;
    if (++made % PORTION === 0) console.log(`${made} histories, ${steps} steps`);
  }),
  {
    seed,
    numRuns: count,
    reporter: report,
    ...(values.path === undefined ? {} : { path: values.path, endOnFailure: true }),
  },
);
console.log(`${made} histories of ${steps} steps kept every rule: seed ${seed}`);
