/** What every engine's side data must be; what it does not give it refuses. */
import assert from "node:assert/strict";
import type { SideWant } from "../../../server/contract/side-data.ts";
import { Attempt, deadline, type Outcome, requestOf, run, type Wish } from "./attempt.ts";
import { assertComplete, type Case, LONG, refuses } from "./case.ts";
import type { Bench } from "./fixture.ts";

const NOTHING: SideWant = { promptLogprobs: null, topLogprobs: 0, samplingMask: false };
const scored = (start: number): SideWant => ({ ...NOTHING, promptLogprobs: { start } });

/** Longer than a step's prefill and than several cache blocks. */
const PROMPT = Uint32Array.from({ length: 300 }, (_, i) => 48 + ((i * i) % 10));

const SCORE: Wish = { promptTokenIds: PROMPT, side: scored(0), sampling: { maxNewTokens: 0 } };

const promptScores = ({ prompt }: Outcome): number[] => [...(prompt?.logprobs ?? [])];

/** NaN at one place is NaN at the other. */
function assertScores({ manners }: Bench, actual: number[], wanted: number[]): void {
  assert.equal(actual.length, wanted.length);
  for (const [at, value] of actual.entries()) {
    const other = wanted[at] as number;
    const apart = Math.abs(value - other);
    const same = Number.isNaN(value) ? Number.isNaN(other) : apart <= manners.tolerance;
    assert.ok(same, `prompt logprob ${at}: ${value} and ${other}`);
  }
}

const PROMPT_CASES: readonly Case[] = [
  {
    name: "a prompt is scored without a token being sampled; its first token has no logprob",
    async run({ engine, version }) {
      const outcome = await run(engine, SCORE);
      assertComplete(outcome, 0);
      assert.deepEqual([outcome.prompt?.start, outcome.prompt?.version ?? version], [0, version]);
      const logprobs = promptScores(outcome);
      assert.equal(logprobs.length, PROMPT.length);
      assert.ok(Number.isNaN(logprobs[0]));
      assert.ok(logprobs.slice(1).every((value) => Number.isFinite(value) && value < 1e-3));
    },
    without: refuses(SCORE),
  },
  {
    name: "neither cached KV, nor sampling, nor where it starts changes a prompt's logprobs",
    async run(bench) {
      const { engine, can, manners } = bench;
      const all = promptScores(await run(engine, { ...SCORE, cacheNamespace: "scored" }));
      const sampling = {
        maxNewTokens: 3,
        temperature: 0.5,
        ...(can("repetition_penalty") ? { repetitionPenalty: 1.5 } : {}),
        ...(can("logit_bias") ? { logitBias: new Map([[49, 9]]) } : {}),
      };
      for (const start of [0, 1, 16, 17, 200, 299]) {
        const wish = { ...SCORE, cacheNamespace: "scored", side: scored(start) };
        const warm = await run(engine, { ...wish, sampling });
        assertComplete(warm, 3);
        assertScores(bench, promptScores(warm), all.slice(start));
        if (!manners.tellsCached || manners.scoresApart || manners.tolerance > 0) continue;
        if (start === 0) assert.equal(warm.cached, 0, "nothing that is scored comes from KV");
        if (start === 299) assert.ok(warm.cached >= 256, `${warm.cached} cached`);
      }
    },
  },
  {
    name: "a rollout that goes on from its tokens can have its prompt scored",
    async run(bench) {
      const { engine } = bench;
      const wish = bench.continuable({ ...SCORE, sampling: { maxNewTokens: 8 } });
      const whole = await run(engine, wish);
      const kept = (tokens: number) => Uint32Array.from(whole.ids.slice(0, tokens));
      const rest = await run(engine, { ...wish, outputTokenIds: kept(5) });
      assertComplete(rest, 3);
      bench.same(rest, { ids: whole.ids.slice(5), logprobs: whole.logprobs.slice(5) });
      assertScores(bench, promptScores(rest), promptScores(whole));
      const done = await run(engine, { ...wish, outputTokenIds: kept(8) });
      assertComplete(done, 0);
      assertScores(bench, promptScores(done), promptScores(whole));
    },
  },
  {
    name: "prompts that are scored and rollouts that are not make no difference to each other",
    async run(bench) {
      const { engine } = bench;
      const wish = bench.repeatable({});
      const alone = await run(engine, SCORE);
      const plain = await run(engine, wish);
      const together = await Promise.all(
        Array.from({ length: 12 }, (_, i) => run(engine, i % 2 === 0 ? SCORE : wish)),
      );
      for (const [i, outcome] of together.entries()) {
        if (i % 2 === 0) assertScores(bench, promptScores(outcome), promptScores(alone));
        else {
          bench.same(outcome, plain);
          assert.equal(outcome.prompt, null);
        }
      }
    },
  },
  {
    name: "a prompt's logprobs are those of the same tokens as output, before anything is done to them",
    // A stand-in without a model has no distribution that could agree.
    needs: ({ description }) => description.kind !== "simulated",
    async run(bench) {
      const { engine, description } = bench;
      // At temperature 1, without penalties and filters, every mode is raw.
      const raw = description.capabilities.logprobModes.includes("raw");
      const made = await run(engine, raw ? { logprobMode: "raw" } : {});
      const prompt = [49, 55, 43, 50, 53, 61];
      const promptTokenIds = Uint32Array.from([...prompt, ...made.ids]);
      const side = scored(prompt.length);
      const scores = await run(engine, { ...SCORE, promptTokenIds, side });
      const apart = made.logprobs.map((value, at) =>
        Math.abs(value - (promptScores(scores)[at] ?? 9)),
      );
      // Another mode's way to the same number may round otherwise.
      const allowed = Math.max(bench.manners.tolerance, raw ? 0 : 1e-5);
      assert.ok(Math.max(...apart) <= allowed, `${Math.max(...apart)} apart`);
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

const masks = ({ description }: Bench): boolean => description.capabilities.samplingMask;
const tops = ({ description }: Bench): boolean => description.capabilities.maxTopLogprobs >= 4;

/** Rows of all that the engine gives; with filters only where it gives logprobs through them. */
function rowsOf(bench: Bench): Wish {
  const { logprobModes } = bench.description.capabilities;
  return bench.repeatable({
    sampling: logprobModes.includes("processed") ? FILTERED : { temperature: 1.1 },
    side: { promptLogprobs: null, topLogprobs: 4, samplingMask: masks(bench) },
  });
}

function assertRows(made: Outcome, logprobMode: string, { description, can }: Bench): void {
  const withMask = description.capabilities.samplingMask;
  assert.deepEqual([made.top.length, made.mask.length], [32, withMask ? 32 : 0]);
  for (const [at, row] of made.top.entries()) {
    const token = made.ids[at] as number;
    assert.ok(row.length >= 1 && row.length <= 4);
    assert.ok(row.every(([, value], i) => i === 0 || value <= (row[i - 1]?.[1] as number)));
    // Where the token is among them, it has one logprob, not two.
    for (const [id, value] of row) if (id === token) assert.equal(value, made.logprobs[at]);
    if (!withMask) continue;
    const kept = made.mask[at] ?? [];
    assert.ok(kept.includes(token));
    assert.deepEqual(
      kept,
      kept.toSorted((a, b) => a - b),
    );
    if (logprobMode !== "processed" || description.kind === "simulated" || !can("seed")) continue;
    assert.ok(kept.length <= FILTERED.topK);
    assert.ok(row.every(([id]) => kept.includes(id)));
    assert.equal(row.length, Math.min(4, kept.length));
  }
}

const ROW_CASES: readonly Case[] = [
  {
    name: "each token has its alternatives and its mask, and wanting them changes no token",
    needs: tops,
    async run(bench) {
      const { engine, description } = bench;
      for (const logprobMode of description.capabilities.logprobModes) {
        const wish = { ...rowsOf(bench), logprobMode };
        const plain = await run(engine, { ...wish, side: null });
        const made = await run(engine, wish);
        assertComplete(made, 32);
        bench.same(made, plain);
        assertRows(made, logprobMode, bench);
        assert.deepEqual([plain.top, plain.mask], [[], []]);
      }
    },
    without: refuses({ side: { ...NOTHING, topLogprobs: 4 } }),
  },
  {
    name: "a sampling mask is given, or refused as unsupported",
    needs: masks,
    async run({ engine }) {
      const side = { ...NOTHING, samplingMask: true };
      const made = await run(engine, { side, sampling: { topK: 3 } });
      assert.equal(made.mask.length, 32);
      assert.ok(made.mask.every((row, at) => row.includes(made.ids[at] as number)));
    },
    without: refuses({ side: { ...NOTHING, samplingMask: true } }),
  },
  {
    name: "a rollout continued from its tokens makes the rows of the undisturbed run",
    needs: (bench) => tops(bench) && bench.manners.tolerance === 0,
    async run(bench) {
      const { engine } = bench;
      const wish = bench.continuable(rowsOf(bench));
      const whole = await run(engine, wish);
      const outputTokenIds = Uint32Array.from(whole.ids.slice(0, 11));
      const rest = await run(engine, { ...wish, outputTokenIds });
      assert.deepEqual(rest.top, whole.top.slice(11));
      assert.deepEqual(rest.mask, whole.mask.slice(11));
    },
  },
  {
    name: "greedy has a mask of one, and prompt scores come with rows",
    needs: (bench) => tops(bench) && bench.description.capabilities.promptLogprobs,
    async run(bench) {
      const samplingMask = masks(bench);
      const side = { promptLogprobs: { start: 2 }, topLogprobs: 2, samplingMask };
      const made = await run(bench.engine, { side, sampling: { temperature: 0 } });
      if (samplingMask) {
        assert.deepEqual(
          made.mask,
          made.ids.map((id) => [id]),
        );
      }
      assert.equal(made.prompt?.logprobs.length, 4);
      assert.equal(made.top.length, 32);
    },
  },
  {
    name: "long rollouts with rows reach a slow reader whole",
    needs: tops,
    async run(bench) {
      const { engine } = bench;
      const base = rowsOf(bench);
      const wish = { ...base, sampling: { ...base.sampling, maxNewTokens: 400 } };
      const events = engine.generate(requestOf(wish, engine), deadline())[Symbol.asyncIterator]();
      let rows = 0;
      const count = (next: Awaited<ReturnType<typeof events.next>>): void => {
        if (next.done !== true && next.value.type === "tokens") {
          rows += (next.value.side?.top?.offsets.length ?? 1) - 1;
        }
      };
      count(await events.next());
      assertComplete(await run(engine, LONG), 400);
      for (let next = await events.next(); next.done !== true; next = await events.next()) {
        count(next);
      }
      assert.equal(rows, 400);
    },
  },
];

const experts = (start: number): SideWant => ({ ...NOTHING, routedExperts: { start } });

export const EXPERT_CASES: readonly Case[] = [
  {
    name: "routed experts have a row a position but the last, from wherever they are wanted",
    needs: ({ description }) => description.capabilities.routedExperts === true,
    async run(bench) {
      const { engine } = bench;
      const wish = bench.continuable({ promptTokenIds: PROMPT });
      const plain = await run(engine, wish);
      assert.equal(plain.experts, null, "nobody asked");
      const all = await run(engine, { ...wish, side: experts(0) });
      assertComplete(all, 32);
      bench.same(all, plain);
      const bytes = all.experts?.bytes ?? Buffer.of();
      const row = bytes.length / (PROMPT.length + 31);
      assert.ok(Number.isSafeInteger(row) && row > 0);
      for (const start of [1, 250, 300]) {
        const some = await run(engine, { ...wish, side: experts(start) });
        assert.deepEqual(some.experts?.head, all.experts?.head);
        assert.ok(some.experts?.bytes.equals(bytes.subarray(start * row)), `from ${start}`);
      }
      const outputTokenIds = Uint32Array.from(all.ids.slice(0, 20));
      const rest = await run(engine, { ...wish, outputTokenIds, side: experts(0) });
      assert.ok(rest.experts?.bytes.equals(bytes), "of a rollout that goes on from its tokens");
    },
    without: refuses({ side: experts(0) }),
  },
];

const MASK_CASES: readonly Case[] = [
  {
    name: "only allowed ids are sampled",
    needs: ({ can }) => can("allowed_token_ids"),
    async run({ engine }) {
      const allowedTokenIds = [49, 50, 51];
      const { ids } = await run(engine, { sampling: { allowedTokenIds } });
      assert.equal(ids.length, 32);
      assert.ok(ids.every((id) => allowedTokenIds.includes(id)));
    },
  },
  {
    name: "bad words are never completed",
    needs: ({ can }) => can("bad_words"),
    async run({ engine }) {
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
    async run({ engine, description, can }) {
      const id = description.vocabSize;
      if (can("allowed_token_ids")) {
        const { error } = await run(engine, { sampling: { allowedTokenIds: [id] } });
        assert.equal(error?.code, "invalid_argument");
      }
      if (can("bad_words")) {
        const { error } = await run(engine, { badWords: [[49, id]] });
        assert.equal(error?.code, "invalid_argument");
      }
    },
  },
  {
    name: "masks that leave nothing end that rollout only",
    needs: ({ description, can }) =>
      description.kind !== "simulated" && can("bad_words") && can("allowed_token_ids"),
    async run({ engine }) {
      const other = new Attempt(engine, LONG);
      await other.reached(1);
      const wish = { badWords: [[49, 49]], sampling: { allowedTokenIds: [49] } };
      const outcome = await run(engine, wish);
      assert.deepEqual([outcome.error?.code, outcome.ids], ["invalid_argument", [49]]);
      assertComplete(await other.outcome, 400);
    },
  },
  {
    name: "a logprob mode that the engine does not give is refused where it would be another number",
    async run({ engine, description }) {
      const { logprobModes, sampling: known } = description.capabilities;
      const sampling = {
        temperature: 0.5,
        topP: 0.5,
        ...(known.includes("presence_penalty") ? { presencePenalty: 1 } : {}),
      };
      for (const logprobMode of ["raw", "penalised", "tempered", "processed"] as const) {
        if (logprobMode === "penalised" && !known.includes("presence_penalty")) continue;
        const { error } = await run(engine, { logprobMode, sampling });
        const refused = !logprobModes.includes(logprobMode);
        assert.equal(error?.code, refused ? "unsupported" : undefined, logprobMode);
      }
    },
  },
];

const givesPrompt = ({ description }: Bench): boolean => description.capabilities.promptLogprobs;

export const SIDE_CASES: readonly Case[] = [
  ...PROMPT_CASES.map(({ needs, ...one }) => ({
    ...one,
    needs: (bench: Bench) => givesPrompt(bench) && (needs?.(bench) ?? true),
  })),
  ...ROW_CASES,
  ...EXPERT_CASES,
  ...MASK_CASES,
];
