import assert from "node:assert/strict";
import { test } from "node:test";
import { CardQueue } from "../../../server/scheduler/card-queue.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

interface Item {
  heapIndex: number;
  value: number;
}

test("first, size and contents agree with a sorted list through pushes and removals anywhere", () => {
  const random = seededRandom(testSeed("card queue"));
  const queue = new CardQueue<Item>((a, b) => a.value < b.value);
  const items: Item[] = [];
  for (let round = 0; round < 20_000; round++) {
    // Mostly in order, some early; first a time of growth, then one of decline, and again.
    const grows = Math.floor(round / 4_000) % 2 === 0 ? 6 : 3;
    if (random.u32() % 9 < grows || items.length === 0) {
      const early = random.u32() % 5 === 0 ? (random.u32() % 1_000) + 0.5 + random.next() / 4 : 0;
      const item = { heapIndex: -1, value: round - early };
      items.push(item);
      queue.push(item);
    } else {
      const at = random.u32() % 3 === 0 ? random.u32() % items.length : lowest(items);
      const [gone] = items.splice(at, 1);
      assert.ok(gone);
      queue.remove(gone);
    }
    assert.equal(queue.size, items.length);
    if (round % 7 === 0) assert.equal(queue.first(), items[lowest(items)] ?? null);
  }
  const values = (all: Iterable<Item>) => [...all].map(({ value }) => value).sort((a, b) => a - b);
  assert.deepEqual(values(queue), values(items));
});

test("one that comes back with another value stands by it, were it the last of all", () => {
  const queue = new CardQueue<Item>((a, b) => a.value < b.value);
  const [first, second, last] = [1, 2, 3].map((value): Item => ({ heapIndex: -1, value }));
  assert.ok(first && second && last);
  for (const item of [first, second, last]) queue.push(item);
  queue.remove(last);
  last.value = 0;
  queue.push(last);
  assert.equal(queue.first(), last);
  for (const item of [last, first, second]) {
    assert.equal(queue.first(), item);
    queue.remove(item);
  }
  assert.equal(queue.size, 0);
});

function lowest(items: readonly Item[]): number {
  let at = 0;
  for (let i = 1; i < items.length; i++) {
    if ((items[i]?.value ?? 0) < (items[at]?.value ?? 0)) at = i;
  }
  return at;
}
