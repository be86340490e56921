/** The adapter against a fake of Dynamo's frontend, for what is Dynamo's alone. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createDynamoEngine } from "../../../adapters/dynamo/engine.ts";
import type { Engine } from "../../../adapters/engine.ts";
import type { EngineFacts } from "../../../server/contract/engine-facts.ts";
import { Attempt, deadline, run, speaks } from "../../conformance/engines/attempt.ts";
import {
  type FakeDynamo,
  type FakeDynamoOptions,
  startFakeDynamo,
} from "../../fakes/dynamo/fake-dynamo.ts";

async function against(
  options: FakeDynamoOptions,
  facts: (fake: FakeDynamo) => EngineFacts,
  use: (engine: Engine, fake: FakeDynamo) => Promise<void>,
): Promise<void> {
  const fake = await startFakeDynamo(options);
  const { vocabSize } = fake.model.info;
  const weights = { policy: "default", version: 4 };
  const given = { vocabSize, weights, logprobMode: "processed", ...facts(fake) } as const;
  const engine = createDynamoEngine(fake.url, { facts: given });
  try {
    speaks(engine, (await engine.probe(deadline())).capabilities.logprobModes);
    await use(engine, fake);
  } finally {
    await engine.close();
    await fake.close();
  }
}

const LONG = { sampling: { maxNewTokens: 400, temperature: 0 } };

describe("Dynamo", () => {
  test("its metrics tell the model's shape; both routes make the same tokens, cumulative or not", async () => {
    const made: (readonly number[])[] = [];
    const routes: FakeDynamoOptions[] = [{}, { native: true }, { native: true, cumulative: true }];
    for (const options of routes) {
      await against(
        options,
        () => ({}),
        async (engine, fake) => {
          const { maxModelLen, slots, held, capabilities } = await engine.probe(deadline());
          assert.equal(maxModelLen, fake.model.info.maxModelLen);
          assert.deepEqual(slots, [{ index: 0, kvTokens: 8_192, maxRunning: 16 }]);
          assert.deepEqual(held, [{ policy: "default", version: 4, load: 0, digest: null }]);
          assert.equal(capabilities.sampling.includes("seed"), options.native !== true);
          const outcome = await run(engine, { sampling: { temperature: 0 } });
          assert.equal(outcome.error, null);
          assert.equal(outcome.ids.length, 32);
          made.push([...outcome.ids, ...outcome.logprobs]);
        },
      );
    }
    assert.deepEqual(made[1], made[0]);
    assert.deepEqual(made[2], made[0]);
  });

  test("a rollout that its frontend moves to another worker ends, with what it had", async () => {
    await against(
      { stepMs: 1 },
      () => ({}),
      async (engine, fake) => {
        const attempt = new Attempt(engine, LONG);
        await attempt.reached(3);
        fake.worker = 12;
        const { error, ids } = await attempt.outcome;
        assert.equal(error?.code, "engine_error");
        assert.deepEqual(error?.details, { migrated: true, from: "11", to: "12" });
        assert.ok(ids.length >= 3 && ids.length < 400);
        await fake.model.idle();
      },
    );
  });

  test("its incarnation is of its workers' lives, to the last digit of their ids", async () => {
    await against(
      {},
      () => ({}),
      async (engine, fake) => {
        const { incarnation, engineVersion } = await engine.probe(deadline());
        assert.equal(engineVersion, "1.6.1");
        fake.workers = [...fake.workers].reverse();
        assert.equal((await engine.probe(deadline())).incarnation, incarnation);
        fake.workers = ["12195079162039251465", "3139514393538821950"];
        assert.notEqual((await engine.probe(deadline())).incarnation, incarnation);
      },
    );
  });

  test("what /generate does not honour is refused", async () => {
    await against(
      { native: true },
      () => ({}),
      async (engine) => {
        for (const sampling of [{ repetitionPenalty: 1.2 }, { logitBias: new Map([[5, 1]]) }]) {
          assert.equal((await run(engine, { sampling })).error?.code, "unsupported");
        }
      },
    );
  });

  test("the frontend has no calls to control its workers by", async () => {
    await against(
      {},
      () => ({}),
      async (engine) => {
        const { control } = engine;
        for (const call of [
          () => control.pause("keep", deadline()),
          () => control.flush(deadline()),
          () => control.sleep(deadline()),
          () => control.wake(deadline()),
        ]) {
          await assert.rejects(call(), { code: "unsupported" });
        }
      },
    );
  });

  test("every worker busy is overloaded", async () => {
    await against(
      {},
      () => ({}),
      async (engine, fake) => {
        fake.fault("status", { status: 529 });
        assert.equal((await run(engine, {})).error?.code, "overloaded");
      },
    );
  });
});
