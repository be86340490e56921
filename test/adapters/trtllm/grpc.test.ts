/** What the suite does not ask: names, salts, and facts that the engine tells itself. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Engine } from "../../../adapters/engine.ts";
import { createTrtllmEngine } from "../../../adapters/trtllm/engine.ts";
import { Attempt, deadline, run } from "../../conformance/engines/attempt.ts";
import { type FakeTrtllmGrpc, startFakeTrtllmGrpc } from "../../fakes/trtllm/fake-trtllm-grpc.ts";

const FACTS = {
  kvTokens: 4_096,
  logprobMode: "processed",
  weights: { policy: "default", version: 3 },
} as const;

describe("TensorRT-LLM by gRPC", () => {
  let fake: FakeTrtllmGrpc;
  let engine: Engine;
  before(async () => {
    fake = await startFakeTrtllmGrpc();
    engine = createTrtllmEngine(fake.url, { facts: FACTS });
  });
  after(async () => {
    await engine.close();
    await fake.close();
  });

  test("its model tells its shape, so that its operator need not", async () => {
    const { kind, engineVersion, model, maxModelLen, vocabSize, slots } = await engine.probe(
      deadline(),
    );
    const { info } = fake.model;
    assert.deepEqual(
      { kind, engineVersion, model, maxModelLen, vocabSize, slots },
      {
        kind: "trtllm",
        engineVersion: "1.3.0rc29",
        model: "demo",
        maxModelLen: info.maxModelLen,
        vocabSize: info.vocabSize,
        slots: [{ index: 0, kvTokens: 4_096, maxRunning: 16 }],
      },
    );
  });

  test("what only its operator knows is asked for by the setting's name", async () => {
    const untold = createTrtllmEngine(fake.url, { facts: { weights: FACTS.weights } });
    await assert.rejects(untold.probe(deadline()), {
      code: "invalid_argument",
      details: { path: "engine_facts.trtllm.kv_tokens" },
    });
    await untold.close();
  });

  test("requests of one namespace share a salt, of another they do not", async () => {
    for (const cacheNamespace of ["default@1", "default@1", "default@2"]) {
      assert.equal((await run(engine, { cacheNamespace })).error, null);
    }
    const [one, same, other] = fake.salts.slice(-3);
    assert.equal(one, same);
    assert.notEqual(one, other);
    assert.ok(Number.isSafeInteger(one) && (one as number) > 0);
  });

  test("one that is left is ended by its name", async () => {
    const attempt = new Attempt(engine, { requestId: "left", sampling: { maxNewTokens: 400 } });
    await attempt.reached(2);
    attempt.abort();
    assert.equal((await attempt.outcome).error?.code, "cancelled");
    while (!fake.aborted.includes("left")) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(fake.model.stats().running, 0);
  });

  test("a bias is refused by its path, not dropped", async () => {
    const wish = { sampling: { logitBias: new Map([[1, 2]]) } };
    assert.deepEqual((await run(engine, wish)).error?.details, { path: "sampling.logit_bias" });
  });
});
