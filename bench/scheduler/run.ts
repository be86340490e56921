/**
 * Scheduler: µs per decision at 10, 100 and 1,000 workers × 1,000 and 100,000 waiting, how that grows, and the regret of the
 * placement index. Minutes. Goals: ≤ 20 µs, growth no worse than logarithmic, regret ≤ 1 %.
 *
 * A decision is an input handled to its end, whatever it starts included: an end, an offer, a report of progress. Beside each
 * of these stands what a rollout costs at both its ends: the CPU of all ends and offers, per grant. Linux counts a thread's CPU
 * in ticks of some ms: a figure of 2,000 ends (`--quick`) is good to a third, of 20,000 to a tenth.
 *
 *   node --expose-gc bench/scheduler/run.ts [--quick] [--workers 10,100,1000] [--waiting 1000,100000]
 */
import { parseArgs } from "node:util";
import { type Cost, type DecisionTiming, timeDecisions } from "./decisions.ts";
import { measureRegret } from "./regret.ts";
import { seededRandom } from "./workload.ts";

const GOAL_MICROS = 20;
const GOAL_REGRET = 0.01;
/** On a worker, and in all: what runs must fit this machine's memory, some 1 KB each. */
const MAX_RUNNING = 256;
const RUNNING_IN_ALL = 400_000;
const INPUTS = ["end", "offer", "progress"] as const;

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    workers: { type: "string", default: "10,100,1000" },
    waiting: { type: "string", default: "1000,100000" },
  },
});
const WORKERS = values.workers.split(",").map(Number);
const WAITING = values.waiting.split(",").map(Number);
if (![...WORKERS, ...WAITING].every((count) => Number.isSafeInteger(count) && count > 0)) {
  throw new RangeError("--workers and --waiting are lists of counts");
}
const ends = values.quick ? 2_000 : 20_000;
const states = values.quick ? 2_000 : 10_000;

const cell = (text: string | number): string => String(text).padStart(10);
const row = (cells: readonly (string | number)[]): void => console.log(cells.map(cell).join(""));
const met = (yes: boolean): string => (yes ? "met" : "MISSED");
const each = ({ events, micros }: Cost): number => micros / events;
const perGrant = ({ end, offer, grants }: DecisionTiming): number =>
  (end.micros + offer.micros) / grants;

/** A lookup of a string key in a Map of 100,000, in random order: what this machine's memory is like right now. */
function lookupMicros(): number {
  const random = seededRandom(1);
  const keys = Array.from({ length: 100_000 }, (_, i) => `job-${i % 8}/r-${i}`);
  const map = new Map(keys.map((key) => [key, { key }]));
  const lookups = 300_000;
  let found = 0;
  const began = process.threadCpuUsage();
  for (let i = 0; i < lookups; i++) {
    if (map.get(keys[random.u32() % keys.length] ?? "") !== undefined) found++;
  }
  const ended = process.threadCpuUsage();
  if (found !== lookups) throw new Error("a key went missing");
  return (ended.user + ended.system - began.user - began.system) / lookups;
}

const yardstick = [lookupMicros(), lookupMicros()];

// Compiles what the first row would otherwise pay for.
timeDecisions({ workers: 10, waiting: 1_000, maxRunning: 256 }, 1_000);

console.log("Full fleet, steady: CPU of an input, µs; per grant that of all ends and offers\n");
const titles = ["workers", "waiting", "running", "grants", ...INPUTS, "per grant", "B/waiting"];
row(titles);
const timings: DecisionTiming[] = [];
for (const workers of WORKERS) {
  const maxRunning = Math.max(1, Math.min(MAX_RUNNING, Math.floor(RUNNING_IN_ALL / workers)));
  for (const waiting of WAITING) {
    const timing = timeDecisions({ workers, waiting, maxRunning }, ends);
    timings.push(timing);
    row([
      workers,
      waiting,
      timing.running,
      (timing.grants / timing.end.events).toFixed(2),
      ...INPUTS.map((input) => each(timing[input]).toFixed(1)),
      perGrant(timing).toFixed(1),
      timing.bytesPerWaiting === null ? "-" : Math.round(timing.bytesPerWaiting),
    ]);
  }
}
yardstick.push(lookupMicros());
const lookup = Math.min(...yardstick) * 1_000;
console.log(`\nyardstick: one Map lookup among 100,000 keys ${lookup.toFixed(0)} ns`);

const measures: readonly (readonly [string, (timing: DecisionTiming) => number])[] = [
  ...INPUTS.map((input) => [input, (timing: DecisionTiming) => each(timing[input])] as const),
  ["per grant", perGrant],
];
for (const [name, of] of measures) {
  const worst = Math.max(...timings.map(of));
  console.log(
    `${name}: worst ${worst.toFixed(1)} µs, goal ${GOAL_MICROS}: ${met(worst <= GOAL_MICROS)}`,
  );
}
const first = timings[0];
const last = timings.at(-1);
if (first !== undefined && last !== undefined) {
  const size = ({ workers, waiting }: DecisionTiming): number => workers * waiting;
  const log = Math.log(size(last)) / Math.log(size(first));
  const growth = perGrant(last) / perGrant(first);
  console.log(`first to last row, per grant: × ${growth.toFixed(2)} (log: × ${log.toFixed(2)})`);
}

console.log(
  "\nIndex against a full scan, same costs, load swinging between 5 % and all of the room\n",
);
row(["workers", "states", "mean %", "p99 %", "worst %", "exact %", "index µs", "scan µs"]);
let regret = 0;
for (const workers of WORKERS) {
  const result = measureRegret(workers, states);
  regret = Math.max(regret, result.mean);
  const percent = (share: number): string => (share * 100).toFixed(2);
  row([
    workers,
    result.states,
    percent(result.mean),
    percent(result.p99),
    percent(result.worst),
    percent(result.exact),
    result.indexMicros.toFixed(1),
    result.scanMicros.toFixed(1),
  ]);
}
const reached = `worst mean regret ${(regret * 100).toFixed(2)} %`;
console.log(`\n${reached}, goal ${GOAL_REGRET * 100} %: ${met(regret <= GOAL_REGRET)}`);
