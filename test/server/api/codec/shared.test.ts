/** What rollouts share is what they would have had alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { equalBy, equalLists, Shared } from "../../../../server/api/codec/shared.ts";

interface Part {
  readonly a: number | null;
  readonly b: string;
  readonly list: readonly number[];
}

const LIST = [1];
const PART: Part = { a: 1, b: "x", list: LIST };
const parts = () => new Shared<Part>(equalBy({ a: true, b: true, list: true }));

const CASES: readonly (readonly [name: string, other: Part, same: boolean])[] = [
  ["equal fields", { ...PART }, true],
  ["fields in another order", { list: LIST, b: "x", a: 1 }, true],
  ["another number", { ...PART, a: 0 }, false],
  ["null", { ...PART, a: null }, false],
  ["another string", { ...PART, b: "" }, false],
  ["a list of its own", { ...PART, list: [1] }, false],
];

for (const [name, other, same] of CASES) {
  test(`${name}: ${same ? "one object" : "two objects"}`, () => {
    const shared = parts();
    assert.equal(shared.of(PART), PART);
    assert.equal(shared.of(other), same ? PART : other);
  });
}

test("lists are compared by what they hold", () => {
  const shared = new Shared<readonly number[]>(equalLists);
  const list = shared.of([1, 2]);
  assert.equal(shared.of([1, 2]), list);
  for (const other of [[1], [1, 3], [1, 2, 3], []]) assert.equal(shared.of(other), other);
});

test("only the kinds seen last are kept, so what stays is bounded", () => {
  const shared = parts();
  const first = shared.of({ ...PART, a: 0 });
  for (let a = 1; a < 8; a++) shared.of({ ...PART, a });
  assert.equal(shared.of({ ...PART, a: 0 }), first);
  shared.of({ ...PART, a: 8 });
  assert.notEqual(shared.of({ ...PART, a: 0 }), first);
});
