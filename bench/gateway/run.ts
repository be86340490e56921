/** What the server costs in the middle, on simulated engines that run flat out. Prints Markdown. `--help` */
import { parseArgs } from "node:util";
import { measureBudget } from "./budget.ts";
import { compareFronts } from "./comparison.ts";
import { stopAll } from "./processes.ts";
import { compareRivals } from "./rival-rows.ts";
import { soak } from "./soak.ts";
import { machine } from "./table.ts";

const HELP = `node bench/gateway/run.ts [PART…] [options]     parts: budget fronts (both by default), rivals, soak

budget   CPU per unary rollout beside bare clients of the same engine, and the budget of it
  --rollouts 600  --concurrency 16  --rounds 3
  --unread-ms 100      how long a unary rollout's tokens may lie in the engine's socket; 0: not at all
fronts   every front of the server beside a Node pass-through and HAProxy
  --interval 16        tokens of an engine frame
  --install-haproxy    asks apt-get for it
rivals   the server and other people's routers in front of one engine that speaks SGLang's wire
  --rollouts 600  --rounds 3  --interval 16
  --install DIR        makes a Python environment in DIR with the routers, then runs
  --venv DIR           one that is there; default .interop/rivals
soak     SSE streams at once for minutes: errors, memory, event loop
  --streams 5000  --seconds 300  --step-seconds 0.2

--profile DIR    writes the server's CPU profile there
--help`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rollouts: { type: "string", default: "600" },
    concurrency: { type: "string", default: "16" },
    rounds: { type: "string", default: "3" },
    "unread-ms": { type: "string", default: "100" },
    interval: { type: "string", default: "16" },
    "install-haproxy": { type: "boolean", default: false },
    install: { type: "string" },
    venv: { type: "string" },
    streams: { type: "string", default: "5000" },
    seconds: { type: "string", default: "300" },
    "step-seconds": { type: "string", default: "0.2" },
    profile: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit(0);
}
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
  rivals: () =>
    compareRivals({
      rollouts: Number(values.rollouts),
      rounds: Number(values.rounds),
      interval: Number(values.interval),
      venv: values.install ?? values.venv ?? ".interop/rivals",
      install: values.install !== undefined,
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
