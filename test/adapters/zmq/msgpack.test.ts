import assert from "node:assert/strict";
import { test } from "node:test";
import { type Packed, unpack } from "../../../adapters/zmq/msgpack.ts";

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

const VALUES: readonly (readonly [string, Packed])[] = [
  ["c0", null],
  ["c3", true],
  ["7f", 127],
  ["ff", -1],
  ["cc ff", 255],
  ["cd 01 00", 256],
  ["ce ff ff ff ff", 0xffff_ffff],
  ["cf 00 1f ff ff ff ff ff ff", Number.MAX_SAFE_INTEGER],
  ["cf ff ff ff ff ff ff ff ff", 0xffff_ffff_ffff_ffffn],
  ["d0 80", -128],
  ["d1 80 00", -32_768],
  ["d2 80 00 00 00", -(2 ** 31)],
  ["d3 80 00 00 00 00 00 00 00", -(2n ** 63n)],
  ["ca 3f 80 00 00", 1],
  ["cb 3f f8 00 00 00 00 00 00", 1.5],
  ["a3 61 62 63", "abc"],
  ["d9 02 c3 a9", "é"],
  ["c4 02 01 02", Buffer.of(1, 2)],
  ["93 01 c0 91 02", [1, null, [2]]],
  ["dc 00 01 05", [5]],
  ["81 a1 61 01", new Map([["a", 1]])],
  ["de 00 01 01 02", new Map([[1, 2]])],
];

test("every kind of value is read", () => {
  for (const [bytes, value] of VALUES) assert.deepEqual(unpack(hex(bytes)), value, bytes);
});

test("what is cut short, goes on, lies about its length or nests for ever is an engine's error", () => {
  const bad = [
    ...VALUES.map(([bytes]) => hex(bytes).subarray(0, -1)),
    ...VALUES.map(([bytes]) => hex(`${bytes} 00`)),
    ...["dd ff ff ff ff", "df 7f ff ff ff", "db ff ff ff ff", "c1"].map(hex),
    Buffer.alloc(100, 0x91),
  ];
  for (const bytes of bad) assert.throws(() => unpack(bytes), { code: "engine_error" });
});
