/**
 * What the server costs: its CPU per unary rollout (base64 arrays) on the simulated engine, beside a
 * bare undici client that reads the same engine's stream in the same run. One budget: 0.25 ms + 8 µs
 * per engine event at 2,048 tokens. Figures of CPU are the server process's own (utime + stime).
 *
 *   node bench/gateway/run.ts [--rollouts 600] [--concurrency 16]
 */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Pool } from "undici";
import { sampleRequest } from "./sample-request.ts";

const { values } = parseArgs({
  options: {
    rollouts: { type: "string", default: "600" },
    concurrency: { type: "string", default: "16" },
  },
});
const ROLLOUTS = Number(values.rollouts);
const CONCURRENCY = Number(values.concurrency);
const INTERVALS = [1, 16, 64];
const TOKENS = [256, 2048];
const PROMPT_TOKENS = 1000;
/** Kernel ticks of /proc/<pid>/stat. */
const TICK_MS = 10;
/** Rounds whose CPU is a handful of ticks say nothing. */
const LATENCY_ROLLOUTS = 200;
/** A server that runs for days is warm: its code is compiled before the count begins. */
const WARM_UP = 400;

const main = fileURLToPath(new URL("../../server/main.ts", import.meta.url));
const children: ChildProcess[] = [];

async function start(args: string[], ready: RegExp): Promise<{ pid: number; match: string }> {
  const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "ignore", "pipe"] });
  children.push(child);
  const { stderr, pid } = child;
  if (stderr === null || pid === undefined) throw new Error("could not spawn");
  return new Promise((resolve, reject) => {
    let seen = "";
    stderr.setEncoding("utf8").on("data", (text: string) => {
      seen = (seen + text).slice(-20_000);
      const match = ready.exec(seen);
      if (match) resolve({ pid, match: match[1] ?? "" });
    });
    child.once("exit", () => reject(new Error(`${args[0]} ended before it was ready:\n${seen}`)));
  });
}

function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

const median = (sorted: readonly number[]): number => sorted[Math.floor(sorted.length / 2)] ?? 0;

async function inLanes(
  count: number,
  lanes: number,
  work: (at: number) => Promise<void>,
): Promise<number[]> {
  const times: number[] = [];
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) {
      const at = next++;
      const began = performance.now();
      await work(at);
      times.push(performance.now() - began);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return times.sort((a, b) => a - b);
}

/** Distinct prompts, so that no cache of V8 or of the engine flatters anyone. */
function prompt(at: number): Uint32Array {
  return Uint32Array.from({ length: PROMPT_TOKENS }, (_, i) => (i * 7919 + at * 104_729) % 30_000);
}

const base64 = (ids: Uint32Array): string =>
  Buffer.from(ids.buffer, 0, ids.byteLength).toString("base64");

async function throughServer(
  pool: Pool,
  tag: string,
  workerPool: string,
  tokens: number,
  count: number,
  lanes: number,
): Promise<number[]> {
  return inLanes(count, lanes, async (at) => {
    const reply = await pool.request({
      method: "POST",
      path: "/v1/rollouts",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        id: `${tag}-${at}`,
        pool: workerPool,
        prompt_token_ids: base64(prompt(at)),
        sampling: { max_new_tokens: tokens, ignore_eos: true, seed: at },
        encoding: "b64",
      }),
    });
    const text = await reply.body.text();
    const ids = (JSON.parse(text) as { output_token_ids?: string }).output_token_ids;
    if (ids === undefined || Buffer.from(ids, "base64").length !== tokens * 4)
      throw new Error(text.slice(0, 300));
  });
}

/** The yardstick: an undici client that posts the same request to the engine and only reads the bytes. */
async function bare(
  engine: string,
  tokens: number,
  count: number,
  lanes: number,
): Promise<{ times: number[]; cpu: number }> {
  const pool = new Pool(engine, { connections: lanes, headersTimeout: 0, bodyTimeout: 0 });
  const before = process.cpuUsage();
  const times = await inLanes(count, lanes, async (at) => {
    const reply = await pool.request({
      method: "POST",
      path: "/generate",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(sampleRequest(`bare-${tokens}-${at}`, base64(prompt(at)), tokens, at)),
    });
    let bytes = 0;
    for await (const part of reply.body as AsyncIterable<Buffer>) bytes += part.length;
    if (reply.statusCode !== 200 || bytes < tokens * 8)
      throw new Error(`engine answered ${reply.statusCode}, ${bytes} bytes`);
  });
  const { user, system } = process.cpuUsage(before);
  await pool.close();
  return { times, cpu: (user + system) / 1000 / count };
}

async function bench(): Promise<void> {
  const server = await start(
    [
      "serve",
      "--engine",
      "none",
      "--store",
      "memory",
      "--port",
      "0",
      "--grpc-port",
      "0",
      "--log-level",
      "info",
    ],
    /"http":"(http[^"]+)"/,
  );
  const pool = new Pool(server.match, {
    connections: CONCURRENCY,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const post = async (method: "PUT" | "POST", path: string, body: unknown): Promise<void> => {
    const reply = await pool.request({
      method,
      path,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    const text = await reply.body.text();
    if (reply.statusCode >= 400) throw new Error(`${method} ${path}: ${text}`);
  };
  const model = fileURLToPath(new URL("../../server/engine/demo-policy/step-1", import.meta.url));
  await post("PUT", "/v1/policies/default", { kind: "full" });
  const engines = new Map<number, string>();
  for (const interval of INTERVALS) {
    const { match } = await start(
      [
        "worker",
        "--engine",
        "simulated",
        "--stream-interval",
        String(interval),
        "--max-running",
        "64",
        "--kv-tokens",
        "1000000",
        "--simulated",
        JSON.stringify({ maxModelLen: 8192, vocabSize: 32_000 }),
      ],
      /engine at (\S+)/,
    );
    engines.set(interval, match);
    await post("POST", "/v1/workers", {
      url: match,
      engine: "simulated",
      pool: `i${interval}`,
      id: `sim-${interval}`,
    });
  }
  await post("POST", "/v1/policies/default/versions?wait=committed", {
    source: { path: model },
    commit: { mode: "all", timeout_ms: 30_000 },
  });

  console.log(
    `machine: ${navigator.hardwareConcurrency} cores, node ${process.version}; ${ROLLOUTS} rollouts at c=${CONCURRENCY}, prompt ${PROMPT_TOKENS} ids`,
  );
  console.log(
    "tokens  interval  events  server ms/rollout  bare ms/rollout  ratio  budget ms  within  added p50 ms (c=1)",
  );
  for (const tokens of TOKENS) {
    for (const interval of INTERVALS) {
      const engine = engines.get(interval) as string;
      const name = `i${interval}`;
      await throughServer(pool, `warm-${tokens}-${interval}`, name, tokens, WARM_UP, CONCURRENCY);
      await bare(engine, tokens, 50, CONCURRENCY);
      const before = cpuMs(server.pid);
      await throughServer(pool, `r-${tokens}-${interval}`, name, tokens, ROLLOUTS, CONCURRENCY);
      const cost = (cpuMs(server.pid) - before) / ROLLOUTS;
      const yardstick = await bare(engine, tokens, ROLLOUTS, CONCURRENCY);
      const p50 = median(
        await throughServer(pool, `one-${tokens}-${interval}`, name, tokens, LATENCY_ROLLOUTS, 1),
      );
      const bareP50 = median((await bare(engine, tokens, LATENCY_ROLLOUTS, 1)).times);
      const events = 2 + Math.ceil((tokens - 1) / interval) + 1;
      const budget = 0.25 + 0.008 * events;
      const row = [
        tokens,
        interval,
        events,
        cost.toFixed(3),
        yardstick.cpu.toFixed(3),
        (cost / yardstick.cpu).toFixed(2),
        budget.toFixed(2),
        cost <= budget ? "yes" : "NO",
        (p50 - bareP50).toFixed(2),
      ];
      console.log(row.map((cell) => String(cell).padStart(9)).join(" "));
    }
  }
  await pool.close();
}

try {
  await bench();
} finally {
  for (const child of children) child.kill("SIGKILL");
}
