/** A prompt's logprobs from an SGLang reply: whose they are, and the defect that names the last id 0. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ScoreReader } from "../../../adapters/sglang/score.ts";
import { factsOf } from "./facts.ts";

const LAST = factsOf().vocabSize - 1;
const PROMPT = [7, LAST, 0, LAST];

type Entry = readonly [number | null, number, null];

/** Of `PROMPT` from `start` on, as SGLang names its ids; the first that it gives has no logprob. */
const listed = (start: number, ids: readonly number[]): Entry[] =>
  ids
    .slice(Math.max(0, start - 1))
    .map((id, at): Entry => [at === 0 ? null : -(start + at) / 8, id, null]);

/** Read in pieces, as a socket gives them. */
function score(entries: unknown, start: number) {
  const body = Buffer.from(
    JSON.stringify({
      meta_info: {
        input_token_logprobs: entries,
        cached_tokens: 1,
        weight_versions: [{ version: "default@3#1", start: 0, end: 0 }],
      },
    }),
  );
  const request = { promptTokenIds: Uint32Array.from(PROMPT), policy: "default" };
  const reader = new ScoreReader(request, factsOf(), start);
  let rest = "";
  const lift = reader.lift((bytes) => {
    rest += bytes.toString();
  });
  for (let at = 0; at < body.length; at += 7) lift.push(body.subarray(at, at + 7));
  lift.end();
  return reader.end(JSON.parse(rest));
}

for (const [named, ids] of [
  ["rightly", PROMPT],
  ["0", [7, 0, 0, 0]],
] as const) {
  for (const start of [0, 1, 3]) {
    test(`the last id is named ${named}, from token ${start} on`, () => {
      const { prompt, cachedTokens } = score(listed(start, ids), start);
      assert.equal(prompt.logprobs.length, PROMPT.length - start);
      assert.deepEqual([prompt.start, prompt.version, cachedTokens], [start, 3, 1]);
    });
  }
}

for (const [what, entries] of [
  ["another id is named 0", listed(0, [0, LAST, 0, LAST])],
  ["the last id is named otherwise", listed(0, [7, 1, 0, LAST])],
  ["id 0 is named the last", listed(0, [7, LAST, LAST, LAST])],
  ["a logprob is missing", listed(0, PROMPT).slice(0, 3)],
  ["a logprob is null", listed(0, PROMPT).with(2, [null, 0, null])],
  ["there are none", undefined],
] as const) {
  test(`refused: ${what}`, () => {
    assert.throws(() => score(entries, 0), { code: "misaligned" });
  });
}
