/** Adapters beside the weights in service: each version under a name of its own. */
import assert from "node:assert/strict";
import { Attempt, deadline, run, type Wish } from "./attempt.ts";
import { assertComplete, assertOfVersion, type Case } from "./case.ts";
import { type Bench, weightsOf } from "./fixture.ts";

const ADAPTER = "tuned";

/** A request under one version of the adapter. */
const under = (version: number, wish: Wish = {}): Wish => ({
  ...wish,
  policy: ADAPTER,
  adapter: { version, base: "default" },
});

function adaptersOf({ engine }: Bench) {
  const { adapters } = weightsOf(engine);
  assert.ok(adapters);
  return adapters;
}

const load = (bench: Bench, version: number): Promise<void> =>
  adaptersOf(bench).load({ policy: ADAPTER, version, path: bench.adapter }, deadline());

const unload = (bench: Bench, version: number): Promise<void> =>
  adaptersOf(bench).unload({ policy: ADAPTER, version }, deadline());

async function listed({ engine }: Bench): Promise<readonly number[]> {
  const held = await weightsOf(engine).held(deadline());
  return held.flatMap(({ policy, version }) => (policy === ADAPTER ? [version] : []));
}

const takes = ({ description }: Bench): boolean =>
  description.capabilities.weights.adapters !== undefined;

/** Nothing that another case left there: a real engine is one for all. */
async function withoutAny(bench: Bench): Promise<void> {
  for (const version of await listed(bench)) await unload(bench, version);
}

/** An engine that holds no adapters serves none. */
const refuses = async (bench: Bench): Promise<void> => {
  const { error } = await run(bench.engine, under(1));
  assert.ok(error?.code === "version_unavailable" || error?.code === "unsupported");
};

export const LORA_CASES: readonly Case[] = [
  {
    name: "an adapter makes tokens of its own beside its base, and tells its base's versions",
    needs: takes,
    async run(bench) {
      await withoutAny(bench);
      const { engine } = bench;
      const wish = bench.repeatable({});
      const before = await run(engine, wish);
      await load(bench, 1);
      const adapted = await run(engine, under(1, wish));
      assertComplete(adapted, 32);
      assertOfVersion(adapted, bench.version);
      assert.notDeepEqual(adapted.logprobs, before.logprobs);
      bench.same(await run(engine, wish), before);
      bench.same(await run(engine, under(1, wish)), adapted);
      assert.deepEqual(await listed(bench), [1]);
    },
    without: refuses,
  },
  {
    name: "two versions of an adapter are two names",
    needs: takes,
    async run(bench) {
      await withoutAny(bench);
      const { engine } = bench;
      await load(bench, 1);
      await load(bench, 2);
      assert.deepEqual([...(await listed(bench))].sort(), [1, 2]);
      const wish = bench.repeatable({});
      const outcomes = await Promise.all(
        [1, 2].map((version) => run(engine, under(version, wish))),
      );
      for (const outcome of outcomes) assertComplete(outcome, 32);
      await unload(bench, 1);
      assert.deepEqual(await listed(bench), [2]);
    },
  },
  {
    name: "an adapter that the engine does not have is no version of it, streamed or scored",
    needs: takes,
    async run({ engine }) {
      assert.equal((await run(engine, under(7))).error?.code, "version_unavailable");
      const side = { promptLogprobs: { start: 0 }, topLogprobs: 0, samplingMask: false };
      assert.equal((await run(engine, under(7, { side }))).error?.code, "version_unavailable");
    },
  },
  {
    name: "what is no adapter is rejected, and what is served goes on",
    needs: takes,
    async run(bench) {
      await withoutAny(bench);
      const path = `${bench.adapter}-none`;
      await assert.rejects(
        adaptersOf(bench).load({ policy: ADAPTER, version: 1, path }, deadline()),
        { code: "weights_rejected" },
      );
      assert.deepEqual(await listed(bench), []);
      assertComplete(await run(bench.engine, {}), 32);
    },
  },
  {
    name: "loaded again under its name it is there once; unloaded twice it is gone",
    needs: takes,
    async run(bench) {
      await withoutAny(bench);
      await load(bench, 1);
      await load(bench, 1);
      assert.deepEqual(await listed(bench), [1]);
      assertComplete(await run(bench.engine, under(1)), 32);
      await unload(bench, 1);
      await unload(bench, 1);
      assert.deepEqual(await listed(bench), []);
    },
  },
  {
    name: "it leaves behind the last request under it",
    needs: takes,
    async run(bench) {
      await withoutAny(bench);
      await load(bench, 1);
      const attempt = new Attempt(bench.engine, under(1, { sampling: { maxNewTokens: 400 } }));
      await attempt.reached(1);
      let gone = false;
      const leaving = unload(bench, 1).then(() => {
        gone = true;
      });
      await attempt.reached(100);
      assert.equal(gone, false);
      assertComplete(await attempt.outcome, 400);
      await leaving;
      assert.equal((await run(bench.engine, under(1))).error?.code, "version_unavailable");
    },
  },
  {
    name: "an adapter's prompt is scored under it",
    needs: takes,
    async run(bench) {
      await withoutAny(bench);
      await load(bench, 1);
      const side = { promptLogprobs: { start: 1 }, topLogprobs: 0, samplingMask: false };
      const wish: Wish = { side, sampling: { maxNewTokens: 0 }, logprobMode: "raw" };
      const [plain, adapted] = [
        await run(bench.engine, wish),
        await run(bench.engine, under(1, wish)),
      ];
      assert.equal(adapted.error, null);
      assert.equal(adapted.prompt?.logprobs.length, plain.prompt?.logprobs.length);
      assert.notDeepEqual(adapted.prompt?.logprobs, plain.prompt?.logprobs);
    },
  },
];
