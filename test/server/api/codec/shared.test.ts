/** What rollouts share is what they would have had alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Shared } from "../../../../server/api/codec/shared.ts";

type Part = Readonly<Record<string, unknown>>;

const EMPTY: Part = {};
const LIST = [1];

const CASES: readonly (readonly [name: string, one: Part, other: Part, same: boolean])[] = [
  ["equal fields", { a: 1, b: "x", c: null, d: LIST }, { a: 1, b: "x", c: null, d: LIST }, true],
  ["fields in another order", { a: 1, b: 2 }, { b: 2, a: 1 }, true],
  ["another value", { a: 1, b: 2 }, { a: 1, b: 3 }, false],
  ["null and 0", { a: null }, { a: 0 }, false],
  ["a field more", { a: 1 }, { a: 1, b: 2 }, false],
  ["a field less", { a: 1, b: 2 }, { a: 1 }, false],
  ["another field", { min: 1 }, { exact: 1 }, false],
  ["nothing and something", EMPTY, { a: 1 }, false],
  ["equal lists that are two", { a: [1] }, { a: [1] }, false],
];

for (const [name, one, other, same] of CASES) {
  test(`${name}: ${same ? "one object" : "two objects"}`, () => {
    const shared = new Shared<Part>();
    assert.equal(shared.of(one), one);
    assert.equal(shared.of(other), same ? one : other);
  });
}

test("lists are compared by what they hold", () => {
  const shared = new Shared<readonly number[]>();
  const list = shared.of([1, 2]);
  assert.equal(shared.of([1, 2]), list);
  for (const other of [[1], [1, 3], [1, 2, 3], []]) assert.equal(shared.of(other), other);
});

test("only the kinds seen last are kept, so what stays is bounded", () => {
  const shared = new Shared<Part>();
  const first = shared.of({ a: 0 });
  for (let a = 1; a < 8; a++) shared.of({ a });
  assert.equal(shared.of({ a: 0 }), first);
  shared.of({ a: 8 });
  assert.notEqual(shared.of({ a: 0 }), first);
});
