/** What every engine must do when it is probed, paused and given new weights. */
import assert from "node:assert/strict";
import { Attempt, deadline, type Outcome, run, type Wish } from "./attempt.ts";
import { assertComplete, type Case, LONG } from "./case.ts";
import { type Bench, toldLoad, untilHeld, weightsOf } from "./fixture.ts";

/** Versions in order of output. */
/** As they follow one another: a version's run is told in parts where KV of some of it was computed anew. */
const versionsOf = ({ spans }: Outcome): number[] | undefined =>
  spans
    ?.map(({ version }) => version)
    .filter((version, at, versions) => version !== versions[at - 1]);

/** One that stands still amid its output. */
async function paused(
  { engine, slowly }: Bench,
  wish: Wish,
  mode: "keep" | "retract",
): Promise<Attempt> {
  return slowly(async () => {
    const attempt = new Attempt(engine, wish);
    await attempt.reached(5);
    await engine.control.pause(mode, deadline());
    return attempt;
  });
}

const tells = ({ description }: Bench): boolean => description.capabilities.spans !== "none";
const byDigest = ({ description }: Bench): boolean =>
  description.capabilities.weights.proof === "digest";

const HUNDRED = Uint32Array.from({ length: 100 }, (_, i) => 48 + (i % 10));

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
    async run(bench) {
      const { engine, description, manners } = bench;
      const before = await engine.telemetry(deadline());
      const attempt = await bench.slowly(async () => {
        const begun = new Attempt(engine, LONG);
        await begun.reached(1);
        await toldLoad(bench, (during) => {
          assert.equal(during.running, 1);
          assert.ok(during.kvUsedTokens > 0);
          assert.equal(during.kvTotalTokens, description.slots[0]?.kvTokens);
        });
        return begun;
      });
      assertComplete(await attempt.outcome, 400);
      await toldLoad(bench, (after) => {
        assert.equal(after.outputTokens - before.outputTokens, 400 - manners.uncounted);
        assert.ok(after.prefillTokens > before.prefillTokens);
        assert.ok(after.steps.length <= 64 && (after.steps.length > 0 || !manners.keepsSteps));
      });
    },
  },
  ...((["keep", "retract"] as const).map((mode) => ({
    name: `pause ${mode} freezes, and a resume makes the tokens of the undisturbed run`,
    needs: ({ description }) => description.capabilities.pause.includes(mode),
    async run(bench) {
      const { engine } = bench;
      const wish = bench.repeatable(LONG);
      const undisturbed = await run(engine, wish);
      const attempt = await paused(bench, wish, mode);
      const { outputTokens } = await engine.telemetry(deadline());
      const waits = new Attempt(engine, {});
      await untilHeld(bench, 1, 1);
      assert.equal((await engine.telemetry(deadline())).outputTokens, outputTokens);
      assert.equal(waits.tokens, 0);
      await engine.control.resume(deadline());
      bench.same(await attempt.outcome, undisturbed);
      assertComplete(await waits.outcome, 32);
    },
    async without({ engine }) {
      await assert.rejects(engine.control.pause(mode, deadline()), { code: "unsupported" });
    },
  })) satisfies readonly Case[]),
  {
    name: "a pause tells all tokens that exist before it answers",
    needs: ({ manners }) => manners.pauseFlushes,
    async run(bench) {
      const { engine } = bench;
      const { outputTokens } = await engine.telemetry(deadline());
      const attempt = await paused(bench, LONG, "keep");
      const made = (await engine.telemetry(deadline())).outputTokens - outputTokens;
      await attempt.reached(made);
      await engine.control.resume(deadline());
      assertComplete(await attempt.outcome, 400);
    },
  },
  {
    name: "pause abort ends all with what they have; requests that come while paused wait",
    needs: ({ description }) => description.capabilities.pause.includes("abort"),
    async run(bench) {
      const { engine } = bench;
      const attempts = await bench.slowly(async () => {
        const begun = [new Attempt(engine, LONG), new Attempt(engine, LONG)];
        for (const attempt of begun) await attempt.reached(2);
        await engine.control.pause("abort", deadline());
        return begun;
      });
      for (const attempt of attempts) {
        const outcome = await attempt.outcome;
        assert.deepEqual([outcome.error, outcome.finish?.reason.type], [null, "abort"]);
        assert.ok(outcome.ids.length >= 2 && outcome.ids.length < 400);
      }
      const waits = new Attempt(engine, {});
      await untilHeld(bench, 0, 1);
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
    async run(bench) {
      const { engine, install, description } = bench;
      const wish = bench.continuable(LONG);
      const before = await run(engine, wish);
      const attempt = await paused(bench, wish, "keep");
      await install(2, kv);
      await engine.control.resume(deadline());
      const outcome = await attempt.outcome;
      assertComplete(outcome, 400);
      assert.notDeepEqual(outcome.ids, before.ids, JSON.stringify(outcome.spans));
      if (!tells(bench)) return;
      assert.deepEqual(versionsOf(outcome), [1, 2]);
      if (description.capabilities.spans === "chunk") {
        for (const { version, mixed } of outcome.chunks) {
          assert.equal(mixed, version === 2 && kv === "keep");
        }
      }
      const swapped = outcome.spans?.[1]?.start ?? 0;
      bench.same(cut(outcome, 0, swapped), cut(before, 0, swapped));
      if (kv === "drop") {
        // Recomputed: as if the rollout had been continued under the new version from its tokens.
        const kept = Uint32Array.from(outcome.ids.slice(0, swapped));
        bench.same(cut(outcome, swapped), await run(engine, { ...wish, outputTokenIds: kept }));
      }
    },
  })) satisfies readonly Case[]),
  {
    name: "sleep ends what runs and refuses more until wake, with the same weights",
    needs: ({ description }) => description.capabilities.sleep,
    async without({ engine }) {
      await assert.rejects(engine.control.sleep(deadline()), { code: "unsupported" });
      assertComplete(await run(engine, {}), 32);
    },
    async run(bench) {
      const { engine } = bench;
      const wish = bench.repeatable(LONG);
      const undisturbed = await run(engine, wish);
      const held = await engine.weights?.held(deadline());
      const attempt = await bench.slowly(async () => {
        const begun = new Attempt(engine, LONG);
        await begun.reached(5);
        await engine.control.sleep(deadline());
        return begun;
      });
      assert.deepEqual((await attempt.outcome).finish?.reason.type, "abort");
      assert.equal((await engine.probe(deadline())).asleep, true);
      assert.equal((await engine.telemetry(deadline())).kvUsedTokens, 0);
      if (bench.manners.refusesAsleep) {
        assert.equal((await run(engine, wish)).error?.code, "engine_error");
      }
      await engine.control.wake(deadline());
      assert.equal((await engine.probe(deadline())).asleep, false);
      assert.deepEqual(await engine.weights?.held(deadline()), held);
      bench.same(await run(engine, wish), undisturbed);
    },
  },
  {
    name: "an update without a pause takes effect between two tokens, and the versions say which",
    async run(bench) {
      const { engine, install } = bench;
      const wish = bench.repeatable(LONG);
      const before = await run(engine, wish);
      const attempt = await bench.slowly(async () => {
        const begun = new Attempt(engine, wish);
        await begun.reached(5);
        await install(2);
        return begun;
      });
      const outcome = await attempt.outcome;
      assertComplete(outcome, 400);
      if (!tells(bench)) return;
      assert.deepEqual(versionsOf(outcome), [1, 2]);
      const swapped = outcome.spans?.[1]?.start ?? 0;
      bench.same(cut(outcome, 0, swapped), cut(before, 0, swapped));
    },
  },
  {
    name: "an update leaves no cached prefix behind, even in the same namespace",
    needs: ({ manners }) => manners.swapClearsCache,
    async run({ engine, install }) {
      const wish = { promptTokenIds: HUNDRED, cacheNamespace: "kept-over-an-update" };
      await run(engine, wish);
      await install(2);
      assert.equal((await run(engine, wish)).cached, 0);
    },
    async without(bench) {
      // Callers give each load a namespace of its own; there nothing old is found, and the tokens are the new version's.
      const { engine, install, repeatable } = bench;
      const wish = (load: number) =>
        repeatable({ promptTokenIds: HUNDRED, cacheNamespace: `default@${load}#${load}` });
      await run(engine, wish(1));
      await install(2);
      const made = await run(engine, wish(2));
      if (bench.manners.tellsCached) assert.equal(made.cached, 0);
      bench.same(made, await run(engine, { ...wish(2), cacheNamespace: "empty" }));
    },
  },
  {
    name: "a carried namespace outlives an update, and what is made on it is mixed, until it is dropped",
    needs: ({ description }) => description.capabilities.sessionCache,
    async run({ engine, install }) {
      const wish = { promptTokenIds: HUNDRED, cacheNamespace: "a-session", cacheCarried: true };
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
    needs: byDigest,
    async without({ engine, install }) {
      for (const version of [1, 2]) {
        assert.equal(await install(version), null);
        const [held] = await weightsOf(engine).held(deadline());
        assert.deepEqual([held?.policy, held?.version, held?.digest], ["default", version, null]);
      }
      const [before] = await weightsOf(engine).held(deadline());
      await install(3);
      const [after] = await weightsOf(engine).held(deadline());
      assert.ok((after?.load ?? 0) > (before?.load ?? 0), "no namespace is used for two loads");
    },
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
  {
    name: "weights that cannot be read are refused, and no token is made of what may be half of them",
    // A stand-in without a model reads nothing.
    needs: ({ description }) => description.kind !== "simulated",
    async run({ engine, install }) {
      const weights = weightsOf(engine);
      const bad = { policy: "default", version: 9 };
      await assert.rejects(
        async () => {
          await weights.stage({ ...bad, path: "/nowhere/at/all" }, deadline());
          await weights.swap({ ...bad, kv: "keep" }, deadline());
        },
        ({ code }) => code === "weights_rejected" || code === "engine_error",
      );
      // Either the old ones serve on, or nothing does until others are in place.
      const after = await run(engine, {});
      if (after.error === null) {
        assertComplete(after, 32);
        assert.deepEqual(versionsOf(after) ?? [1], [1]);
      } else assert.equal(after.error.code, "version_unavailable");
      await install(2);
      const next = await run(engine, {});
      assertComplete(next, 32);
      assert.deepEqual(versionsOf(next) ?? [2], [2]);
    },
  },
];

const cut = ({ ids, logprobs }: Outcome, from: number, to?: number) => ({
  ids: ids.slice(from, to),
  logprobs: logprobs.slice(from, to),
});
