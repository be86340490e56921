/** What happens to a stream when the engine's process dies under it; a real process each. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createEngine } from "../../../adapters/registry.ts";
import { createSimulatedEngine } from "../../../adapters/simulated/engine.ts";
import type { EngineServerOptions } from "../../../server/engine/server/options.ts";
import { Attempt, deadline } from "./attempt.ts";
import { startEngineProcess } from "./engine-process.ts";
import { weightsOf } from "./fixture.ts";

const STEP_1 = fileURLToPath(new URL("../../../server/engine/demo-policy/step-1", import.meta.url));
const SHAPE = { kvTokens: 8_192, maxRunning: 16, streamInterval: 4 };
const ENGINES: readonly EngineServerOptions[] = [
  { ...SHAPE, kind: "simulated", simulated: { stepSeconds: 0.001 } },
  { ...SHAPE, kind: "embedded", directory: STEP_1 },
];
const LONG = { sampling: { maxNewTokens: 1_500 } };

for (const options of ENGINES) {
  describe(`engine process ${options.kind}`, () => {
    test("kill -9 mid-stream is engine_unreachable, after the tokens that came", async () => {
      const child = await startEngineProcess(options);
      const engine = createEngine(options.kind, child.url);
      await weightsOf(engine).stage({ policy: "default", version: 1, path: STEP_1 }, deadline());
      await weightsOf(engine).swap({ policy: "default", version: 1, kv: "keep" }, deadline());
      const attempt = new Attempt(engine, LONG);
      await attempt.reached(10);
      child.kill("SIGKILL");
      const outcome = await attempt.outcome;
      assert.equal(outcome.error?.code, "engine_unreachable");
      assert.ok(outcome.ids.length >= 10);
      assert.equal(outcome.finish, null);
      assert.equal(await child.ended, "SIGKILL");
      for (const call of [
        () => engine.probe(deadline()),
        () => new Attempt(engine, {}).outcome.then(({ error }) => Promise.reject(error)),
      ]) {
        await assert.rejects(call, { code: "engine_unreachable" });
      }
      await engine.close();
    });
  });
}

test("a compute thread that dies takes the process with it, with a code that is not 0", async () => {
  const child = await startEngineProcess(ENGINES[0] as EngineServerOptions);
  const engine = createSimulatedEngine(child.url);
  await weightsOf(engine).stage({ policy: "default", version: 1, path: "/one" }, deadline());
  await weightsOf(engine).swap({ policy: "default", version: 1, kv: "keep" }, deadline());
  await engine.fault({ kind: "exit", after_tokens: 8 }, deadline());
  // What the socket still held dies with the process: how many tokens came is not ours to say.
  const { error, ids, finish } = await new Attempt(engine, LONG).outcome;
  assert.equal(error?.code, "engine_unreachable");
  assert.deepEqual([finish, ids.length < LONG.sampling.maxNewTokens], [null, true]);
  assert.equal(await child.ended, 70);
  await engine.close();
});

test("a compute thread that hangs fails the probe, not /health", async () => {
  const child = await startEngineProcess(ENGINES[0] as EngineServerOptions);
  const engine = createSimulatedEngine(child.url);
  await weightsOf(engine).stage({ policy: "default", version: 1, path: "/one" }, deadline());
  await weightsOf(engine).swap({ policy: "default", version: 1, kv: "keep" }, deadline());
  await engine.fault({ kind: "freeze", after_tokens: 8 }, deadline());
  const attempt = new Attempt(engine, LONG);
  await attempt.reached(8);
  // The request that waits for an answer that never comes is the only way to see a hang.
  await assert.rejects(engine.probe(AbortSignal.timeout(300)), { code: "cancelled" });
  const health = await fetch(`${child.url}/health`);
  assert.equal(health.status, 200);
  await health.body?.cancel();
  child.kill("SIGKILL");
  assert.equal((await attempt.outcome).error?.code, "engine_unreachable");
  await engine.close();
});
