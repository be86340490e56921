import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { watchLoopDelay } from "../../../server/telemetry/event-loop.ts";

test("a loop that is held is told as late, once, and what Node adds is taken off", async (t) => {
  const watch = watchLoopDelay();
  const node = monitorEventLoopDelay({ resolution: 10 });
  node.enable();
  t.after(() => {
    watch.close();
    node.disable();
  });
  // Both have to look before and after the loop is held, at looks of their own.
  while (node.count < 2) await delay(5);
  const until = performance.now() + 200;
  while (performance.now() < until);
  const before = node.count;
  while (node.count < before + 2) await delay(5);
  const [worst] = watch.take([1]);
  assert.ok((worst ?? 0) >= 0.15, `held for 0.2 s, told ${worst} s`);
  assert.deepEqual(watch.take([1]), [0]);
});
