/** What every engine's `generate` must do. */
import assert from "node:assert/strict";
import { Attempt, deadline, run, type Wish } from "./attempt.ts";
import { assertComplete, assertOfVersion, type Case, LONG, refuses } from "./case.ts";

const bias = (id: number): ReadonlyMap<number, number> => new Map([[id, 100]]);
const HUNDRED = Uint32Array.from({ length: 100 }, (_, i) => 48 + (i % 10));

export const GENERATE_CASES: readonly Case[] = [
  {
    name: "tokens are aligned, contiguous and in the vocabulary; started comes once and first",
    async run({ engine, description, version }) {
      const outcome = await run(engine, {});
      assertComplete(outcome, 32);
      assert.equal(outcome.cached, 0);
      let at = 0;
      for (const { start, ids, logprobs, mixed } of outcome.chunks) {
        assert.equal(start, at);
        assert.equal(ids.length, logprobs.length);
        assert.ok(ids.every((id) => id < description.vocabSize));
        assert.ok(logprobs.every((value) => Number.isFinite(value) && value < 1e-3));
        assert.ok(mixed !== true);
        at += ids.length;
      }
      assertOfVersion(outcome, version);
      assert.equal(outcome.spans === null, description.capabilities.spans === "none");
    },
  },
  {
    name: "a rollout ends at EOS, the EOS included; min_new_tokens holds it off",
    needs: ({ can }) => can("logit_bias") && can("min_new_tokens"),
    async run({ engine, eos }) {
      const wish = { sampling: { ignoreEos: false, minNewTokens: 3, logitBias: bias(eos) } };
      const outcome = await run(engine, wish);
      assert.deepEqual(outcome.finish?.reason, { type: "stop", cause: "eos", matched: eos });
      assert.equal(outcome.ids.length, 4);
      assert.equal(outcome.ids.indexOf(eos), 3);
    },
  },
  {
    name: "ignore_eos goes on past an EOS",
    needs: ({ can }) => can("ignore_eos") && can("logit_bias"),
    async run({ engine, eos }) {
      const outcome = await run(engine, { sampling: { maxNewTokens: 5, logitBias: bias(eos) } });
      assertComplete(outcome, 5);
      assert.ok(outcome.ids.every((id) => id === eos));
    },
  },
  {
    name: "a rollout ends at a stop id, which is told and included; min_new_tokens holds it off",
    needs: ({ can }) => can("stop_token_ids"),
    async run(bench) {
      const { engine, repeatable } = bench;
      const free = await run(engine, repeatable({}));
      const stop = free.ids[10] as number;
      const first = free.ids.indexOf(stop);
      const stopped = await run(engine, repeatable({ sampling: { stopTokenIds: [stop] } }));
      assert.deepEqual(stopped.finish?.reason, { type: "stop", cause: "stop_id", matched: stop });
      assert.equal(stopped.ids.at(-1), stop);
      if (bench.manners.tolerance === 0) {
        assert.deepEqual(stopped.ids, free.ids.slice(0, first + 1));
      }
      const sampling = { stopTokenIds: [stop], minNewTokens: 20 };
      const held = await run(engine, repeatable({ sampling }));
      assert.equal(held.ids.slice(0, 20).includes(stop), false);
      assert.ok(held.ids.length >= 20);
    },
  },
  {
    name: "a context that is full ends as length, context or kv",
    async run({ engine, description }) {
      const room = Math.min(description.maxModelLen, description.slots[0]?.kvTokens ?? 0);
      const promptTokenIds = new Uint32Array(room - 6).fill(50);
      const outcome = await run(engine, { promptTokenIds });
      assert.equal(outcome.finish?.reason.type, "length");
      assert.match(String(outcome.finish?.reason.cause), /^(context|kv)$/);
      assert.ok(outcome.ids.length >= 5 && outcome.ids.length <= 7, `${outcome.ids.length}`);
    },
  },
  {
    name: "a continuation that has all its tokens finishes without more",
    async run({ engine }) {
      const sampling = { maxNewTokens: 3 };
      const outputTokenIds = Uint32Array.of(49, 50, 51);
      assertComplete(await run(engine, { sampling, outputTokenIds }), 0);
    },
  },
  {
    name: "penalties change what is made, each of them",
    needs: ({ description }) => description.kind !== "simulated",
    async run(bench) {
      const { engine, can, repeatable } = bench;
      const sampling = { temperature: 0.3, maxNewTokens: 64 };
      const free = await run(engine, repeatable({ sampling }));
      const penalties = {
        presence_penalty: { presencePenalty: 2 },
        frequency_penalty: { frequencyPenalty: 2 },
        repetition_penalty: { repetitionPenalty: 2 },
      } as const;
      for (const [feature, penalty] of Object.entries(penalties)) {
        if (!can(feature as keyof typeof penalties)) continue;
        const other = await run(engine, repeatable({ sampling: { ...sampling, ...penalty } }));
        assertComplete(other, 64);
        assert.notDeepEqual(other.ids, free.ids, feature);
      }
    },
  },
  {
    name: "filters leave what they say: top_k of one, a top_p near nothing and a min_p of one are greedy",
    needs: ({ description }) => description.kind !== "simulated",
    async run(bench) {
      const { engine, can } = bench;
      const greedy = await run(engine, { sampling: { temperature: 0 } });
      if (can("top_k")) {
        bench.same(
          { ...(await run(engine, { sampling: { topK: 1 } })), logprobs: greedy.logprobs },
          greedy,
        );
      }
      for (const sharp of [
        ...(can("top_p") ? [{ topP: 1e-6 }] : []),
        ...(can("min_p") ? [{ minP: 1 }] : []),
      ]) {
        const made = await run(engine, { sampling: sharp });
        bench.same({ ...made, logprobs: greedy.logprobs }, greedy);
      }
    },
  },
  {
    name: "cached prefixes are reused inside a cache namespace, never across, and make no difference",
    needs: ({ manners }) => manners.tellsCached,
    async run(bench) {
      const { engine } = bench;
      const wish = bench.repeatable({ promptTokenIds: HUNDRED, cacheNamespace: "namespace-a" });
      const cold = await run(engine, wish);
      const warm = await run(engine, wish);
      const other = await run(engine, { ...wish, cacheNamespace: "namespace-b" });
      assert.equal(cold.cached, 0);
      assert.ok(warm.cached >= 64, `${warm.cached} cached`);
      assert.equal(other.cached, 0);
      bench.same(warm, cold);
      await engine.control.flush(deadline());
      assert.equal((await run(engine, wish)).cached, 0);
    },
  },
  {
    name: "many more than run at a time all come to their end",
    async run({ engine, description }) {
      const { maxRunning } = description.slots[0] ?? { maxRunning: 8 };
      const sampling = { maxNewTokens: 12 };
      const outcomes = await Promise.all(
        Array.from({ length: Math.min(100, 4 * maxRunning) }, () => run(engine, { sampling })),
      );
      for (const outcome of outcomes) assertComplete(outcome, 12);
    },
  },
  {
    name: "a prompt that cannot fit is prompt_too_long, and ends nobody else",
    async run({ engine, description }) {
      const other = new Attempt(engine, LONG);
      await other.reached(1);
      const promptTokenIds = new Uint32Array(description.maxModelLen + 1).fill(50);
      assert.equal((await run(engine, { promptTokenIds })).error?.code, "prompt_too_long");
      assertComplete(await other.outcome, 400);
    },
  },
  {
    name: "an id out of the vocabulary and an empty prompt are invalid_argument, and end nobody else",
    async run({ engine, description, can }) {
      const other = new Attempt(engine, LONG);
      await other.reached(1);
      const id = description.vocabSize;
      const wishes: Wish[] = [
        { promptTokenIds: Uint32Array.of(49, id) },
        { promptTokenIds: Uint32Array.of(0xffff_ffff) },
        { outputTokenIds: Uint32Array.of(id) },
        { promptTokenIds: new Uint32Array(0) },
        ...(can("stop_token_ids") ? [{ sampling: { stopTokenIds: [id] } }] : []),
        ...(can("logit_bias") && description.kind !== "simulated"
          ? [{ sampling: { logitBias: bias(id) } }]
          : []),
      ];
      for (const wish of wishes) {
        assert.equal((await run(engine, wish)).error?.code, "invalid_argument");
      }
      assertComplete(await other.outcome, 400);
    },
  },
  {
    name: "a slot that the engine does not have is invalid_argument",
    async run({ engine, description }) {
      const { error } = await run(engine, { slot: description.slots.length });
      assert.equal(error?.code, "invalid_argument");
    },
  },
  {
    name: "a policy that the engine does not hold is version_unavailable",
    async run({ engine }) {
      assert.equal((await run(engine, { policy: "another" })).error?.code, "version_unavailable");
    },
  },
  {
    name: "a request id that is running is a conflict",
    needs: ({ manners }) => manners.refusesRunningIds,
    async run({ engine }) {
      const first = new Attempt(engine, LONG);
      await first.reached(1);
      const second = await run(engine, { requestId: first.request.requestId });
      assert.equal(second.error?.code, "conflict");
      assertComplete(await first.outcome, 400);
    },
  },
];

const UNHONOURED = {
  min_p: { minP: 0.1 },
  presence_penalty: { presencePenalty: 0.5 },
  frequency_penalty: { frequencyPenalty: 0.5 },
  repetition_penalty: { repetitionPenalty: 1.2 },
  logit_bias: { logitBias: new Map([[49, 1]]) },
  stop_token_ids: { stopTokenIds: [49] },
  allowed_token_ids: { allowedTokenIds: [49] },
  bad_words: { badWords: ["x"] },
  structured: { structured: { regex: "a" } },
} as const;

/** Each parameter that an engine may lack is either honoured or refused with its name, never dropped (I6). */
export const REFUSAL_CASES: readonly Case[] = Object.entries(UNHONOURED).map(
  ([feature, sampling]) => {
    const wish: Wish = { sampling, badWords: feature === "bad_words" ? [[49]] : [] };
    return {
      name: `${feature} is honoured, or refused as unsupported`,
      needs: ({ can }) => can(feature as keyof typeof UNHONOURED),
      async run({ engine }) {
        const { error, ids } = await run(engine, wish);
        assert.deepEqual([error, ids.length > 0], [null, true]);
      },
      without: refuses(wish),
    };
  },
);
