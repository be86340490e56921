import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../../server/seeded-random.ts";
import { Batch } from "../../../../server/simulator/engine/batch.ts";
import { Sequence } from "../../../../server/simulator/engine/sequence.ts";
import { testSeed } from "../../../support/seeded-random.ts";

const SHAPE = {
  kvTokens: 4_000,
  maxRunning: 16,
  step: { a: 0.01, s: 0.001 },
  prefillTokensPerSecond: 10_000,
  prefillChunk: 512,
};

function sequence(order: number, promptTokens: number, stopAt: number, blocks = 0): Sequence {
  const prefix = Array.from({ length: blocks }, (_, i) => i + 1);
  const wish = { order, priority: 0, owner: order, promptTokens, outputTokens: 0 };
  return new Sequence({ ...wish, prefix, stopAt });
}

/** Runs all to their ends; `most`: steps that are made at once. Answers when each ended. */
function drain(sequences: readonly Sequence[], most: number): number[] {
  const batch = new Batch(SHAPE);
  for (const each of sequences) batch.add(each);
  const ends: number[] = [];
  let seconds = 0;
  for (let phase = batch.plan(); phase !== null; phase = batch.plan()) {
    const steps = Math.min(most, phase.steps);
    seconds += steps * phase.seconds;
    for (const done of batch.advance(steps)) {
      assert.equal(batch.outputOf(done), done.stopAt);
      ends[done.order] = seconds;
      batch.remove(done);
    }
    const held = batch.running.reduce(
      (sum, each) => sum + each.promptTokens + batch.outputOf(each) - 256 * each.blocks.length,
      0,
    );
    const shared = new Set(batch.running.flatMap(({ blocks }) => blocks)).size * 256;
    assert.equal(batch.kv.held, held + shared, "the books agree with who runs");
    assert.ok(batch.kv.held + batch.kv.idle <= SHAPE.kvTokens);
  }
  assert.equal(batch.running.length + batch.waiting.length, 0);
  assert.equal(batch.kv.held, 0);
  return ends;
}

test("many steps at once are the same as one by one", () => {
  const seed = testSeed("batch");
  for (let round = 0; round < 50; round++) {
    const make = (): Sequence[] => {
      const random = seededRandom(seed + round);
      return Array.from({ length: 12 }, (_, i) => {
        const prompt = 1 + Math.floor(random.next() * 1_500);
        return sequence(i, prompt, 1 + Math.floor(random.next() * 1_200), Math.floor(prompt / 256));
      });
    };
    const together = drain(make(), Number.POSITIVE_INFINITY);
    const single = drain(make(), 1);
    for (const [i, end] of single.entries()) {
      assert.ok(Math.abs(end - (together[i] ?? 0)) < 1e-6, `${i}: ${end} and ${together[i]}`);
    }
  }
});

test("the youngest gives way and comes back first", () => {
  const batch = new Batch({ ...SHAPE, kvTokens: 1_000, prefillChunk: 1_000 });
  const old = sequence(0, 450, 400);
  const young = sequence(1, 450, 400);
  batch.add(old);
  batch.add(young);
  batch.advance(batch.plan()?.steps ?? 0);
  assert.equal(batch.decoding, 2);
  // 902 held, two more a step: 49 steps to 1,000.
  assert.equal(batch.plan()?.steps, 49);
  batch.advance(49);
  batch.plan();
  assert.equal(batch.preemptions, 1);
  assert.deepEqual(batch.running, [old]);
  assert.equal(young.outputTokens, 50);
  assert.deepEqual(batch.waiting, [young]);
});

test("an owner that comes back finds what nobody needed of its context", () => {
  const batch = new Batch(SHAPE);
  const first = sequence(0, 600, 100);
  batch.add(first);
  while (batch.advance(batch.plan()?.steps ?? 0).length === 0);
  batch.remove(first);
  assert.equal(batch.kv.idle, 699);
  const wish = { order: 1, priority: 0, owner: 0, promptTokens: 600, prefix: [], stopAt: 110 };
  const again = new Sequence({ ...wish, outputTokens: 100 });
  batch.add(again);
  assert.equal(batch.plan()?.steps, 1);
  assert.equal(again.missing, 1);
});
