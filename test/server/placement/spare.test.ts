import assert from "node:assert/strict";
import { test } from "node:test";
import { spareShareOf } from "../../../server/placement/spare.ts";

const slot = (worker: string, reservedTokens: number, kvTokens = 1_000) => ({
  worker,
  slot: 0,
  running: 1,
  reservedTokens,
  kvTokens,
});
const share = (waiting: number, slots: readonly ReturnType<typeof slot>[]): number =>
  spareShareOf(
    { regime: null, sessions: null, waiting, running: 0, jobs: [], slots },
    new Set(["a", "b"]),
  );

test("of these workers' room alone, what nothing has reserved", () => {
  assert.equal(share(0, [slot("a", 500), slot("b", 250), slot("c", 1_000)]), 1 - 750 / 2_000);
  assert.equal(share(0, [slot("a", 0, 3_000), slot("b", 1_000)]), 0.75);
});

test("nothing, while anything waits, where they are over-full, or where there is no room at all", () => {
  assert.equal(share(1, [slot("a", 0)]), 0);
  assert.equal(share(0, [slot("a", 1_500)]), 0);
  assert.equal(share(0, [slot("c", 0)]), 0);
});
