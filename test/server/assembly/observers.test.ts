/** What the parts report, as the events that a reader of `/v1/events` sees. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pino from "pino";
import { observeFleet } from "../../../server/assembly/observers.ts";
import { createLifeCycle } from "../../../server/telemetry/life-cycle.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

test("evidence is told at once, then once a window for each worker and kind, and none is lost", async () => {
  const clock = new VirtualClock();
  const lifeCycle = createLifeCycle(clock);
  const fleet = observeFleet(lifeCycle, pino({ level: "silent" }), clock);
  let seen = 0;
  const told = (): unknown[] => {
    const records = lifeCycle.read(seen, 100);
    seen += records.length;
    return records.map(({ event }) => [event["worker"], event["evidence"], event["reports"]]);
  };
  for (let n = 0; n < 5_000; n++) fleet.evidence("a", "stuck");
  fleet.evidence("a", "misaligned");
  fleet.evidence("b", "stuck");
  fleet.evidence("b", "ok");
  assert.deepEqual(told(), [
    ["a", "stuck", 1],
    ["a", "misaligned", 1],
    ["b", "stuck", 1],
  ]);
  await clock.advance(1_000);
  assert.deepEqual(told(), [["a", "stuck", 4_999]]);
  fleet.evidence("a", "stuck");
  assert.deepEqual(told(), []);
  await clock.advance(1_000);
  assert.deepEqual(told(), [["a", "stuck", 1]]);
  await clock.advance(1_000);
  assert.deepEqual([told(), clock.timers], [[], 0]);
  fleet.evidence("a", "stuck");
  assert.deepEqual(told(), [["a", "stuck", 1]]);
});
