/**
 * Random histories of the scheduler, as many as wanted: `npm run histories -- --count 100000`; or one in which everything is
 * said over and over: `--duplicates 1000000`. What fails is minimised and printed with the command that plays it again.
 */
import { parseArgs } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { duplicates } from "./duplicates.ts";
import { histories, readHistory } from "./history-steps.ts";
import { live, reportOf } from "./minimise.ts";
import { SUBJECTS } from "./subjects.ts";

/** Histories between two lines of progress. */
const PORTION = 5_000;

setFlagsFromString("--expose-gc");
const collect: () => void = runInNewContext("gc");

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "100000" },
    duplicates: { type: "string" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 31)) },
    scheduler: { type: "string", default: "paceline" },
    path: { type: "string" },
    history: { type: "string" },
  },
});
const seed = Number(values.seed);
const count = Number(values.duplicates ?? values.count);
if (!(count >= 1) || !Number.isInteger(seed))
  throw new Error("--count, --duplicates and --seed are whole numbers");
const { scheduler, path } = values;
const subject = SUBJECTS.get(scheduler);
if (subject === undefined)
  throw new Error(`--scheduler is one of ${[...SUBJECTS.keys()].join(", ")}`);

if (values.history !== undefined) {
  live(readHistory(values.history), subject);
  console.log("the history keeps every rule");
} else if (values.duplicates !== undefined) {
  duplicates(count, seed, subject, scheduler, (made) => {
    collect();
    const heap = process.memoryUsage().heapUsed / 2 ** 20;
    console.log(`${made} duplicates, heap ${heap.toFixed(1)} MiB`);
  });
  console.log(`${count} duplicates broke no rule: seed ${seed}`);
} else {
  let [made, steps] = [0, 0];
  console.log(`${count} histories of ${scheduler}, seed ${seed}`);
  fc.assert(
    fc.property(histories, (history) => {
      live(history, subject);
      steps += history.length;
      if (++made % PORTION === 0) console.log(`${made} histories, ${steps} steps`);
    }),
    {
      seed,
      numRuns: count,
      reporter: reportOf(scheduler, subject),
      ...(path === undefined ? {} : { path, endOnFailure: true }),
    },
  );
  console.log(`${made} histories of ${steps} steps kept every rule: seed ${seed}`);
}
