import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { StringLift } from "../../../adapters/json/string-lift.ts";

/** What is left of the JSON, and the strings that were taken out, however the text was cut. */
function lifted(text: string, cuts: readonly number[] = []): { json: string; strings: string[] } {
  const bytes = Buffer.from(text);
  const strings: string[] = [];
  let json = "";
  let open = "";
  const lift = new StringLift("big", {
    json: (piece) => {
      json += piece.toString();
    },
    string: (piece) => {
      open += piece.toString();
    },
    end: () => {
      strings.push(open);
      open = "";
    },
  });
  const at = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])];
  const ordered = at.toSorted((a, b) => a - b);
  for (const [index, from] of ordered.entries())
    lift.push(bytes.subarray(from, ordered[index + 1]));
  lift.end();
  return { json, strings };
}

for (const [name, text, json, strings] of [
  ["a string", '{"a":1,"big":"QUJD","z":2}', '{"a":1,"big":"","z":2}', ["QUJD"]],
  ["one written with spaces", '{"big" : "QUJD"}', '{"big" : ""}', ["QUJD"]],
  ["each of several", '[{"big":"A"},{"big":"B"}]', '[{"big":""},{"big":""}]', ["A", "B"]],
  ["an empty one", '{"big":""}', '{"big":""}', [""]],
  ["nothing of null", '{"big":null,"bigger":"x"}', '{"big":null,"bigger":"x"}', []],
  ["nothing of other kinds", '{"big":["x"],"c":{"big":7}}', '{"big":["x"],"c":{"big":7}}', []],
  ["no value of that text", '{"a":"big","b":["big","x"]}', '{"a":"big","b":["big","x"]}', []],
  ["no name within a text", '{"a":"\\"big\\":\\"x\\""}', '{"a":"\\"big\\":\\"x\\""}', []],
  ["no name that ends like it", '{"a\\"big":"x"}', '{"a\\"big":"x"}', []],
  ["one behind its own beginning", '{"b":"big","big":"A"}', '{"b":"big","big":""}', ["A"]],
] as const) {
  test(`takes out ${name}, however it is cut`, () => {
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 12 }), (cuts) => {
        assert.deepEqual(lifted(text, cuts), { json, strings });
      }),
      { numRuns: 100 },
    );
  });
}
