import assert from "node:assert/strict";
import { test } from "node:test";
import { bestSplitSeconds } from "../../bench/simulator/b2.ts";
import { intervalOf } from "../../bench/simulator/interval.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { testSeed } from "../support/seeded-random.ts";

test("an interval is Student's", () => {
  assert.deepEqual(intervalOf([3]), { mean: 3, half: null });
  const { mean, half } = intervalOf([1, 2, 3]);
  assert.equal(mean, 2);
  assert.ok(Math.abs((half ?? 0) - 4.3 / Math.sqrt(3)) < 1e-9);
});

test("no split of a small workload is better than the best", () => {
  const seed = testSeed("best split");
  const workload = presetWorkload("tailsieve", seed, { groups: 1, workers: 3 });
  const lengths = workload.rollouts.map(({ outputTokens }) => outputTokens);
  const { a = 0, s = 0 } = workload.fleet.workers[0]?.step ?? {};
  const seconds = (of: readonly number[]): number =>
    a * Math.max(0, ...of) + s * of.reduce((sum, tokens) => sum + tokens, 0);
  let best = Number.POSITIVE_INFINITY;
  for (let code = 0; code < 3 ** lengths.length; code++) {
    const hands: number[][] = [[], [], []];
    for (const [i, tokens] of lengths.entries()) hands[Math.floor(code / 3 ** i) % 3]?.push(tokens);
    best = Math.min(best, Math.max(...hands.map(seconds)));
  }
  const found = bestSplitSeconds(workload);
  // In order of length is best but for what does not divide: at most one rollout a replica.
  assert.ok(found >= best * (1 - 1e-6) && found <= best * 1.1, `${found} of ${best}`);
});
