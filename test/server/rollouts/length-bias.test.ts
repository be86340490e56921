import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { lengthBias } from "../../../server/rollouts/length-bias.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

suite("the bias of lengths", () => {
  test("is none where nothing was cut, and nothing is known where nothing ended", () => {
    const whole = { mean: 2, p50: 2, p90: 3 };
    assert.deepEqual(lengthBias([3, 1, 2], []), { kept: whole, all: whole, bias: 0 });
    assert.deepEqual(lengthBias([], [4]), { kept: null, all: null, bias: null });
  });

  test("takes one cut at a length as longer than it, and one without a token as saying nothing", () => {
    const { all } = lengthBias([2, 4], [2, 0]);
    // S = 1 up to 2, 2/3 up to 4, then 0.
    assert.deepEqual(all, { mean: 10 / 3, p50: 4, p90: 4 });
  });

  test("estimates what it would have been better than what is kept, over many random groups", () => {
    const random = seededRandom(testSeed("length bias"));
    const sums = { truth: 0, kept: 0, all: 0 };
    for (let group = 0; group < 500; group++) {
      const lengths = Array.from({ length: 40 }, () => Math.ceil(-100 * Math.log(random.next())));
      // All go at one pace, and end when 30 have.
      const stop = lengths.toSorted((a, b) => a - b)[29] as number;
      const ended = lengths.filter((length) => length <= stop);
      const { kept, all, bias } = lengthBias(ended, lengths.filter((l) => l > stop).fill(stop));
      assert.ok(kept !== null && all !== null && bias !== null && bias <= 0);
      sums.truth += lengths.reduce((sum, length) => sum + length, 0) / lengths.length;
      sums.kept += kept.mean;
      sums.all += all.mean;
    }
    assert.ok(sums.kept < sums.all && sums.all < sums.truth, JSON.stringify(sums));
    assert.ok(sums.truth - sums.all < 0.6 * (sums.truth - sums.kept), JSON.stringify(sums));
  });
});
