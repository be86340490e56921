/** Dynamo's workers one by one: found, paused, updated and named together, or not at all. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createDynamoEngine } from "../../../adapters/dynamo/engine.ts";
import type { Engine, EngineWeights } from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import { Attempt, deadline, run, speaks } from "../../conformance/engines/attempt.ts";
import { checkpoint } from "../../fakes/core/fake-model.ts";
import { type FakeDynamo, startFakeDynamo } from "../../fakes/dynamo/fake-dynamo.ts";
import type { FakeRlWorker } from "../../fakes/dynamo/rl-workers.ts";

interface Controlled {
  readonly engine: Engine;
  readonly fake: FakeDynamo;
  readonly workers: readonly FakeRlWorker[];
  /** Of the engine, where it has any. */
  readonly weights: EngineWeights;
}

/** `named`: whether their operator says what they were started with. */
async function against(use: (parts: Controlled) => Promise<void>, named = true): Promise<void> {
  const fake = await startFakeDynamo({ rl: true });
  const { vocabSize } = fake.model.info;
  const weights = named ? { weights: { policy: "default", version: 1 } } : {};
  assert.ok(fake.rl);
  const facts = { vocabSize, ...weights, logprobMode: "processed", rlUrl: fake.rl.url } as const;
  const engine = createDynamoEngine(fake.url, { facts });
  try {
    speaks(engine, (await engine.probe(deadline())).capabilities.logprobModes);
    assert.ok(engine.weights);
    await use({ engine, fake, workers: fake.rl.workers, weights: engine.weights });
  } finally {
    await engine.close();
    await fake.close();
  }
}

const GREEDY = { sampling: { temperature: 0, maxNewTokens: 16 } };
const SECOND = { policy: "default", version: 2, path: checkpoint("step-2") };

async function failure(work: Promise<unknown>): Promise<PacelineError> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  assert.ok(thrown instanceof PacelineError, String(thrown));
  return thrown;
}

describe("Dynamo's workers", () => {
  test("what they were started with is what their operator says, until they are told a name", () =>
    against(async ({ engine }) => {
      const { held, capabilities } = await engine.probe(deadline());
      assert.deepEqual(held, [{ policy: "default", version: 1, load: 0, digest: null }]);
      assert.deepEqual(capabilities.pause, ["keep", "abort"]);
      assert.deepEqual(capabilities.weights, { stage: false, proof: "reported" });
    }));

  test("an update stops all, loads all, names all, and all go on", () =>
    against(async ({ engine, workers, weights }) => {
      const before = await run(engine, GREEDY);
      await weights.stage(SECOND, deadline());
      const { load } = await weights.swap({ ...SECOND, kv: "keep" }, deadline());
      assert.equal(load, 1);
      assert.deepEqual(
        workers.map(({ label }) => label),
        ["default@2#1", "default@2#1"],
      );
      for (const { calls, paused } of workers) {
        assert.equal(paused, false);
        const told = calls.filter((call) => call !== "get_weight_version");
        assert.deepEqual(told, [
          "pause_generation",
          "update_weights_from_disk",
          "resume_generation",
        ]);
      }
      const after = await run(engine, GREEDY);
      assert.equal(after.error, null);
      assert.notDeepEqual(after.ids, before.ids);
      const { held } = await engine.probe(deadline());
      assert.deepEqual(held, [{ policy: "default", version: 2, load: 1, digest: null }]);
    }));

  test("a pause of ours is kept over an update, and freezes what runs", () =>
    against(async ({ engine, workers, weights }) => {
      const attempt = new Attempt(engine, { sampling: { temperature: 0, maxNewTokens: 400 } });
      await attempt.reached(1);
      await engine.control.pause("keep", deadline());
      assert.equal((await engine.probe(deadline())).paused, true);
      await weights.stage(SECOND, deadline());
      await weights.swap({ ...SECOND, kv: "keep" }, deadline());
      assert.ok(workers.every(({ paused }) => paused));
      await engine.control.resume(deadline());
      assert.equal((await engine.probe(deadline())).paused, false);
      assert.equal((await attempt.outcome).ids.length, 400);
    }));

  test("one that refuses to stand still: none does, and which it was is told", () =>
    against(async ({ engine, workers }) => {
      workers[1]?.refuses.add("pause_generation");
      const error = await failure(engine.control.pause("keep", deadline()));
      assert.equal(error.code, "engine_error");
      assert.match(error.message, /1 of 2 workers failed; .*w1: .*refused, on command/);
      assert.ok(workers.every(({ paused }) => !paused));
      assert.equal((await engine.probe(deadline())).paused, false);
    }));

  test("one that does not load: nobody says what they hold, until all of them have", () =>
    against(async ({ engine, workers, weights }) => {
      workers[1]?.refuses.add("update_weights_from_disk");
      await weights.stage(SECOND, deadline());
      const error = await failure(weights.swap({ ...SECOND, kv: "keep" }, deadline()));
      assert.equal(error.code, "engine_error");
      assert.deepEqual((await engine.probe(deadline())).held, []);
      assert.equal((await run(engine, GREEDY)).error?.code, "version_unavailable");
      workers[1]?.refuses.clear();
      await weights.stage(SECOND, deadline());
      await weights.swap({ ...SECOND, kv: "keep" }, deadline());
      const { held } = await engine.probe(deadline());
      assert.deepEqual(held, [{ policy: "default", version: 2, load: 2, digest: null }]);
    }));

  test("while a probe asks what they hold, and when its answer is older than a swap, rollouts run", () =>
    against(async ({ engine, workers, weights }) => {
      const swap = async (version: number): Promise<void> => {
        const target = { ...SECOND, version };
        await weights.stage(target, deadline());
        await weights.swap({ ...target, kv: "keep" }, deadline());
      };
      await swap(2);
      const [asked, answered] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      workers[0]?.delays.set("get_weight_version", () => {
        asked.resolve();
        return answered.promise;
      });
      const probed = engine.probe(deadline());
      await asked.promise;
      assert.equal((await run(engine, GREEDY)).error, null);
      workers[0]?.delays.clear();
      await swap(3);
      answered.resolve();
      const { held } = await probed;
      assert.deepEqual(held, [{ policy: "default", version: 3, load: 2, digest: null }]);
      assert.equal((await run(engine, GREEDY)).error, null);
    }, false));

  test("one that another hand has updated: they hold no one version", () =>
    against(async ({ engine, workers }) => {
      const [first] = workers;
      assert.ok(first);
      first.label = "default@9#1";
      assert.deepEqual((await engine.probe(deadline())).held, []);
    }));

  test("one that lacks a route, or is not listed: only its frontend is there", () =>
    against(async ({ engine, workers }) => {
      const [first] = workers;
      assert.ok(first);
      first.routes = first.routes.filter((route) => route !== "flush_cache");
      const { capabilities, held } = await engine.probe(deadline());
      assert.deepEqual(capabilities.pause, ["abort"]);
      assert.equal(engine.weights, null);
      assert.deepEqual(held, [{ policy: "default", version: 1, load: 0, digest: null }]);
      assert.equal((await failure(engine.control.flush(deadline()))).code, "unsupported");
    }));

  test("what is no discovery of protocol 1 is told", async () => {
    const fake = await startFakeDynamo();
    const facts = { vocabSize: 300, rlUrl: fake.url };
    const engine = createDynamoEngine(fake.url, { facts });
    try {
      assert.equal((await failure(engine.probe(deadline()))).code, "engine_error");
    } finally {
      await engine.close();
      await fake.close();
    }
  });
});
