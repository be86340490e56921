import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mostLikely } from "../../../adapters/vllm/top-rows.ts";

const entry = () =>
  fc.tuple(fc.nat(50), fc.oneof(fc.constantFrom(-9999, -1, -0.5), fc.integer({ min: -9, max: 0 })));

test("each row is its most likely ids, equals by id, without those that filters left no room for", () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(entry(), { maxLength: 9 }), { maxLength: 6 }),
      fc.nat(5),
      (rows, width) => {
        const offsets = new Uint32Array(rows.length + 1);
        for (const [at, { length }] of rows.entries()) {
          offsets[at + 1] = (offsets[at] as number) + length;
        }
        const ids = Uint32Array.from(rows.flat(), ([id]) => id);
        const logprobs = Float32Array.from(rows.flat(), ([, logprob]) => logprob);
        const made = mostLikely({ offsets, ids, logprobs }, width);
        const told = rows.map((_, row) => {
          const [from, to] = [made.offsets[row], made.offsets[row + 1]];
          const of = [...made.ids.subarray(from, to)];
          return of.map((id, at) => [id, made.logprobs[(from as number) + at]]);
        });
        const wanted = rows.map((row) =>
          row
            .filter(([, logprob]) => logprob > -9999)
            .toSorted(([x, a], [y, b]) => b - a || x - y)
            .slice(0, width),
        );
        assert.deepEqual(told, wanted);
        assert.deepEqual(
          [made.ids.length, made.logprobs.length],
          [made.offsets.at(-1), made.offsets.at(-1)],
        );
      },
    ),
    { numRuns: 500 },
  );
});
