/**
 * What the server costs in the middle, on simulated engines that run flat out. Prints Markdown.
 *
 *   node bench/gateway/run.ts [budget] [fronts]      both by default
 *   node bench/gateway/run.ts soak                   5,000 SSE streams for five minutes
 *
 *   --rollouts 600 --concurrency 16 --rounds 3 --unread-ms 100      budget
 *   --interval 16 --install-haproxy                                 fronts
 *   --streams 5000 --seconds 300 --step-seconds 0.2                 soak
 *   --profile DIR    writes the server's CPU profile there
 */
import { parseArgs } from "node:util";
import { measureBudget } from "./budget.ts";
import { compareFronts } from "./comparison.ts";
import { stopAll } from "./processes.ts";
import { soak } from "./soak.ts";
import { machine } from "./table.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rollouts: { type: "string", default: "600" },
    concurrency: { type: "string", default: "16" },
    rounds: { type: "string", default: "3" },
    "unread-ms": { type: "string", default: "100" },
    interval: { type: "string", default: "16" },
    "install-haproxy": { type: "boolean", default: false },
    streams: { type: "string", default: "5000" },
    seconds: { type: "string", default: "300" },
    "step-seconds": { type: "string", default: "0.2" },
    profile: { type: "string" },
  },
});
const node = values.profile === undefined ? [] : ["--cpu-prof", "--cpu-prof-dir", values.profile];

const PARTS: Readonly<Record<string, () => Promise<void>>> = {
  budget: () =>
    measureBudget({
      rollouts: Number(values.rollouts),
      concurrency: Number(values.concurrency),
      rounds: Number(values.rounds),
      unreadMs: Number(values["unread-ms"]),
      node,
    }),
  fronts: () =>
    compareFronts({
      interval: Number(values.interval),
      installHaproxy: values["install-haproxy"],
      node,
    }),
  soak: () =>
    soak({
      streams: Number(values.streams),
      seconds: Number(values.seconds),
      stepSeconds: Number(values["step-seconds"]),
      node,
    }),
};

const wanted = positionals.length > 0 ? positionals : ["budget", "fronts"];
const unknown = wanted.find((part) => !Object.hasOwn(PARTS, part));
if (unknown !== undefined) {
  console.error(`no part ${unknown}; there are: ${Object.keys(PARTS).join(", ")}`);
  process.exit(2);
}
console.log(machine());
for (const part of wanted) {
  try {
    await PARTS[part]?.();
  } finally {
    await stopAll(values.profile === undefined ? "SIGKILL" : "SIGTERM");
  }
}
