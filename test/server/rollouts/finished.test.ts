/** What is kept of rollouts that have ended: for a time, up to limits, then a tombstone (I4). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Finished } from "../../../server/rollouts/finished.ts";
import type { RolloutLife } from "../../../server/rollouts/life.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

/** As much of a life as is looked at here. */
const life = (id: string, ended: object, promptTokens = 1): RolloutLife =>
  ({
    key: `default/${id}`,
    rollout: sampleRollout({
      id,
      bodyHash: `hash of ${id}`,
      promptTokenIds: new Uint32Array(promptTokens),
    }),
    outputTokens: 0,
    ended,
  }) as unknown as RolloutLife;

const RESULT = { result: { side: null } };
const ERROR = { error: new Error("odd") };
const LIMITS = { finishedRollouts: 3, finishedBytes: 1_000, tombstones: 2 };

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
  for (const id of ["a", "b", "c", "d"]) finished.add(life(id, RESULT));
  assert.deepEqual(kept("a", "b", "c", "d"), [false, true, true, true]);
  assert.deepEqual(buried("a", "b"), ["same", null]);
  for (const id of ["e", "f"]) finished.add(life(id, RESULT));
  assert.deepEqual(buried("a", "b", "c", "d"), [null, "same", "same", null]);
});

test("after its time a Result is a tombstone; an error is forgotten, and can be tried again", async () => {
  const { clock, finished, kept, buried } = world();
  finished.add(life("a", RESULT));
  finished.add(life("b", ERROR));
  assert.equal(finished.match("default/b"), undefined);
  assert.deepEqual(kept("a", "b"), [true, true]);
  await clock.advance(100);
  assert.deepEqual(kept("a", "b"), [false, false]);
  assert.deepEqual(buried("a", "b"), ["same", null]);
});

test("a wall clock that jumps by hours changes nothing of how long a Result is kept", async () => {
  for (const hours of [5, -5]) {
    const { clock, finished, kept } = world();
    finished.add(life("a", RESULT));
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
  finished.add(life("a", RESULT, 100));
  finished.add(life("b", RESULT, 100));
  assert.deepEqual(kept("a", "b"), [true, true]);
  finished.add(life("c", RESULT, 1_000));
  assert.deepEqual(kept("a", "b", "c"), [false, false, true]);
});
