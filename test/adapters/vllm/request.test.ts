/** What vLLM is asked for, and what it is not. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { labelOf, parseLabel } from "../../../adapters/vllm/label.ts";
import { generateBody, type Served, saltOf, scoreBody } from "../../../adapters/vllm/request.ts";
import { requestOf, type Wish } from "../../conformance/engines/attempt.ts";

const SERVED: Served = {
  priorities: false,
  logprobMode: "processed",
  streamInterval: null,
  masks: false,
  experts: false,
  vocabSize: 2_048,
};
const body = (wish: Wish, served = SERVED) => JSON.parse(generateBody(requestOf(wish), served));

describe("a request to vLLM", () => {
  test("says everything that engines have silent defaults for", () => {
    const made = body({
      requestId: "r",
      cacheNamespace: "p@1#1",
      priority: 5,
      sampling: { seed: 7, topK: 3, logitBias: new Map([[4, -1]]) },
    });
    assert.deepEqual(made, {
      request_id: "r",
      token_ids: [49, 55, 43, 50, 53, 61],
      sampling_params: {
        ...{ max_tokens: 32, min_tokens: 0, temperature: 1, top_p: 1, top_k: 3, min_p: 0 },
        ...{ presence_penalty: 0, frequency_penalty: 0, repetition_penalty: 1 },
        ...{ ignore_eos: true, seed: 7, logit_bias: { 4: -1 }, detokenize: false, logprobs: 0 },
      },
      stream: true,
      stream_options: { include_usage: true },
      output_mode: "tokens",
      cache_salt: saltOf("p@1#1"),
    });
    assert.equal(body({ priority: 5 }, { ...SERVED, priorities: true }).priority, 5);
    assert.equal(body({}, { ...SERVED, streamInterval: 8 }).sampling_params.stream_interval, 8);
  });

  test("a salt is one that vLLM takes, another for each namespace", () => {
    const salts = ["p@1#1", "p@1#2", "p~session/of\\mine", "x".repeat(300), "canary-1"].map(saltOf);
    for (const salt of salts) assert.match(salt, /^[0-9a-f]{1,128}$/);
    assert.equal(new Set(salts).size, salts.length);
  });

  test("goes on from tokens: they are prompt now, limits count them, the seed is another", () => {
    const made = body({
      outputTokenIds: Uint32Array.of(1, 2, 3),
      sampling: { minNewTokens: 5, seed: 7 },
    });
    assert.deepEqual(made.token_ids.slice(-4), [61, 1, 2, 3]);
    const { max_tokens, min_tokens, seed } = made.sampling_params;
    assert.deepEqual([max_tokens, min_tokens], [29, 2]);
    assert.notEqual(seed, 7);
  });

  test("asks for one logprob more than are wanted, since the sampled one takes a place", () => {
    const side = { promptLogprobs: null, topLogprobs: 4, samplingMask: false };
    assert.equal(body({ side }).sampling_params.logprobs, 5);
  });

  test("passes on what is vLLM's own, but nothing that is ours to say", () => {
    const made = body({ sampling: { engine: { thinking_token_budget: 9 } } });
    assert.equal(made.sampling_params.thinking_token_budget, 9);
    for (const name of ["n", "logprobs", "stop", "detokenize", "prompt_logprobs"]) {
      assert.throws(() => body({ sampling: { engine: { [name]: 2 } } }), {
        code: "invalid_argument",
        details: { path: `sampling.engine.${name}` },
      });
    }
  });

  test("a prompt is scored by a request of its own, of one token", () => {
    const made = JSON.parse(scoreBody(requestOf({ requestId: "r" }), SERVED));
    assert.equal(made.request_id, "r-prompt");
    assert.deepEqual(
      [made.stream, made.sampling_params.max_tokens, made.sampling_params.prompt_logprobs],
      [false, 1, 0],
    );
  });

  const cut = Uint32Array.of(1);
  const mask = { promptLogprobs: null, topLogprobs: 0, samplingMask: true };
  for (const [path, wish] of [
    ["sampling.bad_words", { badWords: [[1]] }],
    ["sampling.structured", { sampling: { structured: {} } }],
    ["want.sampling_mask", { side: mask }],
    ["cache.reuse", { cacheCarried: true }],
    ["continue.output_token_ids", { outputTokenIds: cut, sampling: { frequencyPenalty: 1 } }],
    ["continue.output_token_ids", { outputTokenIds: cut, sampling: { repetitionPenalty: 1.1 } }],
  ] as const) {
    test(`${path} is unsupported (${JSON.stringify(wish).slice(0, 40)})`, () => {
      assert.throws(() => body(wish), { code: "unsupported", details: { path } });
    });
  }
});

describe("a server with --return-sampling-mask, which refuses what is greedy or has no top-k", () => {
  const masks = { ...SERVED, masks: true };
  const side = { promptLogprobs: null, topLogprobs: 0, samplingMask: true };

  test("is asked with a top-k that leaves all, and for a prompt's score with one that leaves one", () => {
    assert.equal(body({ side }, masks).sampling_params.top_k, 2_048);
    assert.equal(body({ side, sampling: { topK: 5 } }, masks).sampling_params.top_k, 5);
    const { temperature, top_k: topK } = JSON.parse(
      scoreBody(requestOf({}), masks),
    ).sampling_params;
    assert.deepEqual([temperature, topK], [1, 1]);
  });

  test("is asked for the likeliest of all where it may not be greedy", () => {
    const { temperature, top_k: topK } = body(
      { sampling: { temperature: 0 } },
      masks,
    ).sampling_params;
    assert.deepEqual([temperature, topK], [1, 1]);
  });
});

test("labels name policy, version and load; others name nothing", () => {
  const named = { policy: "a.b:c-d", version: 12, load: 3 };
  assert.equal(labelOf(named), "a.b:c-d@12#3");
  assert.deepEqual(parseLabel("a.b:c-d@12#3"), named);
  assert.deepEqual(parseLabel("p@5"), { policy: "p", version: 5, load: 0 });
  for (const label of ["default", "step-1", "p@", "@1", "p@1#", "p@-1", "p@1#2x", "", "p@1e3"]) {
    assert.equal(parseLabel(label), null, label);
  }
});
