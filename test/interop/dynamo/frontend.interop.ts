/**
 * Our adapter on Dynamo's real frontend with its mocker behind it: `npm run test:interop -- test/interop/dynamo/*.ts`.
 * The mocker's tokens are random and its logprobs made up, so what is looked at is the wire.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createDynamoEngine } from "../../../adapters/dynamo/engine.ts";
import type { Engine } from "../../../adapters/engine.ts";
import { Attempt, deadline, run, speaks } from "../../conformance/engines/attempt.ts";
import { until } from "../../conformance/engines/fixture.ts";
import { type Dynamo, startDynamo } from "../engines/dynamo.ts";

const FACTS = {
  vocabSize: 2_048,
  maxModelLen: 2_048,
  kvTokens: 16_384,
  maxRunning: 256,
  logprobMode: "processed",
  weights: { policy: "default", version: 1 },
} as const;

const prompt = Uint32Array.from({ length: 64 }, (_, at) => 100 + at);

async function probed(dynamo: Dynamo): Promise<Engine> {
  const engine = createDynamoEngine(dynamo.frontend.url, { facts: FACTS });
  speaks(engine, (await engine.probe(deadline())).capabilities.logprobModes);
  return engine;
}

describe("Dynamo's frontend: /generate", () => {
  let dynamo: Dynamo;
  let engine: Engine;
  before(async () => {
    dynamo = await startDynamo({ native: true, workers: 2, speedup: 20 });
    engine = await probed(dynamo);
  });
  after(async () => {
    await engine?.close();
    await dynamo?.close();
  });

  test("a probe finds the route and the model", async () => {
    const { model, capabilities } = await engine.probe(deadline());
    assert.equal(model, "mini");
    assert.equal(capabilities.sampling.includes("seed"), false, "the native route");
  });

  test("ids and logprobs are aligned and end as asked", async () => {
    const outcome = await run(engine, { promptTokenIds: prompt, sampling: { maxNewTokens: 48 } });
    assert.equal(outcome.error, null);
    assert.equal(outcome.ids.length, 48);
    assert.equal(outcome.logprobs.length, 48);
    assert.ok(outcome.ids.every((id) => id >= 1_000 && id < 2_000));
    assert.deepEqual(outcome.finish?.reason, { type: "length", cause: "max_new", matched: null });
  });

  test("many at once all come to their end", async () => {
    const sampling = { maxNewTokens: 16 };
    const outcomes = await Promise.all(
      Array.from({ length: 32 }, () => run(engine, { promptTokenIds: prompt, sampling })),
    );
    for (const { error, ids } of outcomes) assert.deepEqual([error, ids.length], [null, 16]);
  });

  test("an attempt that is given up ends there too", async () => {
    const sampling = { maxNewTokens: 1_500 };
    const attempt = new Attempt(engine, { promptTokenIds: prompt, sampling });
    await attempt.reached(3);
    attempt.abort();
    assert.equal((await attempt.outcome).error?.code, "cancelled");
    await until(engine, 0);
  });

  test("a worker that dies amid its replies: typed errors, and never a part taken for the whole", async () => {
    const sampling = { maxNewTokens: 800 };
    const attempts = Array.from(
      { length: 8 },
      () => new Attempt(engine, { promptTokenIds: prompt, sampling }),
    );
    await Promise.all(attempts.map((attempt) => attempt.reached(2)));
    await dynamo.killWorker();
    const outcomes = await Promise.all(attempts.map((attempt) => attempt.outcome));
    for (const { error, ids } of outcomes) {
      if (error === null) assert.equal(ids.length, 800);
      else assert.match(error.code, /^engine_(error|unreachable)$/);
    }
    assert.ok(outcomes.some(({ error }) => error !== null));
    assert.ok(outcomes.some(({ error }) => error === null));
  });
});

describe("Dynamo's frontend: /v1/completions", () => {
  test("its mocker gives no logprobs there, and a reply without them is misaligned", async () => {
    const dynamo = await startDynamo({ native: false, workers: 1, speedup: 20 });
    try {
      const engine = await probed(dynamo);
      const { error } = await run(engine, { promptTokenIds: prompt });
      assert.equal(error?.code, "misaligned");
      await engine.close();
    } finally {
      await dynamo.close();
    }
  });
});
