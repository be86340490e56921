import assert from "node:assert/strict";
import { test } from "node:test";
import { skipWithout } from "./require.ts";

test("what is there is never skipped", () => {
  assert.equal(skipWithout("redis", true, { PACELINE_REQUIRE: "redis" }), false);
});

test("what is missing is skipped by name", () => {
  assert.match(String(skipWithout("redis", false, {})), /^redis /);
  assert.match(String(skipWithout("redis", false, { PACELINE_REQUIRE: "chromium" })), /^redis /);
});

test("what is missing and required fails", () => {
  for (const required of ["redis", "chromium, redis", "nixl,redis,pyarrow"]) {
    assert.throws(() => skipWithout("redis", false, { PACELINE_REQUIRE: required }), /redis/);
  }
});
