import assert from "node:assert/strict";
import { test } from "node:test";
import { AS_LIVE, type DriverOptions } from "../../../server/simulator/options.ts";
import { simulate } from "../../../server/simulator/simulate.ts";
import type { Lie } from "../../../server/simulator/telemetry.ts";
import { crowded } from "./workloads.ts";

const TRUE = { a: 0.01, s: 0.001 };

function heardOf(driver: Partial<DriverOptions>): Parameters<Lie>[0][] {
  const heard: Parameters<Lie>[0][] = [];
  const lie: Lie = (seen) => {
    heard.push(seen);
    return seen;
  };
  simulate(crowded(2), { driver, lie });
  return heard;
}

test("rates are heard as they are, or as a live fleet would have fitted them from the steps so far", () => {
  for (const { step } of heardOf({})) assert.deepEqual(step, TRUE);
  const heard = heardOf(AS_LIVE);
  assert.equal(heard[0]?.step, null);
  const last = heard.findLast(({ worker }) => worker === "w0");
  assert.ok(last?.step);
  const off = (last.step.a + 10 * last.step.s) / (TRUE.a + 10 * TRUE.s) - 1;
  assert.ok(Math.abs(off) < 0.1, `a step of ten is ${off} off`);
  assert.ok(heard.length < heardOf({}).length);
});
