/**
 * Scheduler: µs per decision at 10, 100 and 1,000 workers × 1,000 and 100,000 waiting, how that grows,
 * and the regret of the placement index. About a minute. Goals: ≤ 20 µs, growth no worse than
 * logarithmic, regret ≤ 1 %.
 *
 *   node --expose-gc bench/scheduler/run.ts [--quick]
 */
import { parseArgs } from "node:util";
import { type DecisionTiming, timeDecisions } from "./decisions.ts";
import { measureRegret } from "./regret.ts";
import { seededRandom } from "./workload.ts";

const GOAL_MICROS = 20;
const GOAL_REGRET = 0.01;
const WORKERS = [10, 100, 1_000];
const WAITING = [1_000, 100_000];

const { values } = parseArgs({ options: { quick: { type: "boolean", default: false } } });
const decisions = values.quick ? 2_000 : 20_000;
const states = values.quick ? 2_000 : 10_000;

const cell = (text: string | number): string => String(text).padStart(10);
const row = (cells: readonly (string | number)[]): void => console.log(cells.map(cell).join(""));
const met = (yes: boolean): string => (yes ? "met" : "MISSED");

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
timeDecisions(10, 1_000, 2_000, 2_000);

console.log(
  "Full fleet, CPU per event: ends and the grants that they bring; offers that have to wait\n",
);
row(["workers", "waiting", "running", "decisions", "decide µs", "offer µs", "B/waiting"]);
const timings: DecisionTiming[] = [];
for (const workers of WORKERS) {
  for (const waiting of WAITING) {
    const timing = timeDecisions(workers, waiting, decisions, 8_000);
    timings.push(timing);
    row([
      workers,
      waiting,
      timing.running,
      timing.decisions,
      timing.decisionMicros.toFixed(1),
      timing.offerMicros.toFixed(1),
      timing.bytesPerWaiting === null ? "-" : Math.round(timing.bytesPerWaiting),
    ]);
  }
}

yardstick.push(lookupMicros());
const lookup = Math.min(...yardstick);
const mean = (workers: number, waiting: number): number =>
  timings.find((each) => each.workers === workers && each.waiting === waiting)?.decisionMicros ??
  Number.NaN;
const worst = Math.max(...timings.map((timing) => timing.decisionMicros));
console.log(
  `\nworst mean ${worst.toFixed(1)} µs, goal ${GOAL_MICROS}: ${met(worst <= GOAL_MICROS)}`,
);
console.log(
  `yardstick: one Map lookup among 100,000 keys ${(lookup * 1_000).toFixed(0)} ns, so that is ${(worst / lookup).toFixed(0)} lookups`,
);
for (const waiting of WAITING) {
  const ratio = mean(1_000, waiting) / mean(10, waiting);
  console.log(`workers × 100 at ${waiting} waiting: time × ${ratio.toFixed(2)} (log: × 3.00)`);
}
for (const workers of WORKERS) {
  const ratio = mean(workers, 100_000) / mean(workers, 1_000);
  console.log(`waiting × 100 at ${workers} workers: time × ${ratio.toFixed(2)} (log: × 1.67)`);
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
