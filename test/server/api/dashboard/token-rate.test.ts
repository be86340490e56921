import assert from "node:assert/strict";
import { test } from "node:test";
import { TokenRate } from "../../../../server/api/dashboard/token-rate.ts";

interface Look {
  readonly at: number;
  readonly incarnation?: string;
  readonly counter: number;
}

const CASES: readonly { name: string; looks: readonly Look[]; perSecond: number }[] = [
  { name: "nothing seen yet", looks: [], perSecond: 0 },
  { name: "what was made before the first look", looks: [{ at: 0, counter: 900 }], perSecond: 0 },
  {
    name: "a steady counter",
    looks: [
      { at: 0, counter: 100 },
      { at: 1_000, counter: 150 },
      { at: 2_000, counter: 200 },
    ],
    perSecond: 50,
  },
  {
    name: "only the last samples",
    looks: [
      { at: 0, counter: 0 },
      { at: 1_000, counter: 1_000 },
      { at: 2_000, counter: 1_000 },
      { at: 3_000, counter: 1_000 },
      { at: 4_000, counter: 1_000 },
    ],
    perSecond: 0,
  },
  {
    name: "a new life, whose counter began at 0",
    looks: [
      { at: 0, incarnation: "a", counter: 1_000 },
      { at: 1_000, incarnation: "b", counter: 30 },
    ],
    perSecond: 30,
  },
  {
    name: "a counter that went backwards, counted on from there",
    looks: [
      { at: 0, counter: 1_000 },
      { at: 1_000, counter: 400 },
      { at: 2_000, counter: 500 },
    ],
    perSecond: 50,
  },
];

for (const { name, looks, perSecond } of CASES) {
  test(`the rate of ${name}`, () => {
    const rate = new TokenRate();
    for (const { at, incarnation = "a", counter } of looks) rate.sample(at, incarnation, counter);
    assert.equal(rate.perSecond, perSecond);
  });
}
