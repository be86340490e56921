/** Numbers from bytes against `Number`, bit for bit: as engines write them, and as nobody would. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Decimal } from "../../../adapters/json/decimal.ts";
import { GrowingFloat32, GrowingUint32 } from "../../../adapters/json/growing.ts";
import { LogprobPairs } from "../../../adapters/sglang/logprob-pairs.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

const ROUNDS = 20_000;
const random = seededRandom(testSeed("decimal"));
const below = (n: number): number => random.u32() % n;
const decimal = new Decimal();
const ids = new GrowingUint32();
const logprobs = new GrowingFloat32();
const pairs = new LogprobPairs(ids, logprobs);

/** In the middle of other bytes, as a number lies in a socket's buffer; `before` moves it to every alignment. */
function check(text: string, before: number): void {
  const around = Buffer.from(`${"1".repeat(before)}${text},17]`);
  // Digits of a neighbour lie under it too.
  const bytes = around.subarray(before);
  const exact = Number(text);
  for (const [read, expected] of [
    [decimal.float32(bytes, 0), Math.fround(exact)],
    [decimal.double(bytes, 0), exact],
  ] as const) {
    assert.ok(Object.is(read, expected), `${text}: ${read}, not ${expected}`);
    assert.equal(decimal.next, text.length, text);
  }
  assert.ok(Object.is(paired(text, before), Math.fround(exact)), `${text}, in a pair`);
}

/** Read in SGLang's own loop, whichever way it takes. */
function paired(text: string, before: number): number | undefined {
  const around = Buffer.from(`${"9".repeat(before)}[[${text},17,null]]`);
  const bytes = around.subarray(before);
  assert.equal(pairs.read(bytes, 1, true), bytes.length - 1, text);
  assert.deepEqual([...ids.take()], [17]);
  return logprobs.take()[0];
}

/** Of any exponent that a logprob has, and some that none has. */
function float32(): number {
  const value = (random.u32() / 2 ** 32) * 2 ** (below(40) - 30);
  return Math.fround(below(2) === 0 ? -value : value);
}

/** The double between a float32 and the next. */
function between(): number {
  const value = float32();
  const step = 2 ** (Math.floor(Math.log2(Math.abs(value) || 1)) - 23);
  return value + step / 2;
}

/** As Python's `repr` has it: an exponent of two digits below 1e-4. */
const repr = (value: number): string =>
  Math.abs(value) < 1e-4 && value !== 0
    ? value.toExponential().replace(/e-(\d)$/, "e-0$1")
    : String(value);

const digits = (n: number): string => Array.from({ length: n }, () => below(10)).join("");

const TEXTS: Readonly<Record<string, () => string>> = {
  "a float32, shortest as a double": () => String(float32()),
  "the same as Python writes it": () => repr(float32()),
  "rounded to some digits behind the point": () => float32().toFixed(below(22)),
  "rounded to some digits": () => float32().toPrecision(1 + below(21)),
  "just between two float32s": () => repr(between()),
  "beside what is between two": () => `${between().toFixed(20)}${digits(below(12))}`,
  "digits and a point": () =>
    `${["", "-"][below(2)]}${1 + below(99)}.${digits(1 + below(30))}${["", "e-7", "E+3"][below(3)]}`,
};

describe("decimal", () => {
  for (const [name, text] of Object.entries(TEXTS)) {
    test(name, () => {
      for (let round = 0; round < ROUNDS; round++) check(text(), round % 9);
    });
  }

  test("what is no number", () => {
    const wrong = ["", "-", "x.123456789012", "01.123456789012", "1.", "-.123456789012", "1.e5"];
    for (const text of [...wrong, "1x.123456789012", "00.123456789012", "--1.123456789012"]) {
      const bytes = Buffer.from(`${text},17]`);
      for (const read of [decimal.float32(bytes, 0), decimal.double(bytes, 0)]) {
        const ended = decimal.next;
        assert.ok(Number.isNaN(read) || ended < text.length, `${text}: ${read} up to ${ended}`);
      }
    }
  });
});
