import assert from "node:assert/strict";
import { test } from "node:test";
import { seedOf } from "../../adapters/seed.ts";

test("the caller's own at the start, another for each sibling and each cut, in 32 bits", () => {
  const seen = new Set<number>();
  for (const seed of [0, 7, 2 ** 40, 2 ** 53 - 1]) {
    if (seed < 2 ** 32) assert.equal(seedOf(seed, 0, 0), seed);
    for (let sibling = 0; sibling < 8; sibling++) {
      for (let position = 0; position < 64; position++) {
        const made = seedOf(seed, sibling, position);
        assert.ok(Number.isInteger(made) && made >= 0 && made < 2 ** 32);
        assert.equal(seedOf(seed, sibling, position), made);
        seen.add(made);
      }
    }
  }
  assert.equal(seen.size, 4 * 8 * 64);
});
