import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { labelText, parseLabel } from "../../../adapters/label.ts";
import { createTelemetryReader } from "../../../adapters/sglang/telemetry.ts";

/** As recorded of 0.5.23, but for the sums. */
const loads = (moments: readonly number[] | null) => ({
  timestamp: "2026-11-24T21:48:21.710547+00:00",
  version: "0.5.23",
  loads: [
    {
      dp_rank: 0,
      num_running_reqs: 2,
      num_waiting_reqs: 1,
      num_used_tokens: 30,
      max_total_num_tokens: 16_384,
      total_prefill_uncached_tokens: 13,
      decode_moments: moments,
    },
  ],
});

/** Sums over steps of `[batch, microseconds]`. */
const momentsOf = (steps: readonly (readonly [number, number])[]): number[] =>
  steps.reduce(
    ([n = 0, b = 0, t = 0, bb = 0, bt = 0, g = 0], [batch, us]) => [
      n + 1,
      b + batch,
      t + us,
      bb + batch * batch,
      bt + batch * us,
      g + batch,
    ],
    [0, 0, 0, 0, 0, 0],
  );

describe("SGLang: telemetry", () => {
  test("two polls tell the steps between them by the line that fits them", () => {
    const reader = createTelemetryReader();
    assert.deepEqual(reader.read(loads([0, 0, 0, 0, 0, 0])).steps, []);
    // 1 ms and 0.5 ms a sequence.
    const steps = [1, 4, 4, 7].map((batch) => [batch, 1_000 + 500 * batch] as const);
    const {
      steps: points,
      outputTokens,
      running,
      kvTotalTokens,
    } = reader.read(loads(momentsOf(steps)));
    assert.deepEqual([outputTokens, running, kvTotalTokens], [16, 2, 16_384]);
    assert.equal(points.length, 2);
    for (const { batch, seconds } of points) {
      assert.ok(Math.abs(seconds - (1_000 + 500 * batch) / 1e6) < 1e-9, `${batch}: ${seconds}`);
    }
  });

  test("steps of one batch are one point; a server that began anew tells none yet", () => {
    const reader = createTelemetryReader();
    reader.read(loads([0, 0, 0, 0, 0, 0]));
    const even = momentsOf([
      [3, 2_000],
      [3, 4_000],
    ]);
    assert.deepEqual(reader.read(loads(even)).steps, [{ batch: 3, seconds: 0.003 }]);
    assert.deepEqual(reader.read(loads([0, 0, 0, 0, 0, 0])).steps, []);
    assert.deepEqual(createTelemetryReader().read(loads(null)).steps, []);
  });

  test("what is not of this wire is engine_error", () => {
    for (const json of [null, {}, { loads: [] }, { loads: [{ num_running_reqs: -1 }] }]) {
      assert.throws(() => createTelemetryReader().read(json), { code: "engine_error" });
    }
  });
});

describe("SGLang: label", () => {
  test("policy, version and load go through it; other names are nobody's", () => {
    const label = { policy: "a.b:c", version: 2 ** 52, load: 3 };
    assert.deepEqual(parseLabel(labelText(label)), label);
    assert.deepEqual(parseLabel("default@7"), { policy: "default", version: 7, load: 0 });
    for (const text of [
      "default",
      "7",
      "step-1",
      "a@b",
      "a@1#",
      "@1#1",
      "a@99999999999999999#1",
      "a@1#1 ",
    ]) {
      assert.equal(parseLabel(text), null, text);
    }
  });
});
