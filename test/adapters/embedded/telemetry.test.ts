/** A worker that lies about its load is not believed: its telemetry is an engine's error, and the last one stays. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { parseTelemetry } from "../../../adapters/embedded/telemetry.ts";

const TRUE = {
  running: 1,
  waiting: 0,
  kv_used_tokens: 10,
  kv_total_tokens: 100,
  output_tokens: 5,
  prefill_tokens: 7,
  steps: [{ batch: 1, seconds: 0.01 }],
};

const LIES: readonly (readonly [name: string, over: object])[] = [
  ["a negative load", { running: -1 }],
  ["half a request", { waiting: 0.5 }],
  ["more requests than a u32", { running: 2 ** 32 }],
  ["more tokens than 2^53", { output_tokens: 1e300 }],
  ["what JSON reads as infinite", { kv_used_tokens: JSON.parse("1e999") }],
  ["no number", { kv_total_tokens: "100" }],
  ["nothing", { prefill_tokens: null }],
  ["a step back in time", { steps: [{ batch: 1, seconds: -1 }] }],
  ["an endless step", { steps: [{ batch: 1, seconds: JSON.parse("1e999") }] }],
];

suite("telemetry", () => {
  test("is taken as it is", () => assert.equal(parseTelemetry(TRUE).kvUsedTokens, 10));

  for (const [name, over] of LIES) {
    test(`${name} is refused`, () =>
      assert.throws(() => parseTelemetry({ ...TRUE, ...over }), { code: "engine_error" }));
  }
});
