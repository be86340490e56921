/** What every engine's side data must be, where its capabilities say that it gives any. */
import assert from "node:assert/strict";
import type { SideWant } from "../../../server/contract/side-data.ts";
import { Attempt, deadline, requestOf, run, type Wish } from "./attempt.ts";
import type { Bench } from "./fixture.ts";
import { assertComplete, type Case, LONG } from "./generate-cases.ts";

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

/** Filters that leave a few ids at each position. */
const FILTERED = { topK: 12, topP: 0.95, temperature: 1.1 };
const ROWS: Wish = {
  sampling: FILTERED,
  side: { promptLogprobs: null, topLogprobs: 4, samplingMask: true },
};

const givesRows = ({ description: { capabilities } }: Bench): boolean =>
  capabilities.maxTopLogprobs >= 4 && capabilities.samplingMask;

const ROW_CASES: readonly Case[] = [
  {
    name: "each token has its alternatives and its mask, and wanting them changes no token",
    async run({ engine, description }) {
      for (const logprobMode of description.capabilities.logprobModes) {
        const plain = await run(engine, { logprobMode, sampling: FILTERED });
        const made = await run(engine, { ...ROWS, logprobMode });
        assertComplete(made, 32);
        assert.deepEqual([made.ids, made.logprobs], [plain.ids, plain.logprobs]);
        assert.deepEqual([made.top.length, made.mask.length], [32, 32]);
        for (const [at, row] of made.top.entries()) {
          const token = made.ids[at] as number;
          const kept = made.mask[at] ?? [];
          assert.ok(row.length >= 1 && row.length <= 4);
          assert.ok(row.every(([, value], i) => i === 0 || value <= (row[i - 1]?.[1] as number)));
          assert.ok(kept.includes(token) && kept.length <= FILTERED.topK);
          assert.deepEqual(
            kept,
            kept.toSorted((a, b) => a - b),
          );
          // Where the token is among them, it has one logprob, not two.
          for (const [id, value] of row) if (id === token) assert.equal(value, made.logprobs[at]);
          if (logprobMode === "processed" && description.kind === "embedded") {
            assert.ok(row.every(([id]) => kept.includes(id)));
            assert.equal(row.length, Math.min(4, kept.length));
          }
        }
        assert.deepEqual([plain.top, plain.mask], [[], []]);
      }
    },
  },
  {
    name: "a rollout continued from its tokens makes the rows of the undisturbed run",
    async run({ engine }) {
      const whole = await run(engine, ROWS);
      const outputTokenIds = Uint32Array.from(whole.ids.slice(0, 11));
      const rest = await run(engine, { ...ROWS, outputTokenIds });
      assert.deepEqual(rest.top, whole.top.slice(11));
      assert.deepEqual(rest.mask, whole.mask.slice(11));
    },
  },
  {
    name: "greedy has a mask of one, and prompt scores come with rows",
    async run({ engine }) {
      const side = { promptLogprobs: { start: 2 }, topLogprobs: 2, samplingMask: true };
      const made = await run(engine, { side, sampling: { temperature: 0 } });
      assert.deepEqual(
        made.mask,
        made.ids.map((id) => [id]),
      );
      assert.equal(made.prompt?.logprobs.length, 4);
      assert.equal(made.top.length, 32);
    },
  },
  {
    name: "long rollouts with rows reach a slow reader whole",
    async run({ engine }) {
      const wish = requestOf({ ...ROWS, sampling: { maxNewTokens: 400 } });
      const fast = await run(engine, { ...ROWS, sampling: { maxNewTokens: 400 } });
      const events = engine.generate(wish, deadline())[Symbol.asyncIterator]();
      await events.next();
      assertComplete(await run(engine, { sampling: { maxNewTokens: 400 } }), 400);
      let entries = 0;
      for (let next = await events.next(); next.done !== true; next = await events.next()) {
        if (next.value.type === "tokens") entries += next.value.side?.mask?.ids.length ?? 0;
      }
      assert.equal(entries, fast.mask.flat().length);
    },
  },
];

const MASK_CASES: readonly Case[] = [
  {
    name: "only allowed ids are sampled, bad words never",
    async run({ engine, description }) {
      const { sampling } = description.capabilities;
      if (sampling.includes("allowed_token_ids")) {
        const allowedTokenIds = [49, 50, 51];
        const { ids } = await run(engine, { sampling: { allowedTokenIds } });
        assert.equal(ids.length, 32);
        assert.ok(ids.every((id) => allowedTokenIds.includes(id)));
      }
      if (!sampling.includes("bad_words")) return;
      const free = await run(engine, {});
      const badWords = [free.ids.slice(4, 6), free.ids.slice(9, 10)];
      const { ids } = await run(engine, { badWords });
      assert.equal(ids.length, 32);
      const pairs = ids.map((id, at) => `${ids[at - 1]} ${id}`);
      assert.equal(pairs.includes(badWords[0]?.join(" ") ?? ""), false);
      assert.equal(ids.includes(badWords[1]?.[0] as number), false);
    },
  },
  {
    name: "an allowed id or a bad word out of the vocabulary is invalid_argument",
    async run({ engine, description }) {
      const id = description.vocabSize;
      for (const wish of [{ sampling: { allowedTokenIds: [id] } }, { badWords: [[49, id]] }]) {
        assert.equal((await run(engine, wish)).error?.code, "invalid_argument");
      }
    },
  },
  {
    name: "masks that leave nothing end that rollout only",
    async run({ engine, description }) {
      if (description.kind === "simulated") return;
      const other = new Attempt(engine, LONG);
      await other.reached(1);
      const wish = { badWords: [[49, 49]], sampling: { allowedTokenIds: [49] } };
      const outcome = await run(engine, wish);
      assert.deepEqual([outcome.error?.code, outcome.ids], ["invalid_argument", [49]]);
      assertComplete(await other.outcome, 400);
    },
  },
];

const where =
  (gives: (bench: Bench) => boolean) =>
  ({ name, run }: Case): Case => ({
    name,
    run: async (bench) => (gives(bench) ? run(bench) : undefined),
  });

export const SIDE_CASES: readonly Case[] = [
  ...PROMPT_CASES.map(where(givesPrompt)),
  ...ROW_CASES.map(where(givesRows)),
  ...MASK_CASES,
];
