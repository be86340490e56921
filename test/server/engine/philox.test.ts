import assert from "node:assert/strict";
import { test } from "node:test";
import { philox4x32, uniformAt } from "../../../server/engine/philox.ts";

/** Random123's kat_vectors, "philox4x32 10": counter, key, answer. */
const KNOWN_ANSWERS: readonly [string, string, string][] = [
  [
    "00000000 00000000 00000000 00000000",
    "00000000 00000000",
    "6627e8d5 e169c58d bc57ac4c 9b00dbd8",
  ],
  [
    "ffffffff ffffffff ffffffff ffffffff",
    "ffffffff ffffffff",
    "408f276d 41c83b0e a20bc7c6 6d5451fd",
  ],
  [
    "243f6a88 85a308d3 13198a2e 03707344",
    "a4093822 299f31d0",
    "d16cfe09 94fdcceb 5001e420 24126ea1",
  ],
];

const words = (text: string): number[] => text.split(" ").map((word) => Number.parseInt(word, 16));

test("Philox4x32-10 gives its authors' known answers", () => {
  for (const [counter, key, answer] of KNOWN_ANSWERS) {
    const [a = 0, b = 0, c = 0, d = 0] = words(counter);
    const [k = 0, l = 0] = words(key);
    assert.deepEqual([...philox4x32([a, b, c, d], [k, l])], words(answer));
  }
});

test("the uniform is in [0, 1), and every part of its key counts", () => {
  const base = uniformAt(7, 0, 0);
  const others = [
    uniformAt(8, 0, 0),
    uniformAt(7, 1, 0),
    uniformAt(7, 0, 1),
    uniformAt(7 + 2 ** 32, 0, 0),
    uniformAt(7 + 2 ** 52, 0, 0),
  ];
  for (const uniform of [base, ...others]) assert.ok(uniform >= 0 && uniform < 1);
  assert.equal(new Set([base, ...others]).size, others.length + 1);
  assert.equal(uniformAt(7, 0, 0), base);
});

test("the known answer's uniform: 53 bits of the first two words", () => {
  const expected = ((0x6627e8d5 >>> 5) * 2 ** 26 + (0xe169c58d >>> 6)) / 2 ** 53;
  assert.equal(uniformAt(0, 0, 0), expected);
});
