import assert from "node:assert/strict";
import { test } from "node:test";
import { createScheduler } from "../../../server/scheduler/scheduler.ts";
import { type SchedulerFactory, simulate } from "../../../server/simulator/simulate.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { assertConserved } from "./conserved.ts";
import { crowded, rollout, worker, workload } from "./workloads.ts";

const near = (actual: number, expected: number): void => {
  assert.ok(Math.abs(actual - expected) < 1e-6, `${actual} instead of ${expected}`);
};

// Step 10 ms + 1 ms a sequence, prefill 10,000 tokens/s in chunks of 512.
for (const { name, given, seconds } of [
  {
    name: "alone: one step prefills 100 tokens and decodes the first, nine more decode",
    given: workload([rollout("a")]),
    seconds: 0.021 + 9 * 0.011,
  },
  {
    name: "two at once: both prefilled in one step",
    given: workload([rollout("a"), rollout("b", { outputTokens: 5 })]),
    seconds: 0.01 + 0.002 + 0.02 + 4 * 0.012 + 5 * 0.011,
  },
  {
    name: "a prompt of two chunks: the first step decodes nothing",
    given: workload([rollout("a", { promptTokens: 600, outputTokens: 1 })]),
    seconds: 0.01 + 0.0512 + 0.011 + 0.0088,
  },
  {
    name: "a newcomer waits for the step under way, then shares the steps",
    given: workload([
      rollout("a"),
      rollout("b", { arrivalSeconds: 0.025, outputTokens: 1, promptTokens: 50 }),
    ]),
    // a: steps end at .021, .032; b joins there: .032 + .010 + .002 + .005 = .049; then a alone.
    seconds: 0.049 + 7 * 0.011,
  },
  {
    name: "a sibling behind finds the prefix cached: 88 tokens instead of 600",
    given: workload([
      rollout("a", { promptTokens: 600, prefix: [1, 2], outputTokens: 1 }),
      rollout("b", { promptTokens: 600, prefix: [1, 2], outputTokens: 1, arrivalSeconds: 1 }),
    ]),
    seconds: 1 + 0.011 + 0.0088,
  },
  {
    name: "a session's next turn finds what the one before left, the last block apart",
    given: workload([
      rollout("a", {
        promptTokens: 500,
        prefix: [1],
        outputTokens: 13,
        session: { id: "s", turn: 0, gapSeconds: 0 },
      }),
      rollout("b", {
        promptTokens: 600,
        prefix: [1, 2],
        outputTokens: 1,
        session: { id: "s", turn: 1, gapSeconds: 2 },
      }),
    ]),
    seconds: 0.011 + 0.05 + 12 * 0.011 + 2 + 0.011 + 0.0088,
  },
]) {
  test(`by hand: ${name}`, () => {
    const run = simulate(given);
    assertConserved(run, given);
    near(run.makespanSeconds, seconds);
  });
}

test("where KV runs out the youngest gives way and computes its context again", () => {
  const given = workload(
    [
      rollout("a", { promptTokens: 400, outputTokens: 300 }),
      rollout("b", { promptTokens: 400, outputTokens: 300 }),
    ],
    [worker("w0", { kvTokens: 1_200 })],
  );
  const hopeful: SchedulerFactory = (clock, random) =>
    createScheduler(clock, random, {
      defaultNewTokens: 1,
      defaultShare: 0,
      tailGrowth: 0,
      kvHeadroom: 0,
    });
  const run = simulate(given, { scheduler: { name: "hopeful", create: hopeful } });
  assertConserved(run, given);
  assert.ok(run.preemptions > 0);
  assert.ok(run.reprefilledTokens > 0);
  assert.ok(run.peakKvShare > 0.99 && run.peakKvShare <= 1, `${run.peakKvShare}`);
});

test("conservation, and KV never beyond capacity, over random crowded fleets", () => {
  const seed = testSeed("simulate");
  for (let i = 0; i < 20; i++) {
    const given = crowded(seed + i);
    const run = simulate(given, { seed: seed + i });
    assertConserved(run, given);
    assert.ok(run.peakKvShare <= 1, `${run.peakKvShare}`);
    for (const { kvTokens } of run.timeline) {
      for (const [w, held] of kvTokens.entries()) {
        assert.ok(held <= (given.fleet.workers[w]?.kvTokens ?? 0));
      }
    }
  }
});

const inSegments = (tokens: number): SchedulerFactory => {
  return (clock, random) => {
    const scheduler = createScheduler(clock, random);
    return {
      snapshot: () => scheduler.snapshot(),
      handle: (event) =>
        scheduler
          .handle(event)
          .map((command) => (command.type === "grant" ? { ...command, segment: tokens } : command)),
    };
  };
};

test("segments: each token once, and tiers spare what would be computed again", () => {
  const tiers = { hostTokens: 8_000, hostTokensPerSecond: 200_000, poolTokensPerSecond: 100_000 };
  const scheduler = { name: "segments", create: inSegments(64) };
  const bare = crowded(11);
  const workers = bare.fleet.workers.map((each) => ({ ...each, tiers }));
  const [without, pooled] = [bare, { ...bare, fleet: { workers } }].map((given) => {
    const run = simulate(given, { scheduler });
    assertConserved(run, given);
    for (const { segments } of run.rollouts) {
      for (const { from, to, ended } of segments.slice(0, -1)) {
        if (ended === "cut") assert.equal(to - from, 64);
      }
    }
    assert.ok(run.peakKvShare <= 1);
    return run;
  });
  assert.ok(without && pooled);
  assert.ok(pooled.reprefilledTokens < without.reprefilledTokens / 4);
  assert.ok(pooled.makespanSeconds < without.makespanSeconds);
  assert.equal(without.peakHostTokens, 0);
  assert.ok(pooled.peakHostTokens > 0 && pooled.peakHostTokens <= 24_000);
});

test("same seed, same bytes", () => {
  const [one, two] = [simulate(crowded(5), { seed: 3 }), simulate(crowded(5), { seed: 3 })];
  assert.equal(JSON.stringify(one), JSON.stringify(two));
});

test("what no worker can hold is left unfinished, and the run ends", () => {
  const given = workload([rollout("a"), rollout("b", { promptTokens: 20_000 })]);
  const run = simulate(given);
  assert.equal(run.finished, 1);
  assert.equal(run.unfinished, 1);
});

test("a rollout that outgrows every worker ends at its KV and is counted", () => {
  const given = workload(
    [rollout("a", { outputTokens: 3_000 })],
    [worker("w0", { kvTokens: 1_000 })],
  );
  const run = simulate(given);
  assert.equal(run.truncated, 1);
  assert.equal(run.rollouts[0]?.outputTokens, 900);
});
