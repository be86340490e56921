/** Every fault that the simulated engine knows, and what a consumer of the adapter sees of it. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { FaultBody } from "../../../adapters/embedded/wire.ts";
import { createSimulatedEngine, type SimulatedEngine } from "../../../adapters/simulated/engine.ts";
import type { ErrorCode } from "../../../server/contract/errors.ts";
import {
  type EngineServer,
  startEngineServer,
} from "../../../server/engine/server/engine-server.ts";
import { Attempt, deadline, run } from "../../conformance/engines/attempt.ts";
import { until, weightsOf } from "../../conformance/engines/fixture.ts";

const policy = "default";

describe("simulated engine: faults", () => {
  let server: EngineServer;
  let engine: SimulatedEngine;

  before(async () => {
    const shape = { kvTokens: 8_192, maxRunning: 16, streamInterval: 4 };
    server = await startEngineServer({ kind: "simulated", ...shape });
    engine = createSimulatedEngine(server.url);
    await weightsOf(engine).stage({ policy, version: 1, path: "/one" }, deadline());
    await weightsOf(engine).swap({ policy, version: 1, kv: "keep" }, deadline());
  });
  after(async () => {
    await engine.close();
    await server.close();
  });

  const broken: readonly (readonly [FaultBody["kind"], ErrorCode, kept: number])[] = [
    ["garbage", "engine_error", 5],
    ["oversize", "engine_error", 5],
    ["misaligned", "misaligned", 5],
    ["nan", "misaligned", 5],
    ["out_of_order", "engine_error", 5],
    ["cut", "engine_unreachable", 5],
    ["truncate", "engine_error", 9],
    ["refuse", "engine_error", 0],
  ];
  for (const [kind, code, kept] of broken) {
    test(`${kind} is ${code}; whole frames before it are kept, the next request is served`, async () => {
      const whole = await run(engine, {});
      await engine.fault({ kind, after_tokens: 5 }, deadline());
      const outcome = await run(engine, {});
      assert.equal(outcome.error?.code, code);
      assert.deepEqual(outcome.ids, whole.ids.slice(0, kept));
      assert.equal(outcome.finish, null);
      assert.deepEqual((await run(engine, {})).ids, whole.ids);
      // What was broken off does not go on inside the engine.
      await until(engine, 0);
    });
  }

  test("a fault strikes as many requests as it says", async () => {
    await engine.fault({ kind: "nan", count: 2 }, deadline());
    const codes = [];
    for (let i = 0; i < 3; i++) codes.push((await run(engine, {})).error?.code);
    assert.deepEqual(codes, ["misaligned", "misaligned", undefined]);
  });

  test("hang: no frame and no end; an abort gets away from it", async () => {
    await engine.fault({ kind: "hang", after_tokens: 5 }, deadline());
    const attempt = new Attempt(engine, {});
    await attempt.reached(5);
    // The engine has long made all 32 tokens by the time it has served another request.
    assert.equal((await run(engine, {})).ids.length, 32);
    assert.equal(attempt.tokens, 5);
    attempt.abort();
    assert.equal((await attempt.outcome).error?.code, "cancelled");
  });

  test("wrong_version: what follows carries another version, for others to find out", async () => {
    await engine.fault({ kind: "wrong_version", after_tokens: 5 }, deadline());
    const { chunks, error } = await run(engine, {});
    assert.equal(error, null);
    assert.deepEqual(
      new Set(chunks.filter(({ start }) => start < 5).map((c) => c.version)),
      new Set([1]),
    );
    assert.deepEqual(
      new Set(chunks.filter(({ start }) => start >= 5).map((c) => c.version)),
      new Set([2]),
    );
  });

  test("stage, swap and digest strike the weight calls", async () => {
    const weights = weightsOf(engine);
    const source = { policy, version: 2, path: "/two" };
    const target = { policy, version: 2, kv: "keep" } as const;
    await engine.fault({ kind: "stage" }, deadline());
    await assert.rejects(weights.stage(source, deadline()), { code: "weights_rejected" });
    assert.equal((await weights.held(deadline()))[0]?.version, 1);
    const { digest } = await weights.stage(source, deadline());
    await engine.fault({ kind: "swap" }, deadline());
    await assert.rejects(weights.swap(target, deadline()), { code: "engine_error" });
    assert.deepEqual(
      await weights.held(deadline()),
      [],
      "poisoned: it holds nothing that it proved",
    );
    assert.equal((await run(engine, {})).error?.code, "version_unavailable");
    await engine.fault({ kind: "digest" }, deadline());
    assert.notEqual((await weights.swap(target, deadline())).digest, digest);
    assert.equal((await run(engine, {})).error, null);
  });

  test("slow multiplies the step time", async () => {
    const slow = await startEngineServer({
      kind: "simulated",
      kvTokens: 8_192,
      maxRunning: 16,
      simulated: { stepSeconds: 1e-4 },
    });
    const other = createSimulatedEngine(slow.url);
    await weightsOf(other).stage({ policy, version: 1, path: "/one" }, deadline());
    await weightsOf(other).swap({ policy, version: 1, kv: "keep" }, deadline());
    assert.equal((await run(other, {})).ids.length, 32);
    // Minutes a step: nothing comes, and the engine still answers.
    await other.fault({ kind: "slow", factor: 1e6 }, deadline());
    const attempt = new Attempt(other, {});
    await until(other, 1);
    assert.equal(attempt.tokens, 0);
    attempt.abort();
    await attempt.outcome;
    await other.close();
    await slow.close();
  });

  test("an unknown fault is refused", async () => {
    const reply = await fetch(`${server.url}/faults`, { method: "POST", body: '{"kind":"melt"}' });
    assert.equal(reply.status, 400);
    const { error } = (await reply.json()) as {
      error: { code: string; details: { path: string } };
    };
    assert.deepEqual([error.code, error.details.path], ["invalid_argument", "kind"]);
  });
});
