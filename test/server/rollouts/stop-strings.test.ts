/** Stop strings against the plain rule: decode all output after each token and look. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { StopStrings } from "../../../server/rollouts/stop-strings.ts";
import { openTokenizer } from "../../../server/text/tokenizer.ts";
import { STEP_1 } from "../../support/live-server.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

/** One token a byte: every character beyond ASCII comes in pieces. */
const codec = openTokenizer(STEP_1);
assert.ok(codec);

const idsOf = (text: string): number[] => [...Buffer.from(text)];
const bytes = (...values: number[]): number[] => values;

interface Case {
  readonly name: string;
  readonly ids: readonly number[];
  readonly stops: readonly string[];
  readonly min?: number;
  /** Tokens kept and what matched; null where nothing does. */
  readonly want: readonly [tokens: number, matched: string] | null;
}

const CASES: readonly Case[] = [
  { name: "nothing of it", ids: idsOf("abcdef"), stops: ["xy"], want: null },
  { name: "at the beginning", ids: idsOf("abc"), stops: ["a"], want: [1, "a"] },
  { name: "in the middle", ids: idsOf("12\n\n34"), stops: ["\n\n"], want: [4, "\n\n"] },
  { name: "a false start", ids: idsOf("aab aaab"), stops: ["aaab"], want: [8, "aaab"] },
  { name: "what ends first", ids: idsOf("abcd"), stops: ["abcd", "bc", "c"], want: [3, "bc"] },
  { name: "a character of three bytes", ids: idsOf("a→b"), stops: ["→"], want: [4, "→"] },
  { name: "one of four", ids: idsOf("x🚀y"), stops: ["🚀"], want: [5, "🚀"] },
  {
    name: "behind bytes that never are one",
    ids: [...bytes(0xe2, 0x86), ...idsOf("END")],
    stops: ["END"],
    want: [5, "END"],
  },
  {
    name: "before bytes that are none yet",
    ids: [...idsOf("END"), ...bytes(0xe2)],
    stops: ["END"],
    want: [3, "END"],
  },
  { name: "a special token", ids: [...idsOf("a"), 257], stops: ["<|eos|>"], want: [2, "<|eos|>"] },
  { name: "not below the minimum", ids: idsOf("xx x"), stops: ["x"], min: 2, want: [4, "x"] },
  { name: "one that spans it", ids: idsOf("abcd"), stops: ["bc"], min: 2, want: [3, "bc"] },
  { name: "one found below it, not again", ids: idsOf("xyz"), stops: ["x"], min: 1, want: null },
];

const matcher = (stops: readonly string[], min = 0): StopStrings =>
  new StopStrings(stops, codec.decodeAll, min);

suite("stop strings", () => {
  for (const { name, ids, stops, min, want } of CASES) {
    test(name, () => {
      for (const size of [1, 2, 3, ids.length]) {
        const feeding = matcher(stops, min);
        let found: [number, string] | null = null;
        for (let at = 0; at < ids.length && found === null; at += size) {
          const match = feeding.feed(Uint32Array.from(ids.slice(at, at + size)));
          if (match !== null) found = [at + match.tokens, match.matched];
        }
        assert.deepEqual(found, want, `in chunks of ${size}`);
      }
    });
  }

  test("random texts, chunks and resumes agree with the plain rule", () => {
    const random = seededRandom(testSeed("stop strings"));
    const letters = ["a", "b", "é", "→", "🚀"];
    const word = (most: number): string =>
      Array.from({ length: 1 + (random.u32() % most) }, () => letters[random.u32() % 5]).join("");
    for (let round = 0; round < 300; round++) {
      const ids = idsOf(word(40));
      const stops = Array.from({ length: 1 + (random.u32() % 3) }, () => word(4));
      const plain = ids.findIndex((_, at) => {
        const text = codec.decodeAll(ids.slice(0, at + 1));
        return stops.some((stop) => text.includes(stop));
      });
      let feeding = matcher(stops);
      let found = -1;
      for (let at = 0; at < ids.length && found === -1; ) {
        const size = 1 + (random.u32() % 5);
        if (random.u32() % 3 === 0) feeding = matcher(stops);
        feeding.goOnFrom(Uint32Array.from(ids.slice(0, at)));
        const match = feeding.feed(Uint32Array.from(ids.slice(at, at + size)));
        if (match !== null) found = at + match.tokens - 1;
        at += size;
      }
      assert.equal(found, plain, JSON.stringify({ text: codec.decodeAll(ids), stops }));
    }
  });
});
