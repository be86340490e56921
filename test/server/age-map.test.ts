/** A map that knows its oldest entry, beside a plain one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AgeMap } from "../../server/age-map.ts";

const step = fc.oneof(
  fc.record({ do: fc.constant("set" as const), key: fc.nat(9), value: fc.nat(99) }),
  fc.record({ do: fc.constant("delete" as const), key: fc.nat(9) }),
  fc.record({ do: fc.constant("keep" as const), limit: fc.nat(6) }),
  fc.record({ do: fc.constant("clear" as const) }),
);

test("whatever came, left or came again, it holds what a Map holds, and knows which came first", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ours = new AgeMap<number, number>();
      const plain = new Map<number, number>();
      for (const one of steps) {
        if (one.do === "set") {
          ours.set(one.key, one.value);
          plain.delete(one.key);
          plain.set(one.key, one.value);
        } else if (one.do === "delete") {
          assert.equal(ours.delete(one.key), plain.delete(one.key));
        } else if (one.do === "keep") {
          ours.keep(one.limit);
          for (const key of plain.keys()) if (plain.size > one.limit) plain.delete(key);
        } else {
          ours.clear();
          plain.clear();
        }
        assert.equal(ours.size, plain.size);
        const oldest = ours.oldest();
        assert.deepEqual(
          oldest === null ? [] : [[oldest.key, oldest.value]],
          [...plain].slice(0, 1),
        );
        for (let key = 0; key < 10; key++) {
          assert.equal(ours.get(key), plain.get(key));
          assert.equal(ours.has(key), plain.has(key));
        }
      }
      // Emptied oldest first: the whole order.
      const order: number[] = [];
      for (let next = ours.oldest(); next !== null; next = ours.oldest()) {
        order.push(next.key);
        ours.delete(next.key);
      }
      assert.deepEqual(order, [...plain.keys()]);
    }),
    { numRuns: 500 },
  );
});
