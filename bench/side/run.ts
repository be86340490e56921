/**
 * Side data of 64 MiB (scores: 8) as the engine writes it, relayed: what it costs the server beside a Node process that pipes the same
 * bytes and looks at none. Rounds alternate; medians are told.
 * `node bench/side/run.ts [--mebibytes N] [--rounds N] [--only experts,top,scores]`
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { call, publish, startServer } from "../gateway/fleet.ts";
import { median } from "../gateway/load.ts";
import { cpuMs, type Measured, start, stopAll } from "../gateway/processes.ts";
import { table } from "../gateway/table.ts";
import { KINDS, mebibytesOf, rolloutOf, type SideKind } from "./rollout.ts";
import { dialectWay, pipeWay, referenceWay, type Way } from "./ways.ts";

const { values } = parseArgs({
  options: {
    mebibytes: { type: "string", default: "64" },
    rounds: { type: "string", default: "7" },
    only: { type: "string", default: KINDS.join() },
  },
});
const mebibytes = Number(values.mebibytes);

interface MeasuredWay {
  readonly way: Way;
  /** That the bytes go through. */
  readonly process: Measured;
  readonly turns: Turns;
}

interface Cost {
  readonly ms: number;
  readonly cpu: number;
  /** Memory at its highest, beyond what there was before, MiB. */
  readonly memory: number;
  /** CPU of the longest turn of its loop, ms. */
  readonly turn: number;
}

const ENGINE = fileURLToPath(new URL("./engine.ts", import.meta.url));
const TURNS = fileURLToPath(new URL("./turns.ts", import.meta.url));
const PIPE = fileURLToPath(new URL("../gateway/pass-through.ts", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "paceline-bench-side-"));
async function main(): Promise<void> {
  const engine = await start(process.execPath, [ENGINE, values.mebibytes], /engine at (\S+)/);
  const [pipeTurns, serverTurns] = [turnsIn("pipe"), turnsIn("server")];
  const pipe = await pipeTurns.started(() =>
    start(process.execPath, [...pipeTurns.flags, PIPE, engine.match], /pass-through at (\S+)/),
  );
  const config = join(folder, "paceline.toml");
  writeFileSync(
    config,
    'dialects = [{ name = "vllm", routed_experts = "object" }, { name = "vllm", job = "rows" }]\n',
  );
  const spool = join(folder, "spool");
  const { server, http } = await serverTurns.started(() =>
    startServer(["--config", config, "--spool", spool], serverTurns.flags),
  );
  await call("PUT", `${http}/v1/policies/default`, { kind: "full" });
  await call("POST", `${http}/v1/workers`, { url: engine.match, engine: "vllm", id: "w" });
  await publish(http);

  for (const kind of KINDS) {
    if (!values.only.split(",").includes(kind)) continue;
    const rollout = rolloutOf(kind, mebibytes);
    const measured = [
      { way: pipeWay(kind, rollout, pipe.match), process: pipe, turns: pipeTurns },
      { way: dialectWay(kind, rollout, http), process: server, turns: serverTurns },
      { way: referenceWay(kind, rollout, http), process: server, turns: serverTurns },
    ];
    const costs = measured.map((): Cost[] => []);
    for (let round = -1; round < Number(values.rounds); round++) {
      for (const [index, one] of measured.entries()) {
        const cost = await costOf(one);
        // The first round is for compilers and kept buffers.
        if (round >= 0) costs[index]?.push(cost);
      }
    }
    tell(kind, measured, costs);
  }
}

async function costOf({ way, process, turns }: MeasuredWay): Promise<Cost> {
  const { pid } = process;
  await turns.take(pid);
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const [before, cpu, began] = [memoryOf(pid, "VmRSS"), cpuMs(process), performance.now()];
  const bytes = await way.run();
  if (bytes < way.least) throw new Error(`${way.name}: ${bytes} of ${way.least} bytes`);
  return {
    ms: performance.now() - began,
    cpu: cpuMs(process) - cpu,
    memory: memoryOf(pid, "VmHWM") - before,
    turn: await turns.take(pid),
  };
}

/** MiB. */
function memoryOf(pid: number, name: "VmRSS" | "VmHWM"): number {
  const line = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(
    readFileSync(`/proc/${pid}/status`, "utf8"),
  );
  return Number(line?.[1]) / 1024;
}

/** Of a process that was started with the preload: what it writes when it is told to. */
interface Turns {
  readonly flags: readonly string[];
  started<T>(start: () => Promise<T>): Promise<T>;
  take(pid: number): Promise<number>;
}

function turnsIn(name: string): Turns {
  const file = join(folder, `${name}.turns`);
  return {
    flags: ["--import", TURNS],
    async started(start) {
      process.env["TURNS_FILE"] = file;
      return start();
    },
    async take(pid) {
      rmSync(file, { force: true });
      process.kill(pid, "SIGUSR2");
      while (!existsSync(file)) await new Promise((resolve) => setTimeout(resolve, 1));
      return Number(readFileSync(file, "utf8"));
    },
  };
}

function tell(
  kind: SideKind,
  measured: readonly MeasuredWay[],
  costs: readonly (readonly Cost[])[],
): void {
  const { row } = table(
    `${mebibytesOf(kind, mebibytes)} MiB of ${kind}, ${values.rounds} rounds`,
    "way,MiB/s,÷ pipe,CPU ms,÷ pipe,memory MiB,longest turn ms: median,most".split(","),
  );
  const of = (index: number, field: keyof Cost): number =>
    median((costs[index] ?? []).map((cost) => cost[field]));
  for (const [index, { way }] of measured.entries()) {
    row(
      way.name,
      ((1_000 * mebibytesOf(kind, mebibytes)) / of(index, "ms")).toFixed(0),
      (of(0, "ms") / of(index, "ms")).toFixed(2),
      of(index, "cpu").toFixed(0),
      (of(index, "cpu") / of(0, "cpu")).toFixed(2),
      of(index, "memory").toFixed(0),
      of(index, "turn").toFixed(1),
      Math.max(...(costs[index] ?? []).map(({ turn }) => turn)).toFixed(1),
    );
  }
}

try {
  await main();
} finally {
  await stopAll();
  rmSync(folder, { recursive: true });
}
