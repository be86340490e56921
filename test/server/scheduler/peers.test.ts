import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_OPTIONS } from "../../../server/scheduler/options.ts";
import { Roster } from "../../../server/scheduler/roster.ts";
import type { Slot } from "../../../server/scheduler/slots.ts";
import { Bench, worker } from "./samples.ts";

const listener = { kindAdded() {}, kindRemoved() {}, kindChanged() {} };

const load = { kvUsedTokens: 0, running: 0, waiting: 0, prefillTokensPerSecond: 50_000 };

function measure(slot: Slot, a: number): Slot[] {
  const step = { a, s: 0.0001 };
  slot.observe(
    { type: "telemetry", worker: slot.worker.id, slot: 0, step, ...load },
    DEFAULT_OPTIONS,
  );
  return [...slot.worker.peers.learn(slot)];
}

test("rates of 4,096 workers that start together are told n·log n times", () => {
  const roster = new Roster(DEFAULT_OPTIONS, listener);
  const slots = Array.from({ length: 4_096 }, (_, i) => roster.join(worker(`w${i}`)).slots).flat();
  let told = 0;
  for (const [at, slot] of slots.entries()) {
    told += measure(slot, 0.02).length;
    for (const next of slots.slice(at + 1, at + 2)) assert.equal(next.step.a, 0.02);
  }
  assert.ok(told <= slots.length * Math.log2(slots.length), `told ${told} times`);
});

test("a worker that moves is reckoned as its new peers are, and no more as its old ones", () => {
  const roster = new Roster(DEFAULT_OPTIONS, listener);
  const [here, there] = [roster.join(worker("here")), roster.join(worker("there", { pool: "b" }))];
  const moved = roster.join(worker("moved"));
  measure(there.slots[0] as Slot, 0.03);
  roster.update(moved, worker("moved", { pool: "b" }));
  assert.equal(moved.slots[0]?.step.a, 0.03);
  assert.deepEqual(measure(here.slots[0] as Slot, 0.01), []);
  assert.equal(moved.slots[0]?.step.a, 0.03);
});

test("who has left is told no more", () => {
  const roster = new Roster(DEFAULT_OPTIONS, listener);
  const [first, second] = [roster.join(worker("first")), roster.join(worker("second"))];
  roster.leave(second);
  assert.deepEqual(measure(first.slots[0] as Slot, 0.01), []);
});

test("workers that start together do not each have the whole fleet looked at", () => {
  const bench = new Bench();
  let looks = 0;
  const count = 2_048;
  for (let i = 0; i < count; i++) {
    const get = (): null => {
      looks++;
      return null;
    };
    bench.fleet(Object.defineProperty(worker(`w${i}`), "tiers", { get }));
  }
  assert.ok(looks < 64 * count, `${looks} looks at ${count} workers`);
});
