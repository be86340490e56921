/** A trainer that waits for its batch, and asks for more than it takes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Run } from "../../../server/simulator/run.ts";
import { simulate } from "../../../server/simulator/simulate.ts";
import type { RoundsSpec, Workload } from "../../../server/simulator/workload.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { assertConserved } from "./conserved.ts";
import { crowded, rollout, workload } from "./workloads.ts";

const rounds = (given: Workload, spec: RoundsSpec, batchGroups = 4): Workload => ({
  ...given,
  trainer: { batchGroups, stepSeconds: 2, pauseSeconds: 0.5, rounds: spec },
});
const takenBy = ({ trainer }: Run): number => (trainer?.lags ?? []).reduce((sum, n) => sum + n, 0);

test("as many as are needed: each round is whole, and all that is learnt from is of its version", () => {
  const seed = testSeed("rounds");
  const given = rounds(crowded(seed), { issue: 1, leftover: "resume" });
  const run = simulate(given, { seed });
  assertConserved(run, given);
  assert.equal(run.trainer?.stepEnds.length, 6);
  assert.deepEqual(run.trainer?.lags, [96]);
  assert.deepEqual([run.wastedTokens, run.trainer?.offPolicyTokens, run.dropped], [0, 0, 0]);
});

test("those that are left go on in the next round: no token is lost, and those of older weights are counted", () => {
  const seed = testSeed("resumed rounds");
  const given = rounds(crowded(seed), { issue: 2, leftover: "resume" });
  const run = simulate(given, { seed });
  assertConserved(run, given);
  assert.equal(takenBy(run), 96);
  assert.equal(run.wastedTokens, 0);
  assert.equal(run.trainer?.trainedTokens, run.outputTokens);
  const off = run.trainer?.offPolicyTokens ?? 0;
  assert.ok(off > 0 && off < run.outputTokens, `${off} of ${run.outputTokens}`);
});

test("those that are left begin anew in a round of their own: nothing older is learnt from, what was made is waste", () => {
  const seed = testSeed("long rounds");
  const given = rounds(crowded(seed), { issue: 1.5, need: 3, leftover: "long-round" });
  const run = simulate(given, { seed });
  assert.equal(run.unfinished, 0);
  assert.deepEqual([run.finished + run.dropped, takenBy(run)], [96, 24 * 3]);
  assert.ok(run.dropped > 0 && run.wastedTokens > 0);
  assert.equal(run.trainer?.offPolicyTokens, 0);
  assert.equal(run.trainer?.lags.length, 1);
});

test("by hand: the short ones first, the long ones in a round of their own", () => {
  const given = rounds(
    workload([
      rollout("long", { outputTokens: 1_000 }),
      ...["a", "b", "c"].map((id) => rollout(id)),
    ]),
    { issue: 2, leftover: "long-round" },
    1,
  );
  const run = simulate(given);
  const [long, a, b, c] = run.rollouts.map(({ finishSeconds }) => finishSeconds ?? Number.NaN);
  const ends = run.trainer?.stepEnds ?? [];
  // The first takes `a`; `long` waits alone, which is a batch, and so has the second.
  assert.equal(ends.length, 4);
  assert.ok((a as number) + 2 === ends[0] && (long as number) + 2 === ends[1]);
  assert.ok((b as number) > (ends[1] as number) && (c as number) > (ends[1] as number));
  // What `long` made beside `a`, and `c` beside `b`.
  assert.equal(run.wastedTokens, 10 + 10);
});

test("who comes once enough of its siblings have ended is never asked for; left with its group, it waits for that", () => {
  const member = (id: string, group: string, index: number, more = {}) =>
    rollout(id, { group: { id: group, size: 2, index }, ...more });
  const enough = [member("a", "g", 0), member("late", "g", 1, { arrivalSeconds: 1 })];
  const left = [
    member("slow", "h", 0, { outputTokens: 400 }),
    member("later", "h", 1, { arrivalSeconds: 2 }),
  ];
  const given = rounds(
    workload([...enough, ...left]),
    { issue: 2, need: 1, leftover: "long-round" },
    1,
  );
  const run = simulate(given);
  assert.deepEqual([run.finished, run.dropped, run.unfinished, takenBy(run)], [2, 2, 0, 2]);
  const ended = run.rollouts.filter(({ finishSeconds }) => finishSeconds !== null);
  assert.deepEqual(ended.map(({ id }) => id).sort(), ["a", "slow"]);
});
