/** When a reply is read again: at once while little is read, soon while it is young, never too late. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createReadPacing, type ReadPacing } from "../../adapters/read-pacing.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

/** The reads that a tick has free. */
function spend(pacing: ReadPacing): void {
  for (let reads = 0; pacing.wait(60_000) === 0; reads++) assert.ok(reads < 1_000, "all are free");
}

describe("read pacing", () => {
  test("a quiet server reads at once, however old its replies", async () => {
    const clock = new VirtualClock();
    const pacing = createReadPacing(clock, 100);
    for (let i = 0; i < 500; i++) {
      assert.equal(pacing.wait(60_000), 0);
      await clock.advance(1);
    }
  });

  test("a busy one leaves a reply for a sixteenth of its age, within its bounds", () => {
    const pacing = createReadPacing(new VirtualClock(), 100);
    spend(pacing);
    assert.deepEqual(
      [0, 7, 8, 160, 800, 1_600, 3_600_000].map((age) => pacing.wait(age)),
      [0, 0, 4, 10, 50, 100, 100],
    );
  });

  test("0 switches it off", () => {
    const pacing = createReadPacing(new VirtualClock(), 0);
    for (let i = 0; i < 1_000; i++) assert.equal(pacing.wait(60_000), 0);
  });

  test("each reply is resumed once, at its time, and no timer is left over", async () => {
    const clock = new VirtualClock();
    const pacing = createReadPacing(clock, 100);
    const resumed: (readonly [number, number])[] = [];
    const waits = [4, 7, 12, 52, 100, 1_000, 0];
    for (const ms of waits) {
      pacing.after(ms, { resume: () => void resumed.push([ms, clock.now()]) });
    }
    await clock.advance(200);
    assert.deepEqual(resumed, [
      [4, 4],
      [0, 4],
      [7, 8],
      [12, 12],
      [52, 52],
      [100, 100],
      [1_000, 100],
    ]);
    assert.equal(clock.timers, 0);
  });

  test("a reply that waits again while it is resumed gets its turn", async () => {
    const clock = new VirtualClock();
    const pacing = createReadPacing(clock, 100);
    const at: number[] = [];
    const reply = {
      resume: () => {
        at.push(clock.now());
        if (at.length < 4) pacing.after(4, reply);
      },
    };
    pacing.after(4, reply);
    await clock.advance(40);
    assert.deepEqual(at, [4, 8, 12, 16]);
    assert.equal(clock.timers, 0);
  });
});
