/** A prompt's logprobs from a vLLM reply, read in whatever pieces it comes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineRequest } from "../../../adapters/engine.ts";
import { ScoreReader } from "../../../adapters/vllm/score.ts";

const PROMPT = [7, 3, 3, 9];
const of = (id: number, logprob: unknown) => ({
  [id]: { logprob, rank: 1, decoded_token: '"}],' },
});
const SCORES = [null, of(3, -1), { ...of(8, -0.5), ...of(3, -2) }, of(9, -3)];

function score(prompt_logprobs: unknown, start: number, piece: number, id = "r#1-prompt") {
  const reply = {
    request_id: `generate-tokens-${id}`,
    prompt_logprobs,
    choices: [{ index: 0, weight_versions: [{ version: "default@3#1", start: 0, end: 1 }] }],
  };
  const request = {
    ...{ requestId: "r#1", policy: "default", promptTokenIds: Uint32Array.from(PROMPT) },
  } as unknown as EngineRequest;
  const reader = new ScoreReader(request, start);
  let rest = "";
  const lift = reader.lift((bytes) => {
    rest += bytes.toString();
  });
  const body = Buffer.from(JSON.stringify(reply));
  for (let at = 0; at < body.length; at += piece) lift.push(body.subarray(at, at + piece));
  lift.end();
  return reader.end(JSON.parse(rest));
}

for (const piece of [1, 13, 1_000]) {
  for (const start of [0, 1, 3]) {
    test(`from token ${start} on, in pieces of ${piece}`, () => {
      const logprobs = Float32Array.of(Number.NaN, -1, -2, -3).subarray(start);
      assert.deepEqual(score(SCORES, start, piece), { start, logprobs, version: 3 });
    });
  }
}

for (const [what, scores] of [
  ["a token too few", SCORES.slice(0, 3)],
  ["a token too many", [...SCORES, of(9, -1)]],
  ["another prompt's", SCORES.with(3, of(8, -3))],
  ["a logprob that is none", SCORES.with(2, of(3, "-2"))],
  ["one for the first token", SCORES.with(0, of(7, -1))],
  ["none", null],
] as const) {
  test(`refused: ${what}`, () => {
    assert.throws(() => score(scores, 0, 13), { code: "misaligned" });
  });
}

test("refused: an answer to another request", () => {
  assert.throws(() => score(SCORES, 0, 13, "other"), { code: "engine_error" });
});
