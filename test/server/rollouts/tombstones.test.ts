/** The compact table of what has been, against a plain `Map`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Tombstones } from "../../../server/rollouts/tombstones.ts";

test("the same body, another, and nothing", () => {
  const tombstones = new Tombstones(4);
  assert.equal(tombstones.find("default/a", "one"), null);
  tombstones.bury("default/a", "one");
  assert.equal(tombstones.find("default/a", "one"), "same");
  assert.equal(tombstones.find("default/a", "two"), "other");
  assert.equal(tombstones.find("other-job/a", "one"), null);
  tombstones.bury("default/a", "two");
  assert.equal(tombstones.find("default/a", "one"), "same");
});

for (const limit of [1, 2, 3, 64, 1_000]) {
  test(`of ${limit} kept, exactly the oldest are forgotten, however their places collide`, () => {
    const tombstones = new Tombstones(limit);
    const key = (n: number): string => `job/r-${n}`;
    const count = 5 * limit + 7;
    for (let n = 0; n < count; n++) {
      tombstones.bury(key(n), `body ${n}`);
      if (limit > 64 && n % 97 !== 0) continue;
      const kept = Math.max(0, n - limit + 1);
      for (let seen = 0; seen <= n + 1; seen++) {
        const expected = seen >= kept && seen <= n ? "same" : null;
        assert.equal(tombstones.find(key(seen), `body ${seen}`), expected, `${seen} after ${n}`);
      }
    }
  });
}
