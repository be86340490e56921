/** What is kept is bounded in number, memory and age, the longest kept first to go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Kept } from "../../../server/rollouts/kept.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const life = (key: string, outputTokens: number, prompt = 10) => ({
  key,
  outputTokens,
  rollout: { promptTokenIds: new Uint32Array(prompt) },
});

function kept(keptRollouts: number, keptBytes: number) {
  const clock = new VirtualClock();
  const gone: string[] = [];
  const books = new Kept<ReturnType<typeof life>>(
    clock,
    1_000,
    ({ key }, why) => gone.push(`${key} ${why}`),
    { keptRollouts, keptBytes },
  );
  return { clock, gone, books };
}

test("beyond a number or so many bytes, the longest kept go", () => {
  const few = kept(2, 1e9);
  for (const key of ["a", "b", "c"]) few.books.add(life(key, 5));
  assert.deepEqual(few.gone, ["a too_many"]);
  // It came again, so it is the last to go.
  few.books.add(life("b", 7));
  few.books.add(life("d", 1));
  assert.deepEqual(few.gone, ["a too_many", "c too_many"]);
  assert.deepEqual(few.books.usage, { rollouts: 2, outputTokens: 8 });

  const small = kept(99, 300);
  small.books.add(life("a", 10));
  small.books.add(life("b", 10));
  assert.deepEqual(small.gone, []);
  small.books.add(life("c", 8));
  assert.deepEqual(small.gone, ["a too_many"]);
  small.books.add(life("d", 1_000));
  assert.deepEqual(small.gone.slice(1), ["b too_many", "c too_many", "d too_many"]);
  assert.deepEqual(small.books.usage, { rollouts: 0, outputTokens: 0 });
  assert.equal(small.clock.timers, 0);
});

test("each goes when its time is over, and no timer is left behind", async () => {
  const { clock, gone, books } = kept(9, 1e9);
  books.add(life("a", 1));
  await clock.advance(400);
  books.add(life("b", 1));
  books.add(life("c", 1));
  assert.equal(clock.timers, 1);
  assert.equal(books.remove("b"), true);
  assert.equal(books.remove("b"), false);
  await clock.advance(599);
  assert.deepEqual(gone, []);
  await clock.advance(1);
  assert.deepEqual(gone, ["a too_old"]);
  await clock.advance(400);
  assert.deepEqual(gone, ["a too_old", "c too_old"]);
  assert.equal(clock.timers, 0);
});
