import assert from "node:assert/strict";
import { test } from "node:test";
import {
  judgeCanaries,
  toleranceOf,
} from "../../../../../server/weights/coordinator/core/canary.ts";
import type {
  Canary,
  Shown,
} from "../../../../../server/weights/coordinator/core/external-events.ts";

const one = (worker: string, canary: Canary | null, over: Partial<Shown> = {}): Shown => ({
  worker,
  incarnation: "1",
  cohort: "c",
  tolerance: 0.5,
  canary,
  before: null,
  sameContent: false,
  ...over,
});

const OLD = [-1, -2, -3];
const NEW = [-1.1, -2.2, -6];
const NEAR = [-1.2, -2.1, -6.3];
const OTHER = [-9, -1, -1];

const SUM = { checksum: "1", layout: "l" };

const CASES: readonly (readonly [string, readonly Shown[], out: Record<string, RegExp>])[] = [
  ["alone, with nothing before: nothing speaks against it", [one("a", NEW)], {}],
  ["alone, changed", [one("a", NEW, { before: OLD })], {}],
  ["alone, unchanged", [one("a", OLD, { before: OLD })], { a: /nothing was loaded/ }],
  ["unchanged, as its mover says", [one("a", OLD, { before: OLD, sameContent: true })], {}],
  ["a cohort within its rounding", [one("a", NEW), one("b", NEAR), one("c", NEW)], {}],
  [
    "the odd one out",
    [one("a", NEW), one("b", OTHER), one("c", NEAR)],
    { b: /differs from that of 2 of 3/ },
  ],
  [
    "two that differ: nobody knows which is right",
    [one("a", NEW), one("b", OTHER)],
    { a: /no more than 1 of 2/, b: /no more than 1 of 2/ },
  ],
  [
    "two that differ, of which one is what it was",
    [one("a", NEW, { before: OLD }), one("b", OLD, { before: OLD })],
    { b: /nothing was loaded/ },
  ],
  ["other cohorts are not compared", [one("a", NEW), one("b", OTHER, { cohort: "d" })], {}],
  ["prompts of another length", [one("a", NEW), one("b", NEW), one("c", [-1])], { c: /differs/ }],
  [
    "checksums, of which one is another",
    [one("a", SUM), one("b", { ...SUM, checksum: "2" }), one("c", SUM)],
    { b: /its checksum differs from that of 2 of 3/ },
  ],
  [
    "a checksum that is what it was",
    [one("a", SUM, { before: SUM })],
    { a: /its checksum is what/ },
  ],
  ["who needs none is not judged", [one("a", null), one("b", NEW), one("c", NEW)], {}],
];

for (const [what, shown, out] of CASES) {
  test(what, () => {
    const verdicts = judgeCanaries(shown);
    assert.deepEqual([...verdicts.keys()].sort(), Object.keys(out).sort());
    for (const [worker, reason] of Object.entries(out)) {
      assert.match(verdicts.get(worker) ?? "", reason);
    }
  });
}

test("the coarser the number format, the wider the tolerance; a format that we do not know is coarse", () => {
  const widths = ["float32", "float16", "bfloat16", "float8_e4m3"].map(toleranceOf);
  assert.deepEqual(
    widths,
    [...widths].sort((a, b) => a - b),
  );
  assert.equal(toleranceOf("int3"), toleranceOf("float8_e4m3"));
});
