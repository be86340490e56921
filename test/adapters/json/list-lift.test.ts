import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ListLift } from "../../../adapters/json/list-lift.ts";

/** What is left of the JSON, and the elements that were taken out, however the text was cut. */
function lifted(text: string, cuts: readonly number[] = []): { json: string; values: unknown[] } {
  const bytes = Buffer.from(text);
  const values: unknown[] = [];
  let json = "";
  const lift = new ListLift("big", {
    json: (piece) => {
      json += piece.toString();
    },
    elements: (some) => {
      assert.ok(some.length > 0);
      values.push(...some);
    },
  });
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  const ordered = at.toSorted((a, b) => a - b);
  for (const [index, from] of ordered.entries()) {
    // A socket's memory is the next piece's.
    const piece = Buffer.from(bytes.subarray(from, ordered[index + 1]));
    lift.push(piece);
    piece.fill(0);
  }
  lift.end();
  return { json, values };
}

const cuts = () => fc.array(fc.nat(), { maxLength: 12 });

test("whatever JSON is in the list comes out, however it is cut and written", () => {
  fc.assert(
    fc.property(
      fc.array(fc.jsonValue(), { maxLength: 8 }),
      fc.jsonValue(),
      fc.constantFrom(undefined, 1),
      cuts(),
      (list, other, space, at) => {
        // The name within a value is that of a list like any other, and would be taken out, too.
        fc.pre(!JSON.stringify([list, other]).includes('"big":['));
        const around = { a: other, big: list, z: 1 };
        const { json, values } = lifted(JSON.stringify(around, null, space), at);
        assert.deepEqual(values, JSON.parse(JSON.stringify(list)));
        assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify({ ...around, big: [] })));
      },
    ),
    { numRuns: 500 },
  );
});

for (const [name, text, json, values] of [
  ["nothing of null", '{"big":null}', '{"big":null}', []],
  ["an empty list", '{"big":[ ]}', '{"big":[]}', []],
  [
    "brackets and quotes within strings",
    '{"big":["]\\"[",{"}":"\\\\"}]}',
    '{"big":[]}',
    [']"[', { "}": "\\" }],
  ],
  ["each of several", '[{"big":[1]},{"big":[[2,3],4]}]', '[{"big":[]},{"big":[]}]', [1, [2, 3], 4]],
] as const) {
  test(`takes out ${name}, however it is cut`, () => {
    fc.assert(
      fc.property(cuts(), (at) => {
        assert.deepEqual(lifted(text, at), { json, values });
      }),
      { numRuns: 100 },
    );
  });
}

for (const text of [
  '{"big":[1,]}',
  '{"big":[,1]}',
  '{"big":[1 2]}',
  '{"big":[1,,2]}',
  '{"big":[x]}',
]) {
  test(`refuses ${text}, however it is cut`, () => {
    fc.assert(
      fc.property(cuts(), (at) => {
        assert.throws(() => lifted(text, at), SyntaxError);
      }),
      { numRuns: 50 },
    );
  });
}
