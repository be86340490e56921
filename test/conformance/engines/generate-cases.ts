/** What every engine's `generate` must do. */
import assert from "node:assert/strict";
import type { Outcome, Wish } from "./attempt.ts";
import { Attempt, deadline, requestOf, run } from "./attempt.ts";
import { type Bench, until } from "./fixture.ts";

export interface Case {
  readonly name: string;
  run(bench: Bench): Promise<void>;
}

/** Long enough to act in the middle of it. */
export const LONG: Wish = { sampling: { maxNewTokens: 400 } };

export function assertComplete(outcome: Outcome, tokens: number): void {
  assert.equal(outcome.error, null);
  assert.equal(outcome.ids.length, tokens);
  assert.deepEqual(outcome.finish?.reason, { type: "length", cause: "max_new", matched: null });
}

const bias = (id: number): ReadonlyMap<number, number> => new Map([[id, 100]]);

export const GENERATE_CASES: readonly Case[] = [
  {
    name: "tokens are aligned, contiguous and in the vocabulary; started comes once and first",
    async run({ engine, description }) {
      const outcome = await run(engine, {});
      assertComplete(outcome, 32);
      assert.equal(outcome.started, 0);
      let at = 0;
      for (const { start, ids, logprobs, version, mixed } of outcome.chunks) {
        assert.equal(start, at);
        assert.equal(ids.length, logprobs.length);
        assert.ok(ids.every((id) => id < description.vocabSize));
        assert.ok(logprobs.every((value) => Number.isFinite(value) && value < 1e-3));
        assert.deepEqual([version, mixed], [1, false]);
        at += ids.length;
      }
    },
  },
  {
    name: "a rollout ends at EOS, the EOS included",
    async run({ engine, description }) {
      const eos = description.eosTokenIds[0] as number;
      const wish = { sampling: { ignoreEos: false, minNewTokens: 3, logitBias: bias(eos) } };
      const outcome = await run(engine, wish);
      assert.deepEqual(outcome.finish?.reason, { type: "stop", cause: "eos", matched: eos });
      assert.equal(outcome.ids.length, 4, "min_new_tokens holds it off for three tokens");
      assert.equal(outcome.ids.indexOf(eos), 3);
    },
  },
  {
    name: "ignore_eos goes on past an EOS",
    async run({ engine, description }) {
      const eos = description.eosTokenIds[0] as number;
      const outcome = await run(engine, { sampling: { maxNewTokens: 5, logitBias: bias(eos) } });
      assertComplete(outcome, 5);
      assert.ok(outcome.ids.every((id) => id === eos));
    },
  },
  {
    name: "a rollout ends at a stop id, which is told and included; min_new_tokens holds it off",
    async run({ engine }) {
      const free = await run(engine, {});
      const stop = free.ids[10] as number;
      const first = free.ids.indexOf(stop);
      const stopped = await run(engine, { sampling: { stopTokenIds: [stop] } });
      assert.deepEqual(stopped.finish?.reason, { type: "stop", cause: "stop_id", matched: stop });
      assert.deepEqual(stopped.ids, free.ids.slice(0, first + 1));
      const held = await run(engine, { sampling: { stopTokenIds: [stop], minNewTokens: 20 } });
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
    name: "equal seeds sample equal tokens; another seed or sibling others",
    async run({ engine }) {
      const [one, same, seed, sibling] = await Promise.all([
        run(engine, {}),
        run(engine, {}),
        run(engine, { sampling: { seed: 12 } }),
        run(engine, { siblingIndex: 1 }),
      ]);
      assert.deepEqual(one.ids, same.ids);
      assert.deepEqual(one.logprobs, same.logprobs);
      assert.notDeepEqual(one.ids, seed.ids);
      assert.notDeepEqual(one.ids, sibling.ids);
    },
  },
  {
    name: "the whole range of seeds counts",
    async run({ engine }) {
      const [low, high] = await Promise.all([
        run(engine, { sampling: { seed: 1 } }),
        run(engine, { sampling: { seed: 1 + 2 ** 40 } }),
      ]);
      assert.notDeepEqual(low.ids, high.ids);
    },
  },
  {
    name: "greedy does not depend on seed or sibling",
    async run({ engine }) {
      const [one, other] = await Promise.all([
        run(engine, { sampling: { temperature: 0 } }),
        run(engine, { siblingIndex: 3, sampling: { temperature: 0, seed: 99 } }),
      ]);
      assert.deepEqual(one.ids, other.ids);
      assert.deepEqual(one.logprobs, other.logprobs);
    },
  },
  {
    name: "a rollout continued from any of its tokens makes the tokens of the undisturbed run",
    async run({ engine }) {
      const sampling = { presencePenalty: 0.5, repetitionPenalty: 1.2 };
      const whole = await run(engine, { sampling });
      for (const kept of [1, 7, 31]) {
        const outputTokenIds = Uint32Array.from(whole.ids.slice(0, kept));
        const rest = await run(engine, { sampling, outputTokenIds });
        assertComplete(rest, 32 - kept);
        assert.equal(rest.chunks[0]?.start, kept);
        assert.deepEqual(rest.ids, whole.ids.slice(kept));
        assert.deepEqual(rest.logprobs, whole.logprobs.slice(kept));
      }
    },
  },
  {
    name: "a continuation that has all its tokens finishes without more",
    async run({ engine }) {
      const sampling = { maxNewTokens: 3 };
      assertComplete(
        await run(engine, { sampling, outputTokenIds: Uint32Array.of(49, 50, 51) }),
        0,
      );
    },
  },
  {
    name: "concurrent rollouts make what each makes alone",
    async run({ engine }) {
      const wishes = Array.from({ length: 24 }, (_, i) => ({
        promptTokenIds: Uint32Array.from({ length: 3 + i }, (_, at) => 48 + ((i + at) % 10)),
        sampling: { seed: i, maxNewTokens: 20 + i },
      }));
      const together = await Promise.all(wishes.map((wish) => run(engine, wish)));
      for (const i of [0, 11, 23]) {
        const alone = await run(engine, wishes[i] as Wish);
        assert.deepEqual(together[i]?.ids, alone.ids);
        assert.deepEqual(together[i]?.logprobs, alone.logprobs);
      }
    },
  },
  {
    name: "cached prefixes are reused inside a cache namespace, never across, and make no difference",
    async run({ engine }) {
      const promptTokenIds = Uint32Array.from({ length: 100 }, (_, i) => 48 + (i % 10));
      const wish = { promptTokenIds, cacheNamespace: "namespace-a" };
      const cold = await run(engine, wish);
      const warm = await run(engine, wish);
      const other = await run(engine, { ...wish, cacheNamespace: "namespace-b" });
      assert.equal(cold.started, 0);
      assert.ok((warm.started ?? 0) >= 64, `${warm.started} cached`);
      assert.equal(other.started, 0);
      assert.deepEqual(warm.ids, cold.ids);
      assert.deepEqual(warm.logprobs, cold.logprobs);
      await engine.control.flush(deadline());
      assert.equal((await run(engine, wish)).started, 0);
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
    async run({ engine, description }) {
      const other = new Attempt(engine, LONG);
      await other.reached(1);
      const id = description.vocabSize;
      for (const wish of [
        { promptTokenIds: Uint32Array.of(49, id) },
        { outputTokenIds: Uint32Array.of(id) },
        { sampling: { stopTokenIds: [id] } },
        { promptTokenIds: new Uint32Array(0) },
      ]) {
        assert.equal((await run(engine, wish)).error?.code, "invalid_argument");
      }
      assertComplete(await other.outcome, 400);
    },
  },
  {
    name: "what the engine cannot honour is unsupported",
    async run({ engine, description }) {
      const { sampling } = description.capabilities;
      const wishes = {
        allowed_token_ids: { allowedTokenIds: [49] },
        bad_words: { badWords: ["x"] },
        structured: { structured: { regex: "a" } },
      } as const;
      for (const [feature, wish] of Object.entries(wishes)) {
        if (sampling.some((known) => known === feature)) continue;
        assert.equal((await run(engine, { sampling: wish })).error?.code, "unsupported", feature);
      }
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
    async run({ engine }) {
      const first = new Attempt(engine, LONG);
      await first.reached(1);
      const second = await run(engine, { requestId: first.request.requestId });
      assert.equal(second.error?.code, "conflict");
      assertComplete(await first.outcome, 400);
    },
  },
  {
    name: "an abort mid-way ends the request inside the engine",
    async run({ engine }) {
      const attempt = new Attempt(engine, LONG);
      await attempt.reached(3);
      attempt.abort();
      assert.equal((await attempt.outcome).error?.code, "cancelled");
      await until(engine, 0);
      const { outputTokens } = await engine.telemetry(deadline());
      assertComplete(await run(engine, {}), 32);
      assert.equal((await engine.telemetry(deadline())).outputTokens, outputTokens + 32);
    },
  },
  {
    name: "an abort before the first token, while the engine is paused, leaves nothing behind",
    async run({ engine }) {
      await engine.control.pause("keep", deadline());
      const attempt = new Attempt(engine, {});
      await until(engine, 1);
      attempt.abort();
      const outcome = await attempt.outcome;
      assert.deepEqual([outcome.error?.code, outcome.ids.length], ["cancelled", 0]);
      await until(engine, 0);
      await engine.control.resume(deadline());
    },
  },
  {
    name: "an abort after the end, or before the beginning, does no harm",
    async run({ engine }) {
      const attempt = new Attempt(engine, {});
      assertComplete(await attempt.outcome, 32);
      attempt.abort();
      const dead = AbortSignal.abort();
      await assert.rejects(
        async () => {
          for await (const _ of engine.generate(requestOf({}), dead)) assert.fail("an event");
        },
        { code: "cancelled" },
      );
      await until(engine, 0);
    },
  },
  {
    name: "a consumer that stops reading ends the request inside the engine",
    async run({ engine }) {
      for await (const event of engine.generate(requestOf(LONG), deadline())) {
        if (event.type === "tokens") break;
      }
      await until(engine, 0);
    },
  },
  {
    name: "a slow reader gets everything and holds up nobody",
    async run({ engine }) {
      const events = engine.generate(requestOf(LONG), deadline())[Symbol.asyncIterator]();
      await events.next();
      assertComplete(await run(engine, LONG), 400);
      let tokens = 0;
      for (let next = await events.next(); next.done !== true; next = await events.next()) {
        if (next.value.type === "tokens") tokens += next.value.chunk.ids.length;
      }
      assert.equal(tokens, 400);
    },
  },
];
