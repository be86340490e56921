import assert from "node:assert/strict";
import { test } from "node:test";
import { Generations } from "../../../server/scheduler/generations.ts";

test("never more than its limit, and what is read is kept", () => {
  const map = new Generations<number, string>(100);
  map.set(-1, "kept");
  for (let key = 0; key < 1_000; key++) {
    map.set(key, `${key}`);
    assert.ok(map.size <= 100);
    assert.equal(map.get(key), `${key}`);
    assert.equal(map.get(-1), "kept");
  }
  assert.equal(map.get(990), "990");
  assert.equal(map.get(5), undefined);
  map.delete(990);
  assert.equal(map.get(990), undefined);
});
