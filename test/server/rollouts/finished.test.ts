/** What is kept of rollouts that have ended: for a time, up to limits, then a tombstone (I4). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Finished } from "../../../server/rollouts/finished.ts";
import type { FinishedRollout } from "../../../server/rollouts/finished-rollout.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

/** As much of one as is looked at here. */
const rollout = (id: string, ended: object, outputTokens = 1): FinishedRollout =>
  ({
    key: `default/${id}`,
    bodyHash: `hash of ${id}`,
    progress: () => ({ outputTokens }),
    ended,
  }) as unknown as FinishedRollout;

const RESULT = { result: { side: null } };
const ERROR = { error: new Error("odd") };
const LIMITS = { finishedRollouts: 3, finishedBytes: 2_000, tombstones: 2 };

function world(limits = LIMITS) {
  const clock = new VirtualClock();
  const finished = new Finished(clock, 100, limits);
  const kept = (...ids: string[]) => ids.map((id) => finished.get(`default/${id}`) !== undefined);
  const buried = (...ids: string[]) =>
    ids.map((id) => finished.tombstone(`default/${id}`, `hash of ${id}`));
  return { clock, finished, kept, buried };
}

test("beyond the limit the oldest become tombstones early, and the oldest of those go for good", () => {
  const { finished, kept, buried } = world();
  for (const id of ["a", "b", "c", "d"]) finished.add(rollout(id, RESULT));
  assert.deepEqual(kept("a", "b", "c", "d"), [false, true, true, true]);
  assert.deepEqual(buried("a", "b"), ["same", null]);
  for (const id of ["e", "f"]) finished.add(rollout(id, RESULT));
  assert.deepEqual(buried("a", "b", "c", "d"), [null, "same", "same", null]);
});

test("after its time a Result is a tombstone; an error is forgotten, and can be tried again", async () => {
  const { clock, finished, kept, buried } = world();
  finished.add(rollout("a", RESULT));
  finished.add(rollout("b", ERROR));
  assert.equal(finished.match("default/b"), undefined);
  assert.deepEqual(kept("a", "b"), [true, true]);
  await clock.advance(100);
  assert.deepEqual(kept("a", "b"), [false, false]);
  assert.deepEqual(buried("a", "b"), ["same", null]);
});

test("a wall clock that jumps by hours changes nothing of how long a Result is kept", async () => {
  for (const hours of [5, -5]) {
    const { clock, finished, kept } = world();
    finished.add(rollout("a", RESULT));
    clock.jumpWall(hours * 3_600_000);
    await clock.advance(99);
    assert.deepEqual(kept("a"), [true]);
    clock.jumpWall(-2 * hours * 3_600_000);
    await clock.advance(1);
    assert.deepEqual(kept("a"), [false]);
  }
});

test("beyond the bytes the oldest go early; the newest stays, however big", () => {
  const { finished, kept } = world();
  finished.add(rollout("a", RESULT, 100));
  finished.add(rollout("b", RESULT, 100));
  assert.deepEqual(kept("a", "b"), [true, true]);
  finished.add(rollout("c", RESULT, 1_000));
  assert.deepEqual(kept("a", "b", "c"), [false, false, true]);
});
