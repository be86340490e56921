import assert from "node:assert/strict";
import { test } from "node:test";
import { CacheChanges } from "../../../server/simulator/cache-changes.ts";

test("runs of one kind become one event; a clearing makes what was before pointless", () => {
  const changes = new CacheChanges();
  for (const hash of [1, 2]) changes.add("stored", hash);
  changes.add("removed", 1);
  assert.deepEqual(changes.take(), [
    { kind: "stored", blocks: [1, 2] },
    { kind: "removed", blocks: [1] },
  ]);
  assert.deepEqual(changes.take(), []);
  changes.add("stored", 3);
  changes.add("cleared", 0);
  changes.add("stored", 4);
  assert.deepEqual(changes.take(), [
    { kind: "cleared", blocks: [] },
    { kind: "stored", blocks: [4] },
  ]);
});
