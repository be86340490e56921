import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../../../server/seeded-random.ts";
import { Batch } from "../../../../server/simulator/engine/batch.ts";
import { type Directory, HostTier } from "../../../../server/simulator/engine/host-tier.ts";
import { KvBook } from "../../../../server/simulator/engine/kv-book.ts";
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
  return new Sequence({ ...wish, prefix, stopAt, adapter: null });
}

/** Runs all to their ends; `most`: steps that are made at once. Answers when each ended. */
function drain(sequences: readonly Sequence[], most: number): number[] {
  const batch = new Batch(SHAPE);
  for (const each of sequences) batch.add(each);
  const ends: number[] = [];
  let seconds = 0;
  for (let phase = batch.plan(seconds); phase !== null; phase = batch.plan(seconds)) {
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
  batch.advance(batch.plan(0)?.steps ?? 0);
  assert.equal(batch.decoding, 2);
  // 902 held, two more a step: 49 steps to 1,000.
  assert.equal(batch.plan(0)?.steps, 49);
  batch.advance(49);
  batch.plan(0);
  assert.equal(batch.preemptions, 1);
  assert.deepEqual(batch.running, [old]);
  assert.equal(young.outputTokens, 50);
  assert.deepEqual(batch.waiting, [young]);
});

test("an owner that comes back finds what nobody needed of its context", () => {
  const batch = new Batch(SHAPE);
  const first = sequence(0, 600, 100);
  batch.add(first);
  while (batch.advance(batch.plan(0)?.steps ?? 0).length === 0);
  batch.remove(first);
  assert.equal(batch.kv.idle, 699);
  const wish = {
    order: 1,
    priority: 0,
    owner: 0,
    promptTokens: 600,
    prefix: [],
    adapter: null,
    stopAt: 110,
  };
  const again = new Sequence({ ...wish, outputTokens: 100 });
  batch.add(again);
  assert.equal(batch.plan(0)?.steps, 1);
  assert.equal(again.missing, 1);
});

const RATES = { hostTokens: 1_000, hostTokensPerSecond: 200_000, poolTokensPerSecond: 100_000 };

for (const { where, pool, rates, rate } of [
  { where: "its own host, when HBM lost it", pool: false, rates: RATES, rate: 200_000 },
  { where: "another's host over the pool", pool: true, rates: RATES, rate: 100_000 },
  {
    where: "nowhere, where the hosts are no pool",
    pool: true,
    rates: { ...RATES, poolTokensPerSecond: null },
    rate: 0,
  },
]) {
  test(`a context that was cut comes back from ${where}`, () => {
    const directory: Directory = new Map();
    const make = (): Batch =>
      new Batch(SHAPE, new KvBook(SHAPE.kvTokens, { tiers: rates, pool: directory }));
    const first = make();
    const cut = sequence(0, 600, 100, 2);
    first.add(cut);
    while (first.advance(first.plan(0)?.steps ?? 0).length === 0);
    first.remove(cut);
    const second = pool ? make() : first;
    if (!pool) {
      const filler = sequence(7, 3_900, 1);
      first.add(filler);
      while (first.advance(first.plan(0)?.steps ?? 0).length === 0);
      first.remove(filler);
    }
    const wish = {
      order: 1,
      priority: 0,
      owner: 0,
      promptTokens: 600,
      prefix: [1, 2],
      stopAt: 110,
    };
    const again = new Sequence({ ...wish, adapter: null, outputTokens: 100 });
    second.add(again);
    const phase = second.plan(0);
    if (rate === 0) {
      assert.equal(phase?.steps, 1);
      assert.equal(again.missing, 700);
      return;
    }
    assert.equal(phase?.steps, 0);
    assert.ok(Math.abs((phase?.seconds ?? 0) - 699 / rate) < 1e-9);
    assert.equal(second.plan(phase?.seconds ?? 0)?.steps, 1);
    assert.equal(again.missing, 1);
    assert.deepEqual(second.advance(1), []);
    assert.equal(second.outputOf(again), 101);
  });
}

test("a host keeps what was used last, and tells what it gave up", () => {
  const gone: number[] = [];
  const host = new HostTier(RATES, null, (key) => gone.push(key));
  for (const key of [1, 2, 3]) host.keep(key, 400);
  assert.deepEqual(gone, [1]);
  assert.equal(host.find(2)?.tokens, 400);
  host.keep(4, 500);
  assert.deepEqual(gone, [1, 3]);
  host.keep(5, 1_001);
  assert.equal(host.has(5), false);
  assert.equal(host.peakTokens, 900);
});
