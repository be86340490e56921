/**
 * Thousands of SSE streams at once for minutes: no error, memory that does not grow, an event loop that
 * keeps up. Each stream is one rollout; when it ends, the next begins. Exits with 1 if anything failed.
 *
 * The process's RSS goes up and down by 100 MB as V8 lets garbage lie between two collections of its old
 * generation, each a minute or so apart: a slope over it says nothing. So the server is made to collect before
 * each sample (over its inspector), and what is left is what it holds.
 */
import { readFileSync } from "node:fs";
import { Pool } from "undici";
import { LIMITS } from "../../server/limits.ts";
import { type Fleet, startFleet } from "./fleet.ts";
import { Inspector, type Memory } from "./inspector.ts";
import { freshId, inLanes } from "./load.ts";
import { cpuMs } from "./processes.ts";
import { type Table, table } from "./table.ts";

const STREAMS_PER_ENGINE = 2_500;
/** Of a stream on the mean, and how far from it: streams of one length would stay in step, and memory with them. */
const TOKENS = 128;
const SPREAD = 64;
const INTERVAL = 16;
const PROMPT = Buffer.from(Uint32Array.from({ length: 64 }, (_, i) => i).buffer).toString("base64");
/** Short, so that what is kept of finished rollouts is level long before the last half begins. */
const RESULT_TTL_MS = 5_000;
/** What a machine short of cores would set off: suspicion of engines that are only late. Not what is tried here. */
const PATIENCE = ["--stuck-ms", "60000", "--lease-ms", "60000", "--probe-ms", "10000"];
/** On a machine that is short of cores a handshake may wait for the other 5,000. */
const CONNECT_MS = 120_000;
const SLOPE_MB_PER_MINUTE = 1;
const SAMPLE_MS = 10_000;
/** Rollouts of one token that fill the ring of life-cycle events (three each), which is no growth but would look so. */
const FILL = Math.ceil(LIMITS.lifeCycleEvents / 3);
const FILL_LANES = 512;

export interface SoakOptions {
  readonly streams: number;
  readonly seconds: number;
  /** Of a token: with 0.2 and 5,000 streams 1,560 engine events and 195 ends a second, which two free cores bear. */
  readonly stepSeconds: number;
  readonly node: readonly string[];
}

interface Tally {
  finished: number;
  open: number;
  most: number;
  readonly errors: string[];
}

export async function soak(options: SoakOptions): Promise<void> {
  const { streams, seconds, stepSeconds, node } = options;
  assertDescriptors(streams);
  const engines = Array.from({ length: Math.ceil(streams / STREAMS_PER_ENGINE) }, (_, i) => ({
    pool: `e${i}`,
    interval: INTERVAL,
    maxRunning: STREAMS_PER_ENGINE,
    stepSeconds,
  }));
  const fleet = await startFleet(
    engines,
    ["--result-ttl-ms", String(RESULT_TTL_MS), ...PATIENCE],
    ["--inspect=127.0.0.1:0", ...node],
  );
  const { inspector } = fleet.server;
  if (inspector === null) throw new Error("the server has no inspector");
  const server = await Inspector.open(inspector);
  const tally: Tally = { finished: 0, open: 0, most: 0, errors: [] };
  const stop = new AbortController();
  const timeouts = { headersTimeout: 0, bodyTimeout: 0, connectTimeout: CONNECT_MS };
  const pool = new Pool(fleet.http, { connections: streams, ...timeouts });
  await inLanes(FILL, FILL_LANES, () => follow(pool, 1, stop.signal));
  // Streams begin over one rollout's time, or all would end at once for ever.
  const rampMs = TOKENS * stepSeconds * 1_000;
  const load = Promise.all(
    Array.from({ length: streams }, (_, i) => lane(pool, tally, (i / streams) * rampMs, stop)),
  );
  // The clock runs from when each stream has ended twice: by then they are out of step, and nothing is new.
  while (tally.finished < 2 * streams && tally.errors.length === 0) await sleep(1_000);
  const figures = await watch(fleet, server, tally, seconds);
  const { most, open } = tally;
  stop.abort();
  await load;
  await pool.destroy();
  server.close();
  report(options, { ...tally, most, open }, figures);
}

async function lane(pool: Pool, tally: Tally, delayMs: number, stop: AbortController) {
  await sleep(delayMs);
  let length = TOKENS - SPREAD + (Math.trunc(delayMs) % (2 * SPREAD));
  while (!stop.signal.aborted) {
    tally.open++;
    tally.most = Math.max(tally.most, tally.open);
    try {
      length = TOKENS - SPREAD + ((length + 37) % (2 * SPREAD));
      await follow(pool, length, stop.signal);
      tally.finished++;
    } catch (thrown) {
      if (stop.signal.aborted) return;
      tally.errors.push(thrown instanceof Error ? thrown.message : String(thrown));
      await sleep(1_000);
    } finally {
      tally.open--;
    }
  }
}

/** One rollout's events to their end. */
async function follow(pool: Pool, tokens: number, signal: AbortSignal): Promise<void> {
  const reply = await pool.request({
    method: "POST",
    path: "/v1/rollouts",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({
      id: freshId(),
      prompt_token_ids: PROMPT,
      sampling: { max_new_tokens: tokens, ignore_eos: true },
      encoding: "b64",
    }),
    signal,
  });
  let tail = "";
  for await (const part of reply.body as AsyncIterable<Buffer>) {
    tail = (tail + part.toString("latin1")).slice(-2_000);
  }
  if (tail.includes(`"output_tokens":${tokens}`)) return;
  throw new Error(/"code":"[^"]*"|"cause":"[^"]*"/.exec(tail)?.[0] ?? tail.slice(-200));
}

interface Sample {
  readonly minute: number;
  readonly memory: Memory;
}

interface Figures {
  /** After a collection, MB a minute, over the last half. */
  readonly rss: Slope;
  readonly heap: Slope;
  readonly loopP99Ms: number;
  readonly cpuShare: number;
}

/** A sample every ten seconds; slope, event loop and CPU over the last half. */
async function watch(
  fleet: Fleet,
  server: Inspector,
  tally: Tally,
  seconds: number,
): Promise<Figures> {
  const rows = memoryTable();
  const began = performance.now();
  const samples: Sample[] = [];
  let cpu = cpuMs(fleet.server);
  let from = began;
  for (let n = 0; n * SAMPLE_MS <= seconds * 1_000; n++) {
    await sleep(Math.max(0, began + n * SAMPLE_MS - performance.now()));
    const before = await server.memory();
    await server.collectGarbage();
    const memory = await server.memory();
    const minute = (performance.now() - began) / 60_000;
    const held = MEMORY.map((part) => memory[part].toFixed(0));
    rows.row((minute * 60).toFixed(0), tally.finished, before.rss.toFixed(0), ...held);
    if (samples.length > 0 || n * SAMPLE_MS >= seconds * 500) samples.push({ minute, memory });
    if (samples.length !== 1) continue;
    from = performance.now();
    cpu = cpuMs(fleet.server);
    await loopDelayMs(fleet.http);
  }
  const loopP99Ms = await loopDelayMs(fleet.http);
  const cpuShare = (cpuMs(fleet.server) - cpu) / (performance.now() - from);
  const [rss, heap] = [slopeOf(samples, "rss"), slopeOf(samples, "heapUsed")];
  return { rss, heap, loopP99Ms, cpuShare };
}

const MEMORY = ["rss", "heapTotal", "heapUsed", "external", "arrayBuffers"] as const;

const memoryTable = (): Table =>
  table("Memory of the server, MB: RSS, then what is left after a collection", [
    ...["s", "finished", "RSS before"],
    ...MEMORY,
  ]);

/** MB a minute, with its standard error: what V8 hands back of its heap moves by MB between two samples. */
interface Slope {
  readonly value: number;
  readonly error: number;
}

/** Least squares. */
function slopeOf(samples: readonly Sample[], part: "rss" | "heapUsed"): Slope {
  const mean = (of: (sample: Sample) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [minute, mb] = [mean((one) => one.minute), mean((one) => one.memory[part])];
  const spread = mean((one) => (one.minute - minute) ** 2);
  const value = mean((one) => (one.minute - minute) * (one.memory[part] - mb)) / spread;
  const rest = mean((one) => (one.memory[part] - mb - value * (one.minute - minute)) ** 2);
  return { value, error: Math.sqrt(rest / spread / Math.max(1, samples.length - 2)) };
}

const printed = ({ value, error }: Slope): string => `${value.toFixed(2)} ± ${error.toFixed(2)}`;

/** p99 since the last call. */
async function loopDelayMs(http: string): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  const seconds = /event_loop_delay_seconds\{quantile="0.99"\} (\S+)/.exec(text)?.[1];
  return Number(seconds) * 1_000;
}

function report(
  { streams, seconds, stepSeconds }: SoakOptions,
  tally: Tally,
  figures: Figures,
): void {
  const out = table(
    `${streams} SSE streams for ${seconds} s, ${TOKENS} ± ${SPREAD} tokens each at ${1 / stepSeconds} tokens/s`,
    "open,most open,finished,errors,RSS MB/min,heapUsed MB/min,loop p99 ms,CPU of a core".split(
      ",",
    ),
  );
  out.row(
    ...[tally.open, tally.most, tally.finished, tally.errors.length],
    ...[printed(figures.rss), printed(figures.heap)],
    ...[figures.loopP99Ms.toFixed(1), figures.cpuShare.toFixed(2)],
  );
  for (const [message, count] of Object.entries(Object.groupBy(tally.errors, (one) => one))) {
    console.log(`${count?.length} × ${message}`);
  }
  const failed = tally.errors.length > 0 || figures.rss.value >= SLOPE_MB_PER_MINUTE;
  console.log(failed ? "\nFAILED" : "\nno error, and memory is level");
  if (failed) process.exitCode = 1;
}

/** Here one socket a stream; in the server two. */
function assertDescriptors(streams: number): void {
  const limits = readFileSync("/proc/self/limits", "utf8");
  const soft = Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? Number.POSITIVE_INFINITY);
  const needed = 2 * streams + 200;
  if (soft >= needed) return;
  throw new Error(
    `${streams} streams need ${needed} file descriptors, ${soft} are allowed: ulimit -n ${needed}`,
  );
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
