import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { createResult } from "../../../server/contract/result.ts";
import type { FleetChange, WorkerRecord } from "../../../server/fleet/fleet.ts";
import { createTally, lowerBound } from "../../../server/rollouts/summary.ts";
import { workerRecord } from "../../support/front-fakes.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const SLOW = { step: { a: 0.03, s: 0.01 }, batches: [7] };
const FAST = { step: { a: 0.009, s: 0.001 }, batches: [11, 11] };
const UNKNOWN = { step: null, batches: [7] };

suite("the bound", () => {
  for (const [name, work, workers, expected] of [
    // 0.04 s a step alone; 7 / (0.03 + 0.07) = 70 tokens/s.
    ["of one worker", { longest: 50, total: 210 }, [SLOW], { longMs: 2000, workMs: 3000 }],
    // The fastest alone, 0.01 s; 70 + 2 · 11 / 0.02 = 1170 tokens/s.
    ["of two", { longest: 50, total: 2340 }, [SLOW, FAST], { longMs: 500, workMs: 2000 }],
    ["of no work", { longest: 0, total: 0 }, [SLOW], { longMs: 0, workMs: 0 }],
    ["with one worker unknown", { longest: 50, total: 210 }, [SLOW, UNKNOWN], null],
    [
      "with steps that take no time",
      { longest: 5, total: 5 },
      [{ ...SLOW, step: { a: 0, s: 0 } }],
      null,
    ],
    ["with no worker", { longest: 5, total: 5 }, [], null],
  ] as const) {
    test(name, () => {
      const bound = lowerBound(work, workers);
      if (expected === null || bound === null) return assert.equal(bound, expected);
      assert.ok(Math.abs(bound.longMs - expected.longMs) < 1e-6, String(bound.longMs));
      assert.ok(Math.abs(bound.workMs - expected.workMs) < 1e-6, String(bound.workMs));
    });
  }
});

const rated = (over: Partial<WorkerRecord> = {}): WorkerRecord => {
  const record = workerRecord(over);
  const slots = [{ index: 0, kvTokens: 1000, maxRunning: 7 }];
  return {
    ...record,
    description: { ...record.description, slots },
    rates: { step: SLOW.step, prefillTokensPerSecond: null, ...over.rates },
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
    const { ratio, rho, lowerBoundMs, ...counts } = tally.close();
    assert.deepEqual(counts, {
      rollouts: 3,
      finished: 2,
      failed: 1,
      outputTokens: 152,
      makespanMs: 4000,
    });
    // 50 and 19 steps: 2 s alone, 69 / 70 s of work.
    assert.ok(lowerBoundMs !== null && Math.abs(lowerBoundMs - 2000) < 1e-6);
    assert.ok(ratio !== null && Math.abs(ratio - 2) < 1e-6);
    assert.ok(rho !== null && Math.abs(rho - 2 / (69 / 70)) < 1e-6);
    assert.equal(listening(), false);
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
      rates: { step: FAST.step, prefillTokensPerSecond: null },
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

test("no schedule of the model is faster than the bound", () => {
  const worker = fc.record({
    a: fc.double({ min: 0, max: 0.05, noNaN: true }),
    s: fc.double({ min: 1e-5, max: 0.01, noNaN: true }),
    batches: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 2 }),
  });
  fc.assert(
    fc.property(
      fc.array(worker, { minLength: 1, maxLength: 3 }),
      fc.array(fc.record({ steps: fc.nat(30), slot: fc.nat() }), { minLength: 1 }),
      (workers, rollouts) => {
        const slots = workers.flatMap(({ a, s, batches }) =>
          batches.map((batch) => ({ a, s, batch, queue: [] as number[] })),
        );
        for (const { steps, slot } of rollouts) slots[slot % slots.length]?.queue.push(steps);
        const makespan = Math.max(...slots.map(playSlot));
        const lengths = rollouts.map(({ steps }) => steps);
        const work = {
          longest: Math.max(...lengths),
          total: lengths.reduce((sum, steps) => sum + steps, 0),
        };
        const bound = lowerBound(
          work,
          workers.map(({ a, s, batches }) => ({ step: { a, s }, batches })),
        );
        assert.ok(bound !== null);
        const least = Math.max(bound.longMs, bound.workMs);
        assert.ok(least <= 1000 * makespan * (1 + 1e-9), `${least} ms > ${1000 * makespan} ms`);
      },
    ),
    { seed: testSeed("lower bound"), numRuns: 500 },
  );
});

/** Seconds until a slot has made all steps of its queue, in its order, as many at once as it takes. */
function playSlot({
  a,
  s,
  batch,
  queue,
}: {
  a: number;
  s: number;
  batch: number;
  queue: readonly number[];
}): number {
  const waiting = queue.filter((steps) => steps > 0);
  let running: number[] = [];
  let seconds = 0;
  for (;;) {
    while (running.length < batch && waiting.length > 0) running.push(waiting.shift() as number);
    if (running.length === 0) return seconds;
    seconds += a + s * running.length;
    running = running.map((left) => left - 1).filter((left) => left > 0);
  }
}
