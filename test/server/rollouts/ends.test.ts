import assert from "node:assert/strict";
import { test } from "node:test";
import { createEnds } from "../../../server/rollouts/ends.ts";

test("ends are exact while they fit, and off by little once they do not", () => {
  const few = createEnds(64);
  assert.deepEqual([few.last, few.at(0.9, 10)], [0, null]);
  for (let i = 1; i <= 10; i++) few.add(i * i);
  assert.deepEqual([few.last, few.at(0.9, 10), few.at(0.05, 10)], [100, 81, 1]);
  assert.equal(few.at(0.9, 20), null, "eighteen have not ended");
  const many = createEnds(64);
  for (let i = 1; i <= 10_000; i++) many.add(i);
  const ninth = many.at(0.9, 10_000) ?? 0;
  assert.ok(ninth >= 9_000 && ninth <= 9_000 + 10_000 / 32, `${ninth}`);
  assert.equal(many.last, 10_000);
});
