import assert from "node:assert/strict";
import { test } from "node:test";
import { IndexedHeap } from "../../../server/scheduler/heap.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

test("after any pushes, moves and removals the least item is on top and places are right", () => {
  const random = seededRandom(testSeed("heap"));
  const heap = new IndexedHeap<{ heapIndex: number; value: number }>((a, b) => a.value < b.value);
  const items: { heapIndex: number; value: number }[] = [];
  for (let round = 0; round < 5_000; round++) {
    const at = random.u32() % (items.length + 1);
    const item = items[at];
    const choice = random.u32() % 8;
    if (item === undefined || choice < 3) {
      const fresh = { heapIndex: -1, value: random.u32() % 50 };
      items.push(fresh);
      heap.push(fresh);
    } else if (choice < 5) {
      items.splice(at, 1);
      heap.remove(item);
      assert.equal(item.heapIndex, -1);
    } else {
      item.value = random.u32() % 50;
      heap.moved(item);
    }
    assert.equal(heap.size, items.length);
    assert.equal(
      heap.peek()?.value,
      items.length > 0 ? Math.min(...items.map((i) => i.value)) : undefined,
    );
    if (round % 50 > 0) continue;
    for (const [i, each] of heap.items.entries()) assert.equal(each.heapIndex, i);
  }
});
