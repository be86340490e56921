import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Facts } from "../../../adapters/sglang/facts.ts";
import {
  checkRequest,
  generateBody,
  scoreBody,
  tokensLeft,
} from "../../../adapters/sglang/request.ts";
import { requestOf, type Wish } from "../../conformance/engines/attempt.ts";
import { factsOf } from "./facts.ts";

const bodyOf = (wish: Wish, facts: Facts = factsOf(), streamInterval: number | null = null) =>
  JSON.parse(generateBody({ request: requestOf(wish), facts, streamInterval }));

const many = (tokens: number): Uint32Array => new Uint32Array(tokens).fill(5);
const NOTHING = { promptLogprobs: null, topLogprobs: 0, samplingMask: false };

/** Wish, what the server is like, code and path. */
const REFUSED: readonly (readonly [name: string, Wish, Partial<Facts>, string, string])[] = [
  [
    "an id out of the vocabulary",
    { promptTokenIds: Uint32Array.of(1, 2_048) },
    {},
    "invalid_argument",
    "prompt_token_ids",
  ],
  [
    "one among the tokens so far",
    { outputTokenIds: Uint32Array.of(2_048) },
    {},
    "invalid_argument",
    "output_token_ids",
  ],
  [
    "a stop id out of it",
    { sampling: { stopTokenIds: [2_048] } },
    {},
    "invalid_argument",
    "sampling.stop_token_ids",
  ],
  [
    "a bias out of it",
    { sampling: { logitBias: new Map([[2_048, 1]]) } },
    {},
    "invalid_argument",
    "sampling.logit_bias",
  ],
  ["an empty prompt", { promptTokenIds: many(0) }, {}, "invalid_argument", "prompt_token_ids"],
  [
    "a prompt beyond the limit",
    { promptTokenIds: many(2_042) },
    {},
    "prompt_too_long",
    "prompt_token_ids",
  ],
  ["a slot that it has not", { slot: 1 }, {}, "invalid_argument", "slot"],
  [
    "scores from behind the prompt",
    { side: { ...NOTHING, promptLogprobs: { start: 6 } } },
    {},
    "invalid_argument",
    "want.prompt_logprobs.start",
  ],
  [
    "a repetition penalty, which leaves out the prompt",
    { sampling: { repetitionPenalty: 1.1 } },
    {},
    "unsupported",
    "sampling.repetition_penalty",
  ],
  [
    "allowed ids",
    { sampling: { allowedTokenIds: [1] } },
    {},
    "unsupported",
    "sampling.allowed_token_ids",
  ],
  [
    "bad words",
    { badWords: [[1]], sampling: { badWords: ["x"] } },
    {},
    "unsupported",
    "sampling.bad_words",
  ],
  [
    "a grammar",
    { sampling: { structured: { regex: "a" } } },
    {},
    "unsupported",
    "sampling.structured",
  ],
  [
    "another engine's parameters",
    { sampling: { engine: { x: 1 } } },
    {},
    "unsupported",
    "sampling.engine",
  ],
  [
    "min-p where it ends the server",
    { sampling: { minP: 0.1 } },
    { deterministic: true },
    "unsupported",
    "sampling.min_p",
  ],
  [
    "a temperature that is taken for greedy",
    { sampling: { temperature: 1e-7 } },
    {},
    "unsupported",
    "sampling.temperature",
  ],
  [
    "processed logprobs of filtered tokens",
    { sampling: { topP: 0.9 } },
    {},
    "unsupported",
    "want.logprob_modes",
  ],
  [
    "raw logprobs of penalised tokens",
    { logprobMode: "raw", sampling: { presencePenalty: 1 } },
    {},
    "unsupported",
    "want.logprob_modes",
  ],
  [
    "a mask wider than it tells",
    { side: { ...NOTHING, samplingMask: true } },
    { maskTokens: 100 },
    "unsupported",
    "want.sampling_mask",
  ],
];

/** Modes that are the engine's own under that sampling. */
const TOLD: readonly (readonly [string, Wish])[] = [
  [
    "tempered, always",
    { logprobMode: "tempered", sampling: { topP: 0.5, temperature: 0.7, presencePenalty: 1 } },
  ],
  ["processed, without filters", { logprobMode: "processed", sampling: { temperature: 0.7 } }],
  [
    "penalised, at temperature 1",
    { logprobMode: "penalised", sampling: { presencePenalty: 1, topK: 5 } },
  ],
  ["raw, at temperature 1 without penalties", { logprobMode: "raw", sampling: { topP: 0.9 } }],
  ["raw, greedy", { logprobMode: "raw", sampling: { temperature: 0 } }],
  [
    "processed, greedy: certain",
    { logprobMode: "processed", sampling: { temperature: 0, topP: 0.5 } },
  ],
  [
    "any, where no token is asked for",
    { logprobMode: "raw", sampling: { maxNewTokens: 0, topP: 0.5 } },
  ],
];

describe("SGLang: request", () => {
  for (const [name, wish, facts, code, path] of REFUSED) {
    test(`${name} is ${code}`, () => {
      const check = () => checkRequest(requestOf(wish), factsOf(facts));
      assert.throws(check, (thrown: { code?: string; details?: { path?: string } }) => {
        assert.deepEqual([thrown.code, thrown.details?.path], [code, path]);
        return true;
      });
    });
  }

  for (const [name, wish] of TOLD) {
    test(`logprobs: ${name}`, () => checkRequest(requestOf(wish), factsOf()));
  }

  test("every field that matters is sent, the tokens so far as prompt, limits reduced by them", () => {
    const sampling = { topK: 7, minP: 0.1, minNewTokens: 5, stopTokenIds: [9], seed: 3 };
    const outputTokenIds = Uint32Array.of(7, 8);
    const request = requestOf({ outputTokenIds, sampling, cacheNamespace: "p@1#1" });
    const body = JSON.parse(generateBody({ request, facts: factsOf(), streamInterval: 4 }));
    assert.deepEqual(body, {
      rid: request.requestId,
      return_logprob: true,
      return_text_in_logprobs: false,
      extra_key: "p@1#1",
      input_ids: [49, 55, 43, 50, 53, 61, 7, 8],
      sampling_params: {
        max_new_tokens: 30,
        min_new_tokens: 3,
        temperature: 1,
        top_p: 1,
        top_k: 7,
        min_p: 0.1,
        presence_penalty: 0,
        frequency_penalty: 0,
        repetition_penalty: 1,
        n: 1,
        stop: [],
        stop_token_ids: [9],
        ignore_eos: true,
        skip_special_tokens: false,
        no_stop_trim: true,
        stream_interval: 4,
      },
      stream: true,
    });
  });

  test("what is beyond the context is not asked for, since SGLang would refuse all of it", () => {
    const request = requestOf({ promptTokenIds: many(2_040), sampling: { minNewTokens: 20 } });
    assert.equal(tokensLeft(request, factsOf()), 8);
    const { sampling_params: params } = bodyOf({
      promptTokenIds: many(2_040),
      sampling: { minNewTokens: 20 },
    });
    assert.deepEqual([params.max_new_tokens, params.min_new_tokens], [8, 8]);
    const full = requestOf({ promptTokenIds: many(2_040), outputTokenIds: many(2) });
    assert.equal(tokensLeft(full, factsOf()), 0, "a prompt of 2,042 is refused");
  });

  test("seeds, ranks and priorities are sent to servers that look at them", () => {
    const plain = bodyOf({ sampling: { seed: 7 }, priority: 3 });
    assert.equal("sampling_seed" in plain.sampling_params, false);
    assert.deepEqual(["priority" in plain, "routed_dp_rank" in plain], [false, false]);
    const facts = factsOf({ deterministic: true, slots: 4, lowPriorityFirst: false });
    const told = bodyOf({ sampling: { seed: 7 }, priority: 3, slot: 2 }, facts);
    assert.deepEqual(
      [told.sampling_params.sampling_seed, told.routed_dp_rank, told.priority],
      [7, 2, -3],
    );
    const sibling = bodyOf({ sampling: { seed: 7 }, siblingIndex: 1 }, facts);
    assert.notEqual(sibling.sampling_params.sampling_seed, 7);
  });

  test("a mask is asked for with a top-k that leaves all", () => {
    const side = { ...NOTHING, samplingMask: true };
    const { sampling_params: params, return_sampling_mask: asked } = bodyOf({ side });
    assert.deepEqual([params.top_k, asked], [2_048, true]);
  });

  test("scores are asked for from one token before, under an id that the request's own begins", () => {
    const request = requestOf({ side: { ...NOTHING, promptLogprobs: { start: 3 } } });
    const body = JSON.parse(scoreBody(request, factsOf(), 3));
    assert.deepEqual([body.logprob_start_len, body.sampling_params.max_new_tokens], [2, 0]);
    assert.ok(body.rid.startsWith(request.requestId));
  });
});
