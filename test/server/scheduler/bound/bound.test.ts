/** No schedule of the bound's model beats the bound: not the best of all of a tiny instance, not a random one of a larger. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { createRunningBound, lowerBound } from "../../../../server/scheduler/bound/bound.ts";
import type { BoundRollout } from "../../../../server/scheduler/bound/charges.ts";
import type { BoundSlot } from "../../../../server/scheduler/bound/rates.ts";
import { seededRandom, testSeed } from "../../../support/seeded-random.ts";
import { createExecutor, optimum } from "./tiny-executor.ts";

const SLACK = 1 + 1e-9;

const slot: fc.Arbitrary<BoundSlot> = fc.record({
  step: fc.record({ a: fc.integer({ min: 1, max: 3 }), s: fc.integer({ min: 0, max: 2 }) }),
  prefillTokensPerSecond: fc.constantFrom(null, 128, 16),
  kvTokens: fc.constantFrom(9, 14, 24, 300, 600, 2_000),
  maxRunning: fc.integer({ min: 1, max: 4 }),
});

const rollout = (longest: number): fc.Arbitrary<BoundRollout> =>
  fc
    .record({
      promptTokens: fc.integer({ min: 1, max: 6 }),
      outputTokens: fc.integer({ min: 1, max: longest }),
      arrivalSeconds: fc.constantFrom(0, 0, 0, 2),
      prefix: fc.constantFrom<number[]>([], [], [1], [1, 2], [3]),
    })
    .map((made) => ({ ...made, promptTokens: made.promptTokens + 256 * made.prefix.length }));

const fits = (rollouts: readonly BoundRollout[], slots: readonly BoundSlot[]): boolean =>
  rollouts.every(({ promptTokens, outputTokens }) =>
    slots.some(({ kvTokens }) => promptTokens + outputTokens <= kvTokens),
  );

const seed = testSeed("bound");

test("no schedule of a tiny instance beats the bound", () => {
  const instance = fc.record({
    rollouts: fc.array(rollout(4), { minLength: 1, maxLength: 3 }),
    slots: fc.array(slot, { minLength: 1, maxLength: 2 }),
  });
  let tight = 0;
  let tried = 0;
  fc.assert(
    fc.property(instance, ({ rollouts, slots }) => {
      fc.pre(fits(rollouts, slots));
      const best = optimum(createExecutor(rollouts, slots));
      const bound = lowerBound(rollouts, slots);
      assert.ok(bound !== null && Number.isFinite(best));
      assert.ok(bound.seconds <= best * SLACK, `${bound.seconds} above the optimum ${best}`);
      tried++;
      if (bound.seconds >= best / SLACK) tight++;
    }),
    { seed, numRuns: Number(process.env["PACELINE_BOUND_RUNS"] ?? 300) },
  );
  // A bound of nothing would pass, too.
  assert.ok(tight > tried / 4, `${tight} of ${tried} are tight`);
});

test("no random schedule beats the bound", () => {
  const instance = fc.record({
    rollouts: fc.array(rollout(40), { minLength: 4, maxLength: 24 }),
    slots: fc.array(slot, { minLength: 1, maxLength: 4 }),
    draws: fc.nat(2 ** 32 - 1),
  });
  fc.assert(
    fc.property(instance, ({ rollouts, slots, draws }) => {
      fc.pre(fits(rollouts, slots));
      const made = randomMakespan(rollouts, slots, draws);
      const bound = lowerBound(rollouts, slots);
      assert.ok(bound !== null && bound.seconds <= made * SLACK, `${bound?.seconds} above ${made}`);
    }),
    { seed, numRuns: 200 },
  );
});

/** Each slot in turn takes what is ready in a random order, as much as it holds. */
function randomMakespan(
  rollouts: readonly BoundRollout[],
  slots: readonly BoundSlot[],
  draws: number,
): number {
  const random = seededRandom(draws);
  const executor = createExecutor(rollouts, slots);
  let state = executor.start;
  while (!executor.over(state)) {
    const members = rollouts.map((_, i) => i).sort(() => random.next() - 0.5);
    const greedy = executor.greedy(state, members);
    // Now and then it does nothing until something else has ended.
    state = random.next() < 0.1 ? (executor.wait(state) ?? greedy) : greedy;
  }
  return executor.makespan(state);
}

const SLOT: BoundSlot = {
  step: { a: 0.01, s: 0.0001 },
  prefillTokensPerSecond: 10_000,
  kvTokens: 1_000_000,
  maxRunning: 10,
};
const plain = (outputTokens: number, promptTokens = 1): BoundRollout => ({
  promptTokens,
  outputTokens,
  prefix: [],
});
const near = (value: number | undefined, expected: number): void =>
  assert.ok(Math.abs((value ?? Number.NaN) / expected - 1) < 1e-9, `${value}, not ${expected}`);

test("the longest alone, all together, and what only a price of KV sees", () => {
  const long = lowerBound([plain(1_001), plain(11)], [SLOT, SLOT]);
  near(long?.longSeconds, 1_000 * 0.0101 + 1 / 10_000);
  assert.ok((long?.rho ?? 0) > 1);
  const many = lowerBound(
    Array.from({ length: 100 }, () => plain(101)),
    [SLOT, SLOT],
  );
  near(many?.workSeconds, 10_000 / ((2 * 10) / 0.011));
  // Nine in ten of a hundred tokens' KV at most: two at a time, not ten.
  const tight = { ...SLOT, kvTokens: 2 * 1_100 };
  const scarce = lowerBound(
    Array.from({ length: 100 }, () => plain(101, 1_000)),
    [tight],
  );
  const pairs = (100 * 100 * 0.0102) / 2;
  assert.ok((scarce?.workSeconds ?? 0) > 0.9 * pairs, `${scarce?.workSeconds} of ${pairs}`);
  assert.ok((scarce?.workSeconds ?? 0) <= pairs);
});

test("the longest ones together bound what neither the longest nor all do", () => {
  const steep = { ...SLOT, step: { a: 0.01, s: 0.001 }, maxRunning: 100 };
  const rollouts = [
    ...Array.from({ length: 8 }, () => plain(1_001)),
    ...Array.from({ length: 100 }, () => plain(2)),
  ];
  const bound = lowerBound(rollouts, [steep, steep]);
  assert.ok(bound !== null);
  assert.ok(bound.seconds > 1.2 * Math.max(bound.longSeconds, bound.workSeconds));
  near(bound.seconds, 1_000 * (0.01 + 0.001 * 4));
});

test("a shared prompt is computed once, its private part by each", () => {
  const siblings = (share: boolean): BoundRollout[] =>
    Array.from({ length: 8 }, (_, i) => ({
      promptTokens: 2_570,
      outputTokens: 1,
      prefix: Array.from({ length: 10 }, (_, block) => (share ? 0 : 100 * i) + block),
    }));
  near(lowerBound(siblings(true), [SLOT])?.workSeconds, (2_560 + 8 * 10) / 10_000);
  near(lowerBound(siblings(false), [SLOT])?.workSeconds, (8 * 2_570) / 10_000);
  const finer = siblings(true).map((sibling) => ({ ...sibling, promptTokens: 170 }));
  near(lowerBound(finer, [SLOT], 16)?.workSeconds, (160 + 8 * 10) / 10_000);
});

test("a session is one path, and prefills only what it was told", () => {
  const turn = (promptTokens: number, gapSeconds: number): BoundRollout => ({
    promptTokens,
    outputTokens: 101,
    prefix: Array.from({ length: Math.floor(promptTokens / 256) }, (_, i) => i),
    session: { id: "s", gapSeconds },
  });
  const bound = lowerBound([turn(1_000, 0), turn(1_301, 3), turn(1_402, 4)], [SLOT]);
  near(bound?.longSeconds, 7 + 300 * 0.0101 + (1_000 + 200) / 10_000);
});

test("a slot that could be of any speed leaves no bound", () => {
  const broken: readonly BoundSlot[] = [
    { ...SLOT, step: { a: 0, s: 0 } },
    { ...SLOT, step: { a: Number.NaN, s: 0 } },
    { ...SLOT, step: { a: -1, s: 2 } },
    { ...SLOT, step: { a: Number.POSITIVE_INFINITY, s: 2 } },
    { ...SLOT, kvTokens: 0 },
    { ...SLOT, maxRunning: 0 },
  ];
  for (const one of broken) assert.equal(lowerBound([plain(10)], [SLOT, one]), null);
  assert.equal(lowerBound([plain(10)], []), null);
});

test("many kinds of slot are taken together at a looser bound, not a wrong one", () => {
  const kinds = Array.from({ length: 200 }, (_, i) => ({
    ...SLOT,
    step: { a: 0.01 + i * 1e-5, s: 1e-4 + i * 1e-7 },
    kvTokens: 100_000 + 17 * i,
  }));
  const rollouts = Array.from({ length: 5_000 }, (_, i) => plain(100 + (i % 2_000)));
  const merged = lowerBound(rollouts, kinds)?.workSeconds ?? 0;
  const [slowest, fastest] = [kinds.at(-1), kinds[0]].map((one) =>
    lowerBound(
      rollouts,
      kinds.map(() => one ?? SLOT),
    ),
  );
  assert.ok(merged >= (fastest?.workSeconds ?? 0) * 0.97);
  assert.ok(merged <= (slowest?.workSeconds ?? 0));
});

test("a running bound is never above the exact one, and grows with what is made", () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(lengths, fc.array(slot, { minLength: 1, maxLength: 3 }), (made, slots) => {
      const running = createRunningBound();
      assert.equal(running.bound(slots)?.seconds, 0);
      let before = 0;
      for (const share of [0.3, 0.7, 1]) {
        const now = made.map((tokens) => ({
          outputTokens: Math.ceil(tokens * share),
          attempts: 1,
        }));
        const seconds = running.bound(slots, now)?.seconds ?? 0;
        assert.ok(seconds >= before / SLACK);
        before = seconds;
      }
      const plainly = made.map((tokens) => plain(tokens));
      assert.ok(before <= (lowerBound(plainly, slots)?.seconds ?? 0) * SLACK);
      const ended = createRunningBound();
      for (const outputTokens of made) ended.add({ outputTokens, attempts: 1 });
      near((ended.bound(slots)?.seconds ?? 0) + 1, before + 1);
    }),
    { seed, numRuns: 100 },
  );
});
