/** Random JSON texts, and ways to break them. */
import type { seededRandom } from "../../support/seeded-random.ts";

type Random = ReturnType<typeof seededRandom>;

const NUMBERS = ["0", "-0", "12", "-7.25", "1e5", "2.5E-3", "9007199254740993", "1e400", "0.1"];
const STRINGS = ['""', '"a"', '"\\u00e9"', '"é😀"', '"\\"\\\\"', '"token_id"', '"[DONE]"', '"{"'];
const SPACES = ["", "", "", " ", "\n", "\t ", "\r\n"];
/** What a mutation writes in: structure, and what is almost a value. */
const INSERTS = [...'{}[],:"\\0-.e tn\n', "null", "NaN", "\u0001", "é", "0"];

const pick = <T>(random: Random, from: readonly T[]): T => from[random.u32() % from.length] as T;

export function jsonText(random: Random, depth: number): string {
  const space = (): string => pick(random, SPACES);
  const kind = random.u32() % (depth === 0 ? 4 : 7);
  if (kind === 0) return pick(random, NUMBERS);
  if (kind === 1) return pick(random, STRINGS);
  if (kind <= 3) return pick(random, ["null", "true", "false"]);
  const items = Array.from({ length: random.u32() % 4 }, () => {
    const value = `${space()}${jsonText(random, depth - 1)}${space()}`;
    return kind === 4 ? value : `${space()}${pick(random, STRINGS)}${space()}:${value}`;
  });
  const inside = items.length === 0 ? space() : items.join(",");
  return kind === 4 ? `[${inside}]` : `{${inside}}`;
}

/** With a few characters cut out, written in or swapped, or its end cut off. */
export function mutated(random: Random, text: string): string {
  let broken = text;
  for (let times = 1 + (random.u32() % 2); times > 0; times--) {
    const at = random.u32() % (broken.length + 1);
    const what = random.u32() % 4;
    if (what === 0) broken = broken.slice(0, at) + broken.slice(at + 1 + (random.u32() % 3));
    else if (what === 1) broken = broken.slice(0, at) + pick(random, INSERTS) + broken.slice(at);
    else if (what === 2)
      broken = broken.slice(0, at) + pick(random, INSERTS) + broken.slice(at + 1);
    else broken = broken.slice(0, at);
  }
  return broken;
}
