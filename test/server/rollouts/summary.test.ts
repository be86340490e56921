import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createResult } from "../../../server/contract/result.ts";
import type { FleetChange, WorkerRecord } from "../../../server/fleet/fleet.ts";
import { belowBound, createTally } from "../../../server/rollouts/summary.ts";
import { workerRecord } from "../../support/front-fakes.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const SLOW = { a: 0.03, s: 0.01 };
const FAST = { a: 0.009, s: 0.001 };

const rated = (over: Partial<WorkerRecord> = {}): WorkerRecord => {
  const record = workerRecord(over);
  const slots = [{ index: 0, kvTokens: 1000, maxRunning: 7 }];
  return {
    ...record,
    description: { ...record.description, slots },
    rates: { step: SLOW, prefillTokensPerSecond: null, ...over.rates },
  };
};

function resultOf(tokens: number, attempts = 1) {
  const range = { start: 0, end: tokens };
  return createResult({
    id: "r",
    job: "default",
    policy: "default",
    group: null,
    session: null,
    outputTokenIds: new Uint32Array(tokens),
    logprobs: new Float32Array(tokens),
    logprobMode: "processed",
    finishReason: { type: "length", cause: "max_new", matched: null },
    spans: [
      { version: 1, label: null, baseVersion: null, ...range, kv: "pure", attested: "engine" },
    ],
    segments: [
      {
        worker: "w-1",
        slot: 0,
        incarnation: "i",
        attempt: 1,
        ...range,
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
      attempts,
      moves: attempts - 1,
    },
    usage: { promptTokens: 1, outputTokens: tokens, wastedTokens: 0 },
    stale: null,
    side: null,
  });
}

function tallying(workers: readonly WorkerRecord[]) {
  const clock = new VirtualClock();
  let tell: (change: FleetChange) => void = () => {};
  let listening = false;
  const fleet = {
    list: () => workers,
    listen: (listener: (change: FleetChange) => void) => {
      tell = listener;
      listening = true;
      return () => {
        listening = false;
      };
    },
  };
  const tally = createTally(fleet, clock);
  tally.asked(sampleRollout({ pool: "a" }));
  return { clock, tally, tell: (change: FleetChange) => tell(change), listening: () => listening };
}

suite("the summary", () => {
  test("counts steps, not tokens that a prefill or somebody else made", () => {
    const { clock, tally, listening } = tallying([rated({ pool: "a" })]);
    clock.advance(1000);
    tally.finished(resultOf(52, 2), 0);
    tally.finished(resultOf(100), 80);
    clock.advance(3000);
    tally.failed();
    clock.advance(500);
    const { ratio, rho, lowerBoundMs, boundError, tailShare, ...counts } = tally.close();
    assert.deepEqual(counts, {
      rollouts: 3,
      finished: 2,
      failed: 1,
      outputTokens: 152,
      makespanMs: 4000,
    });
    // 50 and 19 steps: 2 s alone, 69 at two in 0.05 s.
    assert.ok(lowerBoundMs !== null && Math.abs(lowerBoundMs - 2000) < 1e-6);
    assert.ok(ratio !== null && Math.abs(ratio - 2) < 1e-6);
    assert.ok(rho !== null && Math.abs(rho - 2 / (69 / 40)) < 1e-6);
    assert.deepEqual([boundError, tailShare], [null, 0]);
    assert.equal(listening(), false);
  });

  test("knows so far what has ended and what runs", () => {
    const { clock, tally } = tallying([rated({ pool: "a" })]);
    const running = [{ outputTokens: 51, attempts: 1 }];
    clock.advance(4000);
    assert.deepEqual(tally.distance([]).ratio, null);
    assert.ok(Math.abs((tally.distance(running).ratio ?? 0) - 2) < 1e-6);
    tally.finished(resultOf(101), 0);
    clock.advance(1000);
    const { ratio, tailShare } = tally.distance(running);
    assert.ok(Math.abs((ratio ?? 0) - 5000 / 4000) < 1e-6);
    assert.equal(tailShare, null, "nine tenths have not ended");
    for (let i = 0; i < 9; i++) tally.finished(resultOf(1), 0);
    clock.advance(5000);
    assert.equal(tally.distance(running).tailShare, 0.5);
  });

  test("says how far the rates may be off, and is an alarm beyond that alone", () => {
    const { clock, tally } = tallying([
      rated({ pool: "a", rates: { step: { ...SLOW, error: 0.02 }, prefillTokensPerSecond: null } }),
    ]);
    clock.advance(1950);
    tally.finished(resultOf(51), 0);
    const summary = tally.close();
    assert.equal(summary.boundError, 0.04);
    assert.equal(belowBound(summary), false);
    assert.equal(belowBound({ ...summary, boundError: 0.02 }), true);
    assert.equal(belowBound({ ...summary, boundError: null }), true);
    assert.equal(belowBound({ ...summary, ratio: null }), false);
  });

  test("has no bound, and no made-up one, while one who could have served is unmeasured", () => {
    const unknown = rated({
      id: "w-2",
      pool: "a",
      rates: { step: null, prefillTokensPerSecond: 1 },
    });
    const { tally } = tallying([rated({ pool: "a" }), unknown]);
    tally.finished(resultOf(50), 0);
    const { lowerBoundMs, ratio, rho } = tally.close();
    assert.deepEqual([lowerBoundMs, ratio, rho], [null, null, null]);
  });

  for (const [why, other] of [
    [
      "of another pool",
      rated({ id: "w-2", pool: "b", rates: { step: null, prefillTokensPerSecond: 1 } }),
    ],
    [
      "of another policy",
      rated({
        id: "w-2",
        pool: "a",
        policies: ["other"],
        rates: { step: null, prefillTokensPerSecond: 1 },
      }),
    ],
    [
      "that is lost",
      rated({
        id: "w-2",
        pool: "a",
        state: "lost",
        rates: { step: null, prefillTokensPerSecond: 1 },
      }),
    ],
  ] as const) {
    test(`asks nothing of a worker ${why}`, () => {
      const { tally } = tallying([rated({ pool: "a" }), other]);
      tally.finished(resultOf(51), 0);
      assert.equal(Math.round(tally.close().lowerBoundMs ?? -1), 2000);
    });
  }

  test("counts a worker that came and went meanwhile, with the rates that it had", () => {
    const { tally, tell } = tallying([rated({ pool: "a" })]);
    const fast = rated({
      id: "w-2",
      pool: "a",
      rates: { step: FAST, prefillTokensPerSecond: null },
    });
    tell({ type: "telemetry", worker: fast });
    tell({
      type: "worker",
      worker: { ...fast, state: "lost", rates: { step: null, prefillTokensPerSecond: null } },
    });
    tell({ type: "lost", worker: "w-2", incarnation: "inc-1", reason: "gone" });
    tally.finished(resultOf(51), 0);
    assert.equal(Math.round(tally.close().lowerBoundMs ?? -1), 500);
  });
});
