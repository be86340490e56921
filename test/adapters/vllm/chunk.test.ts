/** Events of vLLM's stream: what the byte cursor reads is what `JSON.parse` gives, and what is none fails by name. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ChunkReader } from "../../../adapters/vllm/chunk.ts";
import type { PacelineError } from "../../../server/contract/errors.ts";

const entry = (id: number, logprob: unknown, top: unknown[] = []) => ({
  token_id: id,
  logprob,
  rank: 1,
  top_logprobs: [{ token_id: id, logprob, rank: 1 }, ...top],
});
const choice = (more: object = {}) => ({
  index: 0,
  finish_reason: null,
  stop_reason: null,
  token_ids: [7, 2000],
  routed_experts: null,
  sampling_mask: null,
  weight_versions: null,
  logprobs: {
    content: [
      entry(7, -0.5),
      entry(2000, -7.5556488037109375, [{ token_id: 3, logprob: -1, rank: 1 }]),
    ],
  },
  ...more,
});
const event = (choices: unknown[] = [choice()], more: object = {}) => ({
  request_id: "generate-tokens-r",
  usage: null,
  output_mode: "tokens",
  choices,
  ...more,
});
const LAST = choice({
  finish_reason: "stop",
  stop_reason: 9,
  weight_versions: [{ version: "p@1#1", start: 0, end: 2 }],
});

const reader = new ChunkReader();
const PLAIN = { top: false, mask: false };
function read(json: unknown, top = false, indent?: number, mask = top) {
  const bytes = Buffer.from(`..${JSON.stringify(json, null, indent)}..`);
  return reader.read(bytes, 2, bytes.length - 2, { top, mask });
}

describe("an event of vLLM's stream", () => {
  for (const [what, json] of [
    ["amid the stream", event()],
    ["the last with tokens", event([LAST])],
    [
      "one of an older server",
      event([
        choice({
          logprobs: {
            content: [
              { token: "token_id:7", logprob: -0.5 },
              { token: "token_id:2000", logprob: -1 },
            ],
          },
        }),
      ]),
    ],
    [
      "usage alone",
      {
        ...event([], { usage: { prompt_tokens: 2, prompt_tokens_details: { cached_tokens: 32 } } }),
      },
    ],
    ["an error", { error: { message: "EngineCore encountered an issue", code: 500 } }],
    [
      "no token but an end",
      event([
        choice({
          token_ids: [],
          logprobs: { content: [] },
          finish_reason: "abort",
          weight_versions: [],
        }),
      ]),
    ],
  ] as const) {
    test(`${what} is the same, however it is written`, () => {
      for (const top of what === "one of an older server" ? [false] : [false, true]) {
        const plain = read(json, top);
        assert.deepEqual(read(json, top, 1), plain);
        const turned = Object.fromEntries(Object.entries(json).reverse());
        assert.deepEqual(read(turned, top), plain);
      }
    });
  }

  test("tells ids, logprobs, top rows, reasons and versions", () => {
    const chunk = read(event([LAST], { usage: null }), true);
    assert.deepEqual([...chunk.ids], [7, 2000]);
    assert.deepEqual([...chunk.logprobs], [-0.5, -7.5556488037109375]);
    assert.deepEqual(chunk.top && [[...chunk.top.offsets], [...chunk.top.ids]], [
      [0, 1, 3],
      [7, 2000, 3],
    ]);
    assert.deepEqual([chunk.finishReason, chunk.stopReason], ["stop", 9]);
    assert.deepEqual(chunk.versions, [{ version: "p@1#1", start: 0, end: 2 }]);
    assert.equal(
      read(event([], { usage: { prompt_tokens_details: { cached_tokens: 32 } } })).cachedTokens,
      32,
    );
  });

  test("a sampling mask is read row by row, in its bytes or from JSON, and only where it is wanted", () => {
    const masked = event([choice({ sampling_mask: [[9, 7, 3], [2000]] })]);
    for (const indent of [undefined, 2]) {
      const { mask } = read(masked, true, indent);
      assert.deepEqual(mask && [[...mask.offsets], [...mask.ids]], [
        [0, 3, 4],
        [9, 7, 3, 2000],
      ]);
      assert.equal(read(masked, false, indent).mask, null);
    }
    assert.equal(read(event(), true).mask, null);
    for (const broken of [[[7, -1], [2000]], [7], "7", [["7"], [2000]]]) {
      const json = event([choice({ sampling_mask: broken })]);
      assert.throws(() => read(json, true), { code: "engine_error" });
    }
  });

  for (const [what, json, code] of [
    [
      "fewer logprobs than tokens",
      event([choice({ logprobs: { content: [entry(7, -1)] } })]),
      "misaligned",
    ],
    ["no logprobs at all", event([choice({ logprobs: null })]), "misaligned"],
    [
      "a logprob of another token",
      event([choice({ logprobs: { content: [entry(7, -1), entry(8, -1)] } })]),
      "misaligned",
    ],
    [
      "a null logprob",
      event([choice({ logprobs: { content: [entry(7, -1), entry(2000, null)] } })]),
      "misaligned",
    ],
    ["an id above 2^53", event([choice({ token_ids: [7, 2 ** 60] })]), "engine_error"],
    ["a negative id", event([choice({ token_ids: [7, -1] })]), "engine_error"],
    ["two choices", event([choice(), choice()]), "engine_error"],
    ["no id of its request", { choices: [] }, "engine_error"],
    ["an array", [1], "engine_error"],
    [
      "versions that are none",
      event([choice({ weight_versions: [{ version: 3, start: 0, end: 1 }] })]),
      "engine_error",
    ],
  ] as const) {
    test(`${what}: ${code}`, () => {
      assert.throws(
        () => read(json),
        (error: PacelineError) => error.code === code,
      );
    });
  }

  test("a logprob nested deeper than the stack is misaligned", () => {
    const deep = `${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`;
    const bytes = Buffer.from(JSON.stringify(event()).replace("-0.5", deep));
    assert.throws(() => reader.read(bytes, 0, bytes.length, PLAIN), { code: "misaligned" });
  });

  test("what is cut short, or holds NaN, is an engine's error", () => {
    const whole = Buffer.from(JSON.stringify(event()));
    for (let end = 0; end < whole.length; end++) {
      assert.throws(() => reader.read(whole, 0, end, PLAIN), { code: "engine_error" });
    }
    const nan = Buffer.from(JSON.stringify(event()).replace("-0.5", "NaN"));
    assert.throws(() => reader.read(nan, 0, nan.length, PLAIN), { code: "engine_error" });
  });
});
