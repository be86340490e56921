/** What every engine must do when it is probed, paused and given new weights. */
import assert from "node:assert/strict";
import { Attempt, deadline, type Outcome, run } from "./attempt.ts";
import { until, weightsOf } from "./fixture.ts";
import { assertComplete, type Case, LONG } from "./generate-cases.ts";

/** Versions in order of output, each once. */
function versionsOf({ chunks }: Outcome): (number | null)[] {
  const versions = chunks.map((chunk) => chunk.version);
  return versions.filter((version, i) => version !== versions[i - 1]);
}

export const CONTROL_CASES: readonly Case[] = [
  {
    name: "a probe tells the same incarnation each time, and whether the engine is paused",
    async run({ engine, description }) {
      assert.equal((await engine.probe(deadline())).incarnation, description.incarnation);
      assert.equal(description.paused, false);
      await engine.control.pause("keep", deadline());
      assert.equal((await engine.probe(deadline())).paused, true);
      await engine.control.resume(deadline());
      assert.equal((await engine.probe(deadline())).paused, false);
    },
  },
  {
    name: "telemetry counts what runs and what was made",
    async run({ engine, description }) {
      const before = await engine.telemetry(deadline());
      const attempt = new Attempt(engine, LONG);
      await attempt.reached(1);
      const during = await engine.telemetry(deadline());
      assert.equal(during.running, 1);
      assert.ok(during.kvUsedTokens > 0 && during.kvTotalTokens === description.slots[0]?.kvTokens);
      assertComplete(await attempt.outcome, 400);
      const after = await engine.telemetry(deadline());
      assert.equal(after.outputTokens - before.outputTokens, 400);
      assert.ok(after.prefillTokens > before.prefillTokens);
      assert.ok(after.steps.length > 0 && after.steps.length <= 64);
    },
  },
  ...((["keep", "retract"] as const).map((mode) => ({
    name: `pause ${mode} freezes, and a resume makes the tokens of the undisturbed run`,
    async run({ engine }) {
      const undisturbed = await run(engine, LONG);
      const attempt = new Attempt(engine, LONG);
      await attempt.reached(5);
      await engine.control.pause(mode, deadline());
      const { outputTokens } = await engine.telemetry(deadline());
      const waits = new Attempt(engine, {});
      await until(engine, 2);
      assert.equal((await engine.telemetry(deadline())).outputTokens, outputTokens);
      assert.equal(waits.tokens, 0);
      await engine.control.resume(deadline());
      const outcome = await attempt.outcome;
      assert.deepEqual(outcome.ids, undisturbed.ids);
      assert.deepEqual(outcome.logprobs, undisturbed.logprobs);
      assertComplete(await waits.outcome, 32);
    },
  })) satisfies readonly Case[]),
  {
    name: "a pause tells all tokens that exist before it answers",
    async run({ engine }) {
      const { outputTokens } = await engine.telemetry(deadline());
      const attempt = new Attempt(engine, LONG);
      await attempt.reached(5);
      await engine.control.pause("keep", deadline());
      const made = (await engine.telemetry(deadline())).outputTokens - outputTokens;
      await attempt.reached(made);
      await engine.control.resume(deadline());
      assertComplete(await attempt.outcome, 400);
    },
  },
  {
    name: "pause abort ends all with what they have; requests that come while paused wait",
    async run({ engine }) {
      const attempts = [new Attempt(engine, LONG), new Attempt(engine, LONG)];
      for (const attempt of attempts) await attempt.reached(2);
      await engine.control.pause("abort", deadline());
      for (const attempt of attempts) {
        const outcome = await attempt.outcome;
        assert.deepEqual([outcome.error, outcome.finish?.reason.type], [null, "abort"]);
        assert.ok(outcome.ids.length >= 2 && outcome.ids.length < 400);
      }
      const waits = new Attempt(engine, {});
      await until(engine, 1);
      assert.equal(waits.tokens, 0);
      await engine.control.resume(deadline());
      assertComplete(await waits.outcome, 32);
    },
  },
  {
    name: "pausing and resuming twice is no error",
    async run({ engine }) {
      for (let i = 0; i < 2; i++) await engine.control.pause("keep", deadline());
      for (let i = 0; i < 2; i++) await engine.control.resume(deadline());
      assertComplete(await run(engine, {}), 32);
    },
  },
  ...((["keep", "drop"] as const).map((kv) => ({
    name: `an update with kv ${kv} mid-way: versions change once, in order, and mixed is told`,
    async run({ engine, install }) {
      const before = await run(engine, LONG);
      const attempt = new Attempt(engine, LONG);
      await attempt.reached(5);
      await engine.control.pause("keep", deadline());
      await install(2, kv);
      await engine.control.resume(deadline());
      const outcome = await attempt.outcome;
      assertComplete(outcome, 400);
      assert.deepEqual(versionsOf(outcome), [1, 2]);
      for (const { version, mixed } of outcome.chunks) {
        assert.equal(mixed, version === 2 && kv === "keep");
      }
      const swapped = outcome.chunks.find((chunk) => chunk.version === 2)?.start ?? 0;
      assert.deepEqual(outcome.ids.slice(0, swapped), before.ids.slice(0, swapped));
      assert.notDeepEqual(outcome.ids, before.ids);
      if (kv === "drop") {
        // Recomputed: as if the rollout had been continued under the new version from its tokens.
        const kept = Uint32Array.from(outcome.ids.slice(0, swapped));
        const again = await run(engine, { ...LONG, outputTokenIds: kept });
        assert.deepEqual(outcome.ids.slice(swapped), again.ids);
        assert.deepEqual(outcome.logprobs.slice(swapped), again.logprobs);
      }
    },
  })) satisfies readonly Case[]),
  {
    name: "sleep ends what runs and refuses more until wake, with the same weights",
    async run({ engine, description }) {
      assert.equal(description.capabilities.sleep, true);
      const undisturbed = await run(engine, LONG);
      const held = await engine.weights?.held(deadline());
      const attempt = new Attempt(engine, LONG);
      await attempt.reached(5);
      await engine.control.sleep(deadline());
      assert.deepEqual((await attempt.outcome).finish?.reason.type, "abort");
      assert.equal((await engine.probe(deadline())).asleep, true);
      assert.equal((await engine.telemetry(deadline())).kvUsedTokens, 0);
      assert.equal((await run(engine, LONG)).error?.code, "engine_error");
      await engine.control.wake(deadline());
      assert.equal((await engine.probe(deadline())).asleep, false);
      assert.deepEqual(await engine.weights?.held(deadline()), held);
      assert.deepEqual((await run(engine, LONG)).ids, undisturbed.ids);
    },
  },
  {
    name: "an update without a pause takes effect between two tokens",
    async run({ engine, install }) {
      const attempt = new Attempt(engine, LONG);
      await attempt.reached(5);
      await install(2);
      const outcome = await attempt.outcome;
      assertComplete(outcome, 400);
      assert.deepEqual(versionsOf(outcome), [1, 2]);
    },
  },
  {
    name: "an update leaves no cached prefix behind, even in the same namespace",
    async run({ engine, install }) {
      const promptTokenIds = Uint32Array.from({ length: 100 }, (_, i) => 48 + (i % 10));
      const wish = { promptTokenIds, cacheNamespace: "kept-over-an-update" };
      await run(engine, wish);
      await install(2);
      assert.equal((await run(engine, wish)).started, 0);
    },
  },
  {
    name: "a carried namespace outlives an update, and what is made on it is mixed, until it is dropped",
    async run({ engine, install, description }) {
      if (!description.capabilities.sessionCache) return;
      const promptTokenIds = Uint32Array.from({ length: 100 }, (_, i) => 48 + (i % 10));
      const wish = { promptTokenIds, cacheNamespace: "a-session", cacheCarried: true };
      const mixedOf = ({ chunks }: Outcome) => [...new Set(chunks.map(({ mixed }) => mixed))];
      await install(1);
      assert.deepEqual(mixedOf(await run(engine, wish)), [false]);
      await install(2);
      const later = await run(engine, wish);
      assert.deepEqual([later.started, mixedOf(later)], [96, [true]]);
      await engine.control.dropCache?.("a-session", deadline());
      const anew = await run(engine, wish);
      assert.deepEqual([anew.started, mixedOf(anew)], [0, [false]]);
    },
  },
  {
    name: "the same checkpoint has the same digest, another one another; loads count up",
    async run({ engine, install }) {
      const one = await install(1);
      const [held] = await weightsOf(engine).held(deadline());
      const two = await install(2);
      const [next] = await weightsOf(engine).held(deadline());
      assert.notEqual(one, two);
      assert.deepEqual(held, { policy: "default", version: 1, load: held?.load, digest: one });
      const load = (held?.load ?? 0) + 1;
      assert.deepEqual(next, { policy: "default", version: 2, load, digest: two });
      assert.equal(await install(3), one);
    },
  },
  {
    name: "staging changes nothing that serves, and a version that is not staged cannot be swapped in",
    async run({ engine, install }) {
      await install(1);
      const weights = weightsOf(engine);
      const target = { policy: "default", version: 8, kv: "keep" } as const;
      const code = { code: "version_conflict" };
      await assert.rejects(weights.swap(target, deadline()), code);
      await weights.discard({ policy: "default", version: 8 }, deadline());
      await assert.rejects(weights.swap(target, deadline()), code);
      const [held] = await weights.held(deadline());
      assert.equal(held?.version, 1);
      assertComplete(await run(engine, {}), 32);
    },
  },
];
