/** What every engine's side data must be, where its capabilities say that it gives any. */
import assert from "node:assert/strict";
import type { SideWant } from "../../../server/contract/side-data.ts";
import { run, type Wish } from "./attempt.ts";
import type { Bench } from "./fixture.ts";
import { assertComplete, type Case } from "./generate-cases.ts";

const NOTHING: SideWant = { promptLogprobs: null, topLogprobs: 0, samplingMask: false };
const scored = (start: number): SideWant => ({ ...NOTHING, promptLogprobs: { start } });

/** Longer than a step's prefill and than several cache blocks. */
const PROMPT = Uint32Array.from({ length: 300 }, (_, i) => 48 + ((i * i) % 10));

const SCORE: Wish = { promptTokenIds: PROMPT, side: scored(0), sampling: { maxNewTokens: 0 } };

const givesPrompt = ({ description }: Bench): boolean => description.capabilities.promptLogprobs;

const PROMPT_CASES: readonly Case[] = [
  {
    name: "a prompt is scored without a token being sampled; its first token has no logprob",
    async run({ engine }) {
      const outcome = await run(engine, SCORE);
      assertComplete(outcome, 0);
      assert.deepEqual([outcome.prompt?.start, outcome.prompt?.version], [0, 1]);
      const logprobs = [...(outcome.prompt?.logprobs ?? [])];
      assert.equal(logprobs.length, PROMPT.length);
      assert.ok(Number.isNaN(logprobs[0]));
      assert.ok(logprobs.slice(1).every((value) => Number.isFinite(value) && value < 1e-3));
    },
  },
  {
    name: "neither cached KV, nor sampling, nor where it starts changes a prompt's logprobs",
    async run({ engine }) {
      const cold = await run(engine, { ...SCORE, cacheNamespace: "scored" });
      const all = [...(cold.prompt?.logprobs ?? [])];
      const sampling = { temperature: 0.5, repetitionPenalty: 1.5, logitBias: new Map([[49, 9]]) };
      for (const start of [0, 1, 16, 17, 200, 299]) {
        const wish = { ...SCORE, cacheNamespace: "scored", side: scored(start) };
        const warm = await run(engine, { ...wish, sampling: { ...sampling, maxNewTokens: 3 } });
        assertComplete(warm, 3);
        assert.deepEqual([...(warm.prompt?.logprobs ?? [])], all.slice(start), `from ${start}`);
        if (start === 0) assert.equal(warm.started, 0, "nothing that is scored comes from KV");
        if (start === 299) assert.ok((warm.started ?? 0) >= 256, `${warm.started} cached`);
      }
    },
  },
  {
    name: "a rollout that goes on from its tokens can have its prompt scored",
    async run({ engine }) {
      const whole = await run(engine, { ...SCORE, sampling: { maxNewTokens: 8 } });
      const outputTokenIds = Uint32Array.from(whole.ids.slice(0, 5));
      const rest = await run(engine, { ...SCORE, outputTokenIds, sampling: { maxNewTokens: 8 } });
      assertComplete(rest, 3);
      assert.deepEqual(rest.ids, whole.ids.slice(5));
      assert.deepEqual(rest.prompt, whole.prompt);
      const all = Uint32Array.from(whole.ids);
      const done = await run(engine, {
        ...SCORE,
        outputTokenIds: all,
        sampling: { maxNewTokens: 8 },
      });
      assertComplete(done, 0);
      assert.deepEqual(done.prompt, whole.prompt);
    },
  },
  {
    name: "prompts that are scored and rollouts that are not make no difference to each other",
    async run({ engine }) {
      const alone = await run(engine, SCORE);
      const plain = await run(engine, {});
      const together = await Promise.all(
        Array.from({ length: 12 }, (_, i) => run(engine, i % 2 === 0 ? SCORE : {})),
      );
      for (const [i, outcome] of together.entries()) {
        if (i % 2 === 0) assert.deepEqual(outcome.prompt, alone.prompt);
        else assert.deepEqual([outcome.ids, outcome.prompt], [plain.ids, null]);
      }
    },
  },
  {
    name: "a prompt's logprobs are those of the same tokens as output, in mode raw",
    async run({ engine, description }) {
      // A stand-in without a model has no distribution that could agree.
      if (description.kind === "simulated") return;
      const made = await run(engine, { logprobMode: "raw" });
      const prompt = [49, 55, 43, 50, 53, 61];
      const promptTokenIds = Uint32Array.from([...prompt, ...made.ids]);
      const { prompt: scores } = await run(engine, {
        ...SCORE,
        promptTokenIds,
        side: scored(prompt.length),
      });
      assert.deepEqual([...(scores?.logprobs ?? [])], made.logprobs);
    },
  },
  {
    name: "logprobs from behind the prompt's end are invalid_argument",
    async run({ engine }) {
      const { error } = await run(engine, { ...SCORE, side: scored(PROMPT.length) });
      assert.equal(error?.code, "invalid_argument");
    },
  },
];

export const SIDE_CASES: readonly Case[] = PROMPT_CASES.map(({ name, run }) => ({
  name,
  run: async (bench) => (givesPrompt(bench) ? run(bench) : undefined),
}));
