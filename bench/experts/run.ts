/**
 * Routed experts of 64 MiB of base64, relayed: what it costs the server beside a Node process that pipes the same bytes and
 * looks at none. Rounds alternate; medians are told. `node bench/experts/run.ts [--mebibytes N] [--rounds N]`
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Pool } from "undici";
import { call, publish, startServer } from "../gateway/fleet.ts";
import { freshId, median } from "../gateway/load.ts";
import { cpuMs, type Measured, start, stopAll } from "../gateway/processes.ts";
import { table } from "../gateway/table.ts";
import { PROMPT, ROLLOUT } from "./rollout.ts";

const { values } = parseArgs({
  options: {
    mebibytes: { type: "string", default: "64" },
    rounds: { type: "string", default: "7" },
  },
});
const MIB = 1024 * 1024;

/** One way that the bytes go, and the process that they go through. */
interface Way {
  readonly name: string;
  readonly process: Measured;
  /** Bytes that came. */
  run(): Promise<number>;
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
const folder = mkdtempSync(join(tmpdir(), "paceline-bench-experts-"));
async function main(): Promise<void> {
  const engine = await start(process.execPath, [ENGINE, values.mebibytes], /engine at (\S+)/);
  const [pipeTurns, serverTurns] = [turnsIn("pipe"), turnsIn("server")];
  const pipe = await pipeTurns.started(() =>
    start(process.execPath, [...pipeTurns.flags, PIPE, engine.match], /pass-through at (\S+)/),
  );
  const config = join(folder, "paceline.toml");
  writeFileSync(config, 'dialects = [{ name = "vllm", routed_experts = "object" }]\n');
  const spool = join(folder, "spool");
  const { server, http } = await serverTurns.started(() =>
    startServer(["--config", config, "--spool", spool], serverTurns.flags),
  );
  await call("PUT", `${http}/v1/policies/default`, { kind: "full" });
  await call("POST", `${http}/v1/workers`, { url: engine.match, engine: "vllm", id: "w" });
  await publish(http);

  const ways = [
    pipeWay(pipe, pipeTurns),
    dialectWay(server, serverTurns, http),
    referenceWay(server, serverTurns, http),
  ];
  const costs = ways.map((): Cost[] => []);
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const [index, way] of ways.entries()) {
      const cost = await costOf(way);
      // The first round is for compilers and kept buffers.
      if (round >= 0) costs[index]?.push(cost);
    }
  }
  tell(ways, costs);
}

async function costOf(way: Way): Promise<Cost> {
  const { pid } = way.process;
  await way.turns.take(pid);
  writeFileSync(`/proc/${pid}/clear_refs`, "5");
  const [before, cpu, began] = [memoryOf(pid, "VmRSS"), cpuMs(way.process), performance.now()];
  const bytes = await way.run();
  if (bytes < Number(values.mebibytes) * 0.74 * MIB) throw new Error(`${way.name}: ${bytes} bytes`);
  return {
    ms: performance.now() - began,
    cpu: cpuMs(way.process) - cpu,
    memory: memoryOf(pid, "VmHWM") - before,
    turn: await way.turns.take(pid),
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

function tell(ways: readonly Way[], costs: readonly (readonly Cost[])[]): void {
  const { row } = table(
    `${values.mebibytes} MiB of routed experts, ${values.rounds} rounds`,
    "way,MiB/s,÷ pipe,CPU ms,÷ pipe,memory MiB,longest turn ms: median,most".split(","),
  );
  const of = (index: number, field: keyof Cost): number =>
    median((costs[index] ?? []).map((cost) => cost[field]));
  for (const [index, { name }] of ways.entries()) {
    row(
      name,
      ((1_000 * Number(values.mebibytes)) / of(index, "ms")).toFixed(0),
      (of(0, "ms") / of(index, "ms")).toFixed(2),
      of(index, "cpu").toFixed(0),
      (of(index, "cpu") / of(0, "cpu")).toFixed(2),
      of(index, "memory").toFixed(0),
      of(index, "turn").toFixed(1),
      Math.max(...(costs[index] ?? []).map(({ turn }) => turn)).toFixed(1),
    );
  }
}

function inferenceBody(stream: boolean): string {
  return JSON.stringify({
    request_id: freshId(),
    token_ids: PROMPT,
    sampling_params: {
      max_tokens: ROLLOUT.tokens,
      ignore_eos: true,
      logprobs: 0,
      detokenize: false,
    },
    stream,
  });
}

const poolOf = (url: string): Pool => new Pool(url, { headersTimeout: 0, bodyTimeout: 0 });
const JSON_BODY = { "content-type": "application/json" };

/** Reads all and looks at none, as a fast client. */
async function drained(body: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const part of body) bytes += part.length;
  return bytes;
}

function pipeWay(pipe: Measured, turns: Turns): Way {
  const pool = poolOf(pipe.match);
  return {
    name: "pipe: the engine's stream as it is",
    process: pipe,
    turns,
    async run() {
      const body = inferenceBody(true);
      const path = "/inference/v1/generate";
      return drained((await pool.request({ method: "POST", path, headers: JSON_BODY, body })).body);
    },
  };
}

function dialectWay(server: Measured, turns: Turns, http: string): Way {
  const pool = poolOf(http);
  return {
    name: "vLLM's dialect: spooled, answered inline",
    process: server,
    turns,
    async run() {
      const path = "/jobs/default/inference/v1/generate";
      const body = inferenceBody(false);
      const reply = await pool.request({ method: "POST", path, headers: JSON_BODY, body });
      if (reply.statusCode !== 200) throw new Error(await reply.body.text());
      return drained(reply.body);
    },
  };
}

function referenceWay(server: Measured, turns: Turns, http: string): Way {
  const pool = poolOf(http);
  return {
    name: "native: spooled, told by reference, read",
    process: server,
    turns,
    async run() {
      const body = JSON.stringify({
        id: freshId(),
        prompt_token_ids: PROMPT,
        sampling: { max_new_tokens: ROLLOUT.tokens, ignore_eos: true },
        want: { routed_experts: true },
      });
      const submit = { method: "POST", path: "/v1/rollouts", headers: JSON_BODY, body } as const;
      const told = (await (await pool.request(submit)).body.json()) as {
        side?: { routed_experts: { ref: string; bytes: number } };
      };
      const experts = told.side?.routed_experts;
      if (experts === undefined) throw new Error(JSON.stringify(told));
      const side = await pool.request({ method: "GET", path: `/v1/side/${experts.ref}` });
      const bytes = await drained(side.body);
      return bytes === experts.bytes ? bytes : 0;
    },
  };
}

try {
  await main();
} finally {
  await stopAll();
  rmSync(folder, { recursive: true });
}
