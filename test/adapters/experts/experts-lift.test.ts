import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { EngineEvent } from "../../../adapters/engine.ts";
import { ExpertsLift } from "../../../adapters/experts/experts-lift.ts";
import { expertRows, npyFile } from "../../fakes/core/experts.ts";

const SHAPE = { layers: 5, perToken: 3, dtype: "uint16" } as const;
const ROWS = expertRows(
  Array.from({ length: 40 }, (_, id) => id),
  SHAPE,
);
const NPY = npyFile(ROWS, SHAPE).toString("base64");
const reply = (base64: string): Buffer => Buffer.from(`{"a":1,"routed_experts":"${base64}","b":2}`);

function lift(
  pieces: readonly Buffer[],
  options: Partial<ConstructorParameters<typeof ExpertsLift>[0]> = {},
) {
  const events: EngineEvent[] = [];
  let json = "";
  const lifting = new ExpertsLift(
    { form: "npy", wanted: true, pieceBytes: 300, mostBytes: 1e6, ...options },
    (bytes) => {
      json += bytes.toString();
    },
    (event) => events.push(event),
  );
  for (const piece of pieces) lifting.push(piece);
  lifting.end();
  const bytes = events.flatMap((event) => (event.type === "experts" ? [event.bytes] : []));
  const head = events.find((event) => event.type === "experts_head")?.head ?? null;
  return { json, head, bytes: Buffer.concat(bytes), pieces: bytes.length };
}

const REST = '{"a":1,"routed_experts":"","b":2}';

test("values and shape of a .npy file, in pieces, wherever the reply is cut", () => {
  const whole = reply(NPY);
  fc.assert(
    fc.property(fc.nat({ max: whole.length }), fc.nat({ max: whole.length }), (a, b) => {
      const [first, second] = [Math.min(a, b), Math.max(a, b)];
      const cut = [whole.subarray(0, first), whole.subarray(first, second), whole.subarray(second)];
      const { json, head, bytes, pieces } = lift(cut);
      assert.equal(json, REST);
      assert.deepEqual(head, { dtype: "uint16", row: [5, 3] });
      assert.ok(bytes.equals(ROWS));
      assert.ok(pieces >= 4);
    }),
    { numRuns: 200 },
  );
});

test("int32s as SGLang sends them say nothing of layers", () => {
  const rows = expertRows([1, 2, 3], { ...SHAPE, dtype: "int32" });
  const { head, bytes } = lift([reply(rows.toString("base64"))], { form: "int32" });
  assert.deepEqual(head, { dtype: "int32", row: null });
  assert.ok(bytes.equals(rows));
});

test("what nobody wants is read over", () => {
  assert.deepEqual(lift([reply(NPY)], { wanted: false }), {
    ...{ json: REST, head: null, bytes: Buffer.of(), pieces: 0 },
  });
});

const spoiled = (over: (npy: Buffer) => void): string => {
  const npy = npyFile(ROWS, SHAPE);
  over(npy);
  return npy.toString("base64");
};
for (const [name, base64, message] of [
  ["no base64", "AA*A", /base64 that is none/],
  ["an escape", "AA\\/A", /base64 that is none/],
  ["padding amid it", "AA==AAAA", /base64 that is none/],
  ["a group that is cut off", NPY.slice(0, -1), /cut off/],
  ["another kind of file", Buffer.from("PK\x03\x04 and more").toString("base64"), /no .npy/],
  ["a head that is cut off", NPY.slice(0, 80), /cut off/],
  [
    "values that are no experts",
    spoiled((npy) => npy.write("<f4", npy.indexOf("<u2"))),
    /an array of/,
  ],
  ["columns", spoiled((npy) => npy.write("True ", npy.indexOf("False"))), /an array of/],
  ["a head without end", spoiled((npy) => npy.writeUInt16LE(60_000, 8)), /a head of/],
] as const) {
  test(`${name} is an engine_error`, () => {
    assert.throws(() => lift([reply(base64)]), { code: "engine_error", message });
  });
}

test("beyond the limit it is an engine_error", () => {
  assert.throws(() => lift([reply(NPY)], { mostBytes: 1_000 }), {
    code: "engine_error",
    message: /more than 1000 bytes/,
  });
});
