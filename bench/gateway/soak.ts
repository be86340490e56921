/**
 * Thousands of SSE streams at once for minutes: no error, memory that does not grow, an event loop that
 * keeps up. Each stream is one rollout; when it ends, the next begins. Exits with 1 if anything failed.
 */
import { readFileSync } from "node:fs";
import { Pool } from "undici";
import { type Fleet, startFleet } from "./fleet.ts";
import { freshId } from "./load.ts";
import { cpuMs, rssMb } from "./processes.ts";
import { table } from "./table.ts";

const STREAMS_PER_ENGINE = 2_500;
const TOKENS = 128;
const INTERVAL = 16;
/** 5 tokens a second each: 1,560 engine events and 195 ends a second at 5,000 streams, which two cores bear. */
const STEP_SECONDS = 0.2;
const PROMPT = Buffer.from(Uint32Array.from({ length: 64 }, (_, i) => i).buffer).toString("base64");
/** Short, so that what is kept of finished rollouts is level long before the last half begins. */
const RESULT_TTL_MS = 5_000;
/** What a machine short of cores would set off: suspicion of engines that are only late. Not what is tried here. */
const PATIENCE = ["--stuck-ms", "60000", "--lease-ms", "60000", "--probe-ms", "10000"];
/** On a machine that is short of cores a handshake may wait for the other 5,000. */
const CONNECT_MS = 120_000;
const SLOPE_MB_PER_MINUTE = 1;
/** Streams begin over one rollout's time, or all would end at once for ever. */
const RAMP_MS = (TOKENS * STEP_SECONDS * 1_000) | 0;

export interface SoakOptions {
  readonly streams: number;
  readonly seconds: number;
  readonly node: readonly string[];
}

interface Tally {
  finished: number;
  open: number;
  most: number;
  readonly errors: string[];
}

export async function soak({ streams, seconds, node }: SoakOptions): Promise<void> {
  assertDescriptors(streams);
  const engines = Array.from({ length: Math.ceil(streams / STREAMS_PER_ENGINE) }, (_, i) => ({
    pool: `e${i}`,
    interval: INTERVAL,
    maxRunning: STREAMS_PER_ENGINE,
    stepSeconds: STEP_SECONDS,
  }));
  const fleet = await startFleet(
    engines,
    ["--result-ttl-ms", String(RESULT_TTL_MS), ...PATIENCE],
    node,
  );
  const tally: Tally = { finished: 0, open: 0, most: 0, errors: [] };
  const stop = new AbortController();
  const timeouts = { headersTimeout: 0, bodyTimeout: 0, connectTimeout: CONNECT_MS };
  const pool = new Pool(fleet.http, { connections: streams, ...timeouts });
  const load = Promise.all(
    Array.from({ length: streams }, (_, i) => lane(pool, tally, (i / streams) * RAMP_MS, stop)),
  );
  // The clock runs from when each stream has ended once: from then on nothing grows by being new.
  while (tally.finished < streams && tally.errors.length === 0) await sleep(1_000);
  const figures = await watch(fleet, seconds);
  const { most, open } = tally;
  stop.abort();
  await load;
  await pool.destroy();
  report(streams, seconds, { ...tally, most, open }, figures);
}

async function lane(pool: Pool, tally: Tally, delayMs: number, stop: AbortController) {
  await sleep(delayMs);
  while (!stop.signal.aborted) {
    tally.open++;
    tally.most = Math.max(tally.most, tally.open);
    try {
      await follow(pool, stop.signal);
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
async function follow(pool: Pool, signal: AbortSignal): Promise<void> {
  const reply = await pool.request({
    method: "POST",
    path: "/v1/rollouts",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({
      id: freshId(),
      prompt_token_ids: PROMPT,
      sampling: { max_new_tokens: TOKENS, ignore_eos: true },
      encoding: "b64",
    }),
    signal,
  });
  let tail = "";
  for await (const part of reply.body as AsyncIterable<Buffer>) {
    tail = (tail + part.toString("latin1")).slice(-2_000);
  }
  if (tail.includes(`"output_tokens":${TOKENS}`)) return;
  throw new Error(/"code":"[^"]*"|"cause":"[^"]*"/.exec(tail)?.[0] ?? tail.slice(-200));
}

interface Figures {
  readonly firstMb: number;
  readonly lastMb: number;
  readonly slope: number;
  readonly loopP99Ms: number;
  readonly cpuShare: number;
}

/** RSS once a second; its slope, and the event loop's delay, over the last half. */
async function watch(fleet: Fleet, seconds: number): Promise<Figures> {
  const samples: { readonly minute: number; readonly mb: number }[] = [];
  const began = performance.now();
  let cpu = 0;
  for (let second = 0; second < seconds; second++) {
    await sleep(1_000);
    if (second === Math.floor(seconds / 2)) {
      samples.length = 0;
      cpu = cpuMs(fleet.server);
      await loopDelayMs(fleet.http);
    }
    samples.push({ minute: (performance.now() - began) / 60_000, mb: rssMb(fleet.server) });
  }
  const minutes = (samples.at(-1)?.minute ?? 0) - (samples[0]?.minute ?? 0);
  return {
    firstMb: samples[0]?.mb ?? 0,
    lastMb: samples.at(-1)?.mb ?? 0,
    slope: slopeOf(samples),
    loopP99Ms: await loopDelayMs(fleet.http),
    cpuShare: (cpuMs(fleet.server) - cpu) / (minutes * 60_000),
  };
}

/** Least squares. */
function slopeOf(samples: readonly { readonly minute: number; readonly mb: number }[]): number {
  const mean = (of: (sample: (typeof samples)[number]) => number): number =>
    samples.reduce((sum, sample) => sum + of(sample), 0) / samples.length;
  const [minute, mb] = [mean((one) => one.minute), mean((one) => one.mb)];
  const covariance = mean((one) => (one.minute - minute) * (one.mb - mb));
  return covariance / mean((one) => (one.minute - minute) ** 2);
}

/** p99 since the last call. */
async function loopDelayMs(http: string): Promise<number> {
  const text = await (await fetch(`${http}/metrics`)).text();
  const seconds = /event_loop_delay_seconds\{quantile="0.99"\} (\S+)/.exec(text)?.[1];
  return Number(seconds) * 1_000;
}

function report(streams: number, seconds: number, tally: Tally, figures: Figures): void {
  const out = table(
    `${streams} SSE streams for ${seconds} s, ${TOKENS} tokens each at ${1 / STEP_SECONDS} tokens/s`,
    "open,most open,finished,errors,RSS MB,slope MB/min,loop p99 ms,CPU of a core".split(","),
  );
  out.row(
    ...[tally.open, tally.most, tally.finished, tally.errors.length],
    `${figures.firstMb.toFixed(0)} → ${figures.lastMb.toFixed(0)}`,
    ...[figures.slope.toFixed(2), figures.loopP99Ms.toFixed(1), figures.cpuShare.toFixed(2)],
  );
  for (const [message, count] of Object.entries(Object.groupBy(tally.errors, (one) => one))) {
    console.log(`${count?.length} × ${message}`);
  }
  const failed = tally.errors.length > 0 || figures.slope >= SLOPE_MB_PER_MINUTE;
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
