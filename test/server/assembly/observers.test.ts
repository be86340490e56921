/** What the parts report, as the events that a reader of `/v1/events` sees. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pino from "pino";
import {
  observeFleet,
  observeRollouts,
  observeSummaries,
} from "../../../server/assembly/observers.ts";
import { createResult } from "../../../server/contract/result.ts";
import { createLifeCycle } from "../../../server/telemetry/life-cycle.ts";
import { createMetrics } from "../../../server/telemetry/metrics.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const NO_READINGS = {
  queueDepth: () => 0,
  regime: () => ({ regime: "in_order", rho: 0, sigmaErr: Number.NaN, coverage: Number.NaN }),
  sessions: () => ({ alive: 3, paused: 1 }),
  inflight: () => 0,
  workersByState: () => ({}),
  committedVersions: () => [],
  workerVersions: () => [],
  kvUsed: () => [],
  distances: () => [],
  spool: () => null,
  kept: () => ({ rollouts: 0, outputTokens: 0 }),
};

const span = (version: number, start: number, end: number) =>
  ({
    version,
    label: null,
    baseVersion: null,
    start,
    end,
    kv: "pure",
    attested: "engine",
  }) as const;

test("evidence is told at once, then once a window for each worker and kind, and none is lost", async () => {
  const clock = new VirtualClock();
  const lifeCycle = createLifeCycle(clock);
  const fleet = observeFleet(lifeCycle, pino({ level: "silent" }), clock);
  let seen = 0;
  const told = (): unknown[] => {
    const records = lifeCycle.read(seen, 100);
    seen += records.length;
    return records.map(({ event }) => [event["worker"], event["evidence"], event["reports"]]);
  };
  for (let n = 0; n < 5_000; n++) fleet.evidence("a", "stuck");
  fleet.evidence("a", "misaligned");
  fleet.evidence("b", "stuck");
  fleet.evidence("b", "ok");
  assert.deepEqual(told(), [
    ["a", "stuck", 1],
    ["a", "misaligned", 1],
    ["b", "stuck", 1],
  ]);
  await clock.advance(1_000);
  assert.deepEqual(told(), [["a", "stuck", 4_999]]);
  fleet.evidence("a", "stuck");
  assert.deepEqual(told(), []);
  await clock.advance(1_000);
  assert.deepEqual(told(), [["a", "stuck", 1]]);
  await clock.advance(1_000);
  assert.deepEqual([told(), clock.timers], [[], 0]);
  fleet.evidence("a", "stuck");
  assert.deepEqual(told(), [["a", "stuck", 1]]);
});

test("tokens that a Result holds beyond its lag limit are counted, whoever let them through", async (t) => {
  const metrics = createMetrics(NO_READINGS);
  t.after(() => metrics.close());
  const observer = observeRollouts(metrics, createLifeCycle({ wall: () => 0 }), () => 9);
  const result = createResult({
    id: "r",
    job: "default",
    policy: "default",
    group: null,
    session: null,
    outputTokenIds: Uint32Array.of(1, 2, 3),
    logprobs: Float32Array.of(-1, -1, -1),
    logprobMode: "processed",
    finishReason: { type: "length", cause: "max_new", matched: null },
    spans: [span(7, 0, 2), { ...span(8, 2, 3), kv: "unknown" }],
    segments: [
      {
        worker: "w-1",
        slot: 0,
        incarnation: "i",
        attempt: 1,
        start: 0,
        end: 3,
        resume: "none",
        logprobMode: "processed",
        numerics: { dtype: "float32" },
      },
    ],
    routing: {
      worker: "w-1",
      queueMs: 0,
      prefillMs: 0,
      decodeMs: 0,
      cachedTokens: 0,
      attempts: 1,
      moves: 0,
    },
    usage: { promptTokens: 1, outputTokens: 3, wastedTokens: 0 },
    stale: null,
    side: null,
  });
  const stale = async (): Promise<string | undefined> =>
    /^paceline_stale_tokens_total (.*)$/m.exec(await metrics.text())?.[1];
  observer.finished(sampleRollout({}), result, 1);
  observer.finished(sampleRollout({ version: { max_lag: 2 } }), result, 1);
  assert.equal(await stale(), "0");
  observer.finished(sampleRollout({ version: { max_lag: 1 } }), result, 1);
  assert.equal(await stale(), "2");
  const kv = [...(await metrics.text()).matchAll(/^paceline_kv_tokens_total\{(.*)\} (.*)$/gm)];
  assert.deepEqual(
    kv.map(([, labels, tokens]) => [labels, tokens]),
    [
      ['kv="pure"', "6"],
      ['kv="unknown"', "3"],
    ],
  );
});

test("a run that beats its bound by more than the rates' error is an alarm: metric, event and log line", async (t) => {
  const metrics = createMetrics(NO_READINGS);
  t.after(() => metrics.close());
  const lifeCycle = createLifeCycle({ wall: () => 0 });
  const logged: unknown[] = [];
  const log = { error: (told: unknown) => void logged.push(told) };
  const summaries = observeSummaries(metrics, lifeCycle, log);
  const counts = { rollouts: 2, finished: 2, failed: 0, outputTokens: 8 };
  const summary = { ...counts, makespanMs: 90, lowerBoundMs: 100, rho: 1, tailShare: 0.5 };
  summaries.many({ ...summary, ratio: 0.9, boundError: 0.2 });
  summaries.job("a", { ...summary, ratio: null, lowerBoundMs: null, boundError: null });
  assert.deepEqual([logged.length, lifeCycle.next], [0, 0]);
  summaries.many({ ...summary, ratio: 0.9, boundError: 0.05 });
  summaries.job("a", { ...summary, ratio: 0.9, boundError: null });
  const events = lifeCycle
    .read(0, 9)
    .map(({ event }) => [event.type, event["job"], event["ratio"]]);
  assert.deepEqual(events, [
    ["below_bound", null, 0.9],
    ["below_bound", "a", 0.9],
  ]);
  assert.equal(logged.length, 2);
  const text = await metrics.text();
  assert.match(text, /^paceline_below_bound_total 2$/m);
  assert.match(text, /^paceline_makespan_ratio 0.9$/m);
});
