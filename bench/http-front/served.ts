/**
 * The process under test: the HTTP front over rollouts that are finished at once, or a bare server that
 * reads the body and answers bytes made beforehand. Tells its own CPU time over the IPC channel.
 */
import { createServer } from "node:http";
import { createOpenGatekeeper } from "../../server/api/auth/gatekeeper.ts";
import { encodeResult } from "../../server/api/codec/result.ts";
import { createHttpFront } from "../../server/api/http/front.ts";
import { createResult, type Result } from "../../server/contract/result.ts";
import { liveClock } from "../../server/live-clock.ts";
import { createWorkerControl } from "../../server/placement/worker-control.ts";
import type { RolloutService } from "../../server/rollouts/service.ts";
import { createSessions } from "../../server/sessions/sessions.ts";
import { createLifeCycle } from "../../server/telemetry/life-cycle.ts";
import {
  createFakeFleet,
  createFakeLedger,
  createFakePublisher,
  createIdleJobs,
} from "../../test/support/front-fakes.ts";

const [, , what, tokensText = "2048"] = process.argv;
const tokens = Number(tokensText);

/** Results rotate: one body again and again would be a cache's bench. */
const RESULTS = Array.from({ length: 64 }, (_, i) => makeResult(i));
let turn = 0;
const next = (): Result => RESULTS[turn++ % RESULTS.length] as Result;

function makeResult(seed: number): Result {
  const outputTokenIds = Uint32Array.from({ length: tokens }, (_, i) => (i * 7919 + seed) % 50_021);
  const logprobs = Float32Array.from({ length: tokens }, (_, i) => -((i * 31 + seed) % 101) / 7);
  return createResult({
    id: `r-${seed}`,
    job: "default",
    policy: "default",
    group: null,
    session: null,
    outputTokenIds,
    logprobs,
    logprobMode: "processed",
    finishReason: { type: "length", cause: "max_new", matched: null },
    spans: [
      {
        version: 7,
        label: null,
        baseVersion: null,
        start: 0,
        end: tokens,
        kv: "pure",
        attested: "engine",
      },
    ],
    segments: [
      {
        worker: "w-1",
        slot: 0,
        incarnation: "inc-1",
        attempt: 1,
        start: 0,
        end: tokens,
        resume: "none",
        logprobMode: "processed",
        numerics: { dtype: "float32" },
      },
    ],
    routing: {
      worker: "w-1",
      queueMs: 0.1,
      prefillMs: 1,
      decodeMs: 2,
      cachedTokens: 0,
      attempts: 1,
      moves: 0,
    },
    usage: { promptTokens: 1000, outputTokens: tokens, wastedTokens: 0 },
    stale: null,
    side: null,
  });
}

const instant: RolloutService = {
  submit(rollout) {
    const result = next();
    return {
      id: rollout.id,
      job: rollout.job,
      progress: () => ({
        id: rollout.id,
        job: rollout.job,
        state: "finished",
        outputTokens: tokens,
        worker: null,
        attempts: 1,
      }),
      eventCount: 0,
      moments: () => ({ acceptedAtMs: 0, moments: [], dropped: 0 }),
      // A turn of the loop, as a real rollout takes at least.
      result: () => new Promise((resolve) => setImmediate(resolve, result)),
      async *events() {
        yield [{ seq: 0, event: { type: "finished", result } }];
      },
      attach: () => () => {},
    };
  },
  side: () => {
    throw new Error("nothing is by reference here");
  },
  get: () => {
    throw new Error("not in this bench");
  },
  keep: () => false,
  abort: async () => next(),
  abortJob: async () => 0,
  async drain() {},
};

async function serveFront(): Promise<number> {
  let minted = 0;
  const fleet = createFakeFleet();
  const front = createHttpFront({
    rollouts: instant,
    sessions: createSessions(liveClock, { ttlMs: 60_000 }, () => {}),
    fleet,
    ledger: createFakeLedger(),
    publisher: createFakePublisher(),
    jobs: await createIdleJobs(),
    control: createWorkerControl({
      fleet,
      owner: { whileEmpty: (_worker, _ms, run) => run(), drain: async () => {} },
    }),
    lifeCycle: createLifeCycle(liveClock),
    mint: { id: () => `m-${++minted}`, seed: () => 1 },
    clock: liveClock,
    readiness: () => ({ ready: true, reasons: [] }),
    metrics: { contentType: "text/plain", text: async () => "" },
    overview: () => ({}),
    failed: (error) => {
      throw error;
    },
    log: { error: () => {} },
    gate: createOpenGatekeeper({ rate: null, concurrency: null }, liveClock),
    audit: () => {},
    certificates: null,
    options: { version: "0" },
  });
  return (await front.listen("127.0.0.1", 0)).port;
}

function serveBare(): Promise<number> {
  const replies = RESULTS.map((result) => Buffer.from(encodeResult(result, "b64")));
  const server = createServer((request, response) => {
    request.resume().on("end", () => {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(replies[turn++ % replies.length]);
    });
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no TCP address");
      resolve(address.port);
    });
  });
}

process.on("message", () => {
  const { user, system } = process.cpuUsage();
  process.send?.({ cpuMicros: user + system });
});
process.on("disconnect", () => process.exit(0));
process.send?.({ port: await (what === "front" ? serveFront() : serveBare()) });
