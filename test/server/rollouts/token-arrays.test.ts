import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenArrays } from "../../../server/rollouts/token-arrays.ts";
import { seededRandom } from "../../../server/seeded-random.ts";

/** Memory as an adapter's slab: both arrays in one buffer, filled from the front. */
function slab(capacity: number) {
  const memory = new ArrayBuffer(8 * capacity);
  const ids = new Uint32Array(memory, 0, capacity);
  const logprobs = new Float32Array(memory, 4 * capacity, capacity);
  let used = 0;
  return {
    ids,
    room: () => capacity - used,
    give(values: readonly number[]) {
      const from = used;
      used += values.length;
      ids.set(values, from);
      logprobs.set(
        values.map((value) => -value),
        from,
      );
      return { ids: ids.subarray(from, used), logprobs: logprobs.subarray(from, used) };
    },
  };
}

test("neighbours in memory are kept where they lie", () => {
  const from = slab(8);
  from.give([9]);
  const tokens = new TokenArrays(8);
  for (const values of [[1, 2], [3], [4, 5, 6]]) tokens.append(from.give(values));
  assert.deepEqual([...tokens.ids], [1, 2, 3, 4, 5, 6]);
  assert.deepEqual([...tokens.logprobs], [-1, -2, -3, -4, -5, -6]);
  assert.equal(tokens.ids.buffer, from.ids.buffer);
});

test("what does not lie behind is copied, and the memory before it is left alone", () => {
  const first = slab(4);
  const tokens = new TokenArrays(2);
  tokens.append(first.give([1, 2]));
  const before = tokens.ids;
  tokens.append(slab(4).give([3]));
  assert.notEqual(tokens.ids.buffer, first.ids.buffer);
  assert.deepEqual([...tokens.ids], [1, 2, 3]);
  assert.deepEqual([...first.ids], [1, 2, 0, 0]);
  tokens.append(first.give([4]));
  assert.deepEqual([...tokens.ids], [1, 2, 3, 4]);
  tokens.clear();
  tokens.append(slab(4).give([7]));
  assert.deepEqual([...tokens.ids], [7]);
  assert.deepEqual([...before], [1, 2]);
});

test("memory that ends within a word", () => {
  const memory = new ArrayBuffer(10);
  const tokens = new TokenArrays(4);
  tokens.append({ ids: new Uint32Array(memory, 4, 1), logprobs: new Float32Array(memory, 0, 1) });
  assert.deepEqual([[...tokens.ids], [...tokens.logprobs]], [[0], [0]]);
});

test("any mix of slabs reads as one array", () => {
  const seed = 20261;
  const random = seededRandom(seed);
  for (let round = 0; round < 200; round++) {
    const tokens = new TokenArrays(1 + (random.u32() % 8));
    const expected: number[] = [];
    let from = slab(1 + (random.u32() % 12));
    for (let chunk = 0; chunk < 12; chunk++) {
      const count = 1 + (random.u32() % 4);
      if (from.room() < count) from = slab(count + (random.u32() % 12));
      const values = Array.from({ length: count }, () => random.u32() % 1_000);
      expected.push(...values);
      tokens.append(from.give(values));
    }
    const told = `seed ${seed}, round ${round}`;
    assert.deepEqual([...tokens.ids], expected, told);
    assert.deepEqual([...tokens.logprobs].map(Math.abs), expected, told);
  }
});
