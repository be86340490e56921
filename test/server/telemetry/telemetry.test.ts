import assert from "node:assert/strict";
import { test } from "node:test";
import { createLifeCycle } from "../../../server/telemetry/life-cycle.ts";
import { createLog } from "../../../server/telemetry/log.ts";
import { createMetrics } from "../../../server/telemetry/metrics.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

test("the life-cycle ring keeps the newest, tells the oldest offset, and calls its listeners", () => {
  const lifeCycle = createLifeCycle(new VirtualClock(), 3);
  let heard = 0;
  const stop = lifeCycle.listen(() => heard++);
  for (let i = 0; i < 5; i++) lifeCycle.emit("worker", { i });
  stop();
  lifeCycle.emit("worker", { i: 5 });
  assert.equal(heard, 5);
  assert.deepEqual([lifeCycle.oldest, lifeCycle.next], [3, 6]);
  assert.deepEqual(
    lifeCycle.read(0, 2).map(({ offset, event }) => [offset, event["i"]]),
    [
      [3, 3],
      [4, 4],
    ],
  );
  assert.deepEqual(lifeCycle.read(6, 10), []);
});

test("offsets grow by one however the wall clock jumps", () => {
  const clock = new VirtualClock();
  const lifeCycle = createLifeCycle(clock, 8);
  for (const hours of [0, -5, 9, -9, 0]) {
    clock.jumpWall(hours * 3_600_000);
    lifeCycle.emit("worker", {});
  }
  assert.deepEqual(
    lifeCycle.read(1, 10).map(({ offset }) => offset),
    [1, 2, 3, 4],
  );
});

test("no array of tokens reaches a log line, however deep", () => {
  const lines: string[] = [];
  const log = createLog("info", { write: (line) => void lines.push(line) });
  log.info({ ids: [1, 2, 3], deep: { logprobs: new Float32Array(4), names: ["a"] } }, "tokens");
  const line = JSON.parse(lines[0] ?? "");
  assert.deepEqual([line.ids, line.deep], ["<3 values>", { logprobs: "<16 bytes>", names: ["a"] }]);
});

test("metrics carry the public names; tokens are weighted into the lag histogram", async () => {
  const metrics = createMetrics({
    queueDepth: () => 3,
    regime: () => ({ regime: "in_order", rho: 0, sigmaErr: Number.NaN, coverage: Number.NaN }),
    sessions: () => ({ alive: 3, paused: 1 }),
    inflight: () => 2,
    workersByState: () => ({ ready: 2 }),
    committedVersions: () => [{ policy: "default", version: 7 }],
    workerVersions: () => [{ worker: "w-1", policy: "default", version: 6, lag: 1 }],
    kvUsed: () => [{ worker: "w-1", ratio: 0.5 }],
    distances: () => [],
    spool: () => null,
    kept: () => ({ rollouts: 0, outputTokens: 0 }),
  });
  metrics.tokenLag.observe("default", 1, 100);
  metrics.tokenLag.observe("default", 40, 5);
  metrics.rollouts.of("stop", "eos").count++;
  const text = await metrics.text();
  for (const line of [
    "paceline_queue_depth 3",
    'paceline_workers{state="ready"} 2',
    'paceline_policy_committed_version{policy="default"} 7',
    'paceline_worker_version_lag{worker="w-1",policy="default"} 1',
    'paceline_rollouts_total{finish="stop",cause="eos"} 1',
    "paceline_stale_tokens_total 0",
  ])
    assert.ok(text.includes(line), line);
  assert.match(text, /paceline_token_version_lag_bucket\{[^}]*le="0"[^}]*\} 0/);
  assert.match(text, /paceline_token_version_lag_bucket\{[^}]*le="1"[^}]*\} 100/);
  assert.match(text, /paceline_token_version_lag_bucket\{[^}]*le="\+Inf"[^}]*\} 105/);
  assert.match(text, /paceline_token_version_lag_count\{[^}]*\} 105/);
});
