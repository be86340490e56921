import assert from "node:assert/strict";
import { appendFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { bestSplitSeconds } from "../../bench/simulator/best-split.ts";
import { barsOf } from "../../bench/simulator/bars.ts";
import { intervalOf } from "../../bench/simulator/interval.ts";
import { Results } from "../../bench/simulator/results.ts";
import { trainerBoundSeconds } from "../../bench/simulator/trainer-bound.ts";
import { simulate } from "../../server/simulator/simulate.ts";
import { presetWorkload } from "../../server/simulator/workloads/presets.ts";
import { crowded, rollout, workload } from "../server/simulator/workloads.ts";
import { testSeed } from "../support/seeded-random.ts";

test("a table that was cut off goes on where it was, at its commit only", () => {
  const file = join(mkdtempSync(join(tmpdir(), "paceline-")), "results.jsonl");
  const made: string[] = [];
  const sample = (results: Results, key: string) =>
    results.sample(key, () => ({ value: made.push(key) }));
  const first = new Results(file, "one");
  sample(first, "a");
  sample(first, "b");
  appendFileSync(file, '["c",{"val');
  const second = new Results(file, "one");
  assert.deepEqual(
    ["a", "b", "c"].map((key) => sample(second, key).value),
    [1, 2, 3],
  );
  assert.deepEqual(made, ["a", "b", "c"]);
  assert.equal(sample(new Results(file, "one"), "c").value, 3);
  assert.throws(() => new Results(file, "another"), /another commit/);
  assert.throws(() => second.sample("d", () => ({ value: Number.NaN })), /d: value is NaN/);
});

test("bars begin at their base, each with its interval", () => {
  const value = { mean: 1.25, half: 0.05 };
  const svg = barsOf(
    "a < b",
    [
      { name: "paceline", value },
      { name: "other", value: { mean: 1.5, half: null } },
    ],
    1,
  );
  assert.match(svg, /a &lt; b/);
  assert.match(svg, /1\.250 ± 0\.050/);
  assert.equal(svg.match(/<rect x="240\.0"/g)?.length, 2);
});

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

test("a trainer without staleness waits for each of its batches, and each swap", () => {
  const given = {
    ...workload(["a", "b", "c"].map((id) => rollout(id, { outputTokens: 101 }))),
    trainer: { batchGroups: 1, stepSeconds: 5, pauseSeconds: 2 },
  };
  // Prefill of 100, a hundred steps of one.
  const alone = 0.01 + 100 * 0.011;
  assert.ok(Math.abs(trainerBoundSeconds(given, 0, 3) - (3 * (alone + 5) + 2 * 2)) < 1e-9);
  assert.ok(Math.abs(trainerBoundSeconds(given, 2, 3) - (alone + 3 * 5)) < 1e-9);
});

test("no run is done before its trainer's bound", () => {
  const seed = testSeed("trainer bound");
  for (let i = 0; i < 8; i++) {
    const eta = i % 4;
    const trainer = { batchGroups: 3, stepSeconds: 1 + i, pauseSeconds: 0.5 };
    const { rollouts, ...rest } = crowded(seed + i);
    const atOnce = rollouts.map((each) => ({ ...each, arrivalSeconds: 0 }));
    const given = { ...rest, rollouts: atOnce, trainer };
    const ends = simulate(given, { seed, staleness: eta }).trainer?.stepEnds ?? [];
    assert.equal(ends.length, 8);
    for (const [step, end] of ends.entries()) {
      const bound = trainerBoundSeconds(given, eta, step + 1);
      assert.ok(end >= bound * (1 - 1e-9), `η ${eta}, step ${step + 1}: ${end} of ${bound}`);
    }
  }
});
