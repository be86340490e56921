/** vLLM's sampling parameters: what becomes of each. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  dialectPath,
  samplingAsked,
} from "../../../../../server/api/dialects/vllm/sampling-params.ts";

suite("a parameter becomes the contract's", () => {
  for (const [given, wire] of [
    [{ max_tokens: 7 }, { max_new_tokens: 7 }],
    [{ min_tokens: 2 }, { min_new_tokens: 2 }],
    [{ temperature: 0.5, top_p: 0.9, top_k: -1, min_p: 0.1 }, null],
    [{ presence_penalty: 1, frequency_penalty: -1, repetition_penalty: 1.2 }, null],
    [{ stop: "x" }, { stop: ["x"] }],
    [{ stop: "" }, { stop: [] }],
    [{ stop: ["x", "y"] }, null],
    [{ stop_token_ids: [1], ignore_eos: true, seed: 3 }, null],
    [{ logit_bias: { "5": 1 }, allowed_token_ids: [5], bad_words: ["a"] }, null],
    [{ structured_outputs: { regex: "a" } }, { structured: { regex: "a" } }],
  ] as const) {
    test(JSON.stringify(given), () => {
      const asked = samplingAsked(given, "");
      assert.deepEqual(asked.wire, wire ?? given);
      assert.deepEqual(asked.ignored, []);
    });
  }
});

suite("a parameter without meaning for tokens passes", () => {
  for (const given of [
    { detokenize: false },
    { spaces_between_special_tokens: true },
    { flat_logprobs: true, stream_interval: 4 },
    { routed_experts_prompt_start: 3 },
    { cache_salt: "3" },
    { best_of: 1, use_beam_search: false, thinking_token_budget: null },
  ]) {
    test(JSON.stringify(given), () => {
      assert.deepEqual(samplingAsked(given, "").wire, {});
      assert.deepEqual(samplingAsked(given, "").ignored, []);
    });
  }
});

test("a parameter that nobody knows is told", () => {
  const { wire, ignored } = samplingAsked({ warp: 9, extra_args: {} }, "sampling_params.");
  assert.deepEqual(wire, {});
  assert.deepEqual(ignored, ["sampling_params.warp", "sampling_params.extra_args"]);
});

suite("a parameter that cannot be honoured is refused with its path", () => {
  for (const [given, code] of [
    [{ logprob_token_ids: [1] }, "unsupported"],
    [{ prompt_logprob_token_ids: [1] }, "unsupported"],
    [{ trace_decode_token_ids: [1] }, "unsupported"],
    [{ thinking_token_budget: 5 }, "unsupported"],
    [{ repetition_detection: {} }, "unsupported"],
    [{ skip_reading_prefix_cache: true }, "unsupported"],
    [{ use_beam_search: true }, "unsupported"],
    [{ best_of: 2 }, "unsupported"],
    [{ truncate_prompt_tokens: 5 }, "unsupported"],
    [{ prompt_logprobs: 2 }, "unsupported"],
    [{ prompt_logprobs: -1 }, "unsupported"],
    [{ logprobs: -1 }, "unsupported"],
    [{ logprobs: 0.5 }, "invalid_argument"],
    [{ n: 0 }, "invalid_argument"],
    [{ n: "2" }, "invalid_argument"],
  ] as const) {
    const [name] = Object.keys(given);
    test(JSON.stringify(given), () => {
      assert.throws(() => samplingAsked(given, "sampling_params."), {
        code,
        details: { path: `sampling_params.${name}` },
      });
    });
  }
});

suite("an error's path is the dialect's", () => {
  const paths = { prompt: "token_ids", params: "sampling_params." };
  for (const [ours, theirs] of [
    ["prompt_token_ids", "token_ids"],
    ["prompt_token_ids[3]", "token_ids[3]"],
    ["sampling.max_new_tokens", "sampling_params.max_tokens"],
    ["sampling.stop_token_ids[1]", "sampling_params.stop_token_ids[1]"],
    ["sampling.logit_bias.7", "sampling_params.logit_bias.7"],
    ["sampling.structured", "sampling_params.structured_outputs"],
    ["size", "sampling_params.n"],
    ["want.top_logprobs", "sampling_params.logprobs"],
    ["want.prompt_logprobs.start", "sampling_params.prompt_logprobs"],
    ["priority", "priority"],
  ] as const) {
    test(ours, () => assert.equal(dialectPath(ours, paths), theirs));
  }
});
