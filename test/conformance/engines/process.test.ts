/** What happens to a stream when the engine's process dies under it; a real process each. */
import assert from "node:assert/strict";
import { describe, type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Engine } from "../../../adapters/engine.ts";
import { createEngine } from "../../../adapters/registry.ts";
import { createSimulatedEngine, type SimulatedEngine } from "../../../adapters/simulated/engine.ts";
import type { EngineServerOptions } from "../../../server/engine/server/options.ts";
import { Attempt, deadline } from "./attempt.ts";
import { type EngineProcess, startEngineProcess } from "./engine-process.ts";
import { weightsOf } from "./fixture.ts";

const STEP_1 = fileURLToPath(new URL("../../../server/engine/demo-policy/step-1", import.meta.url));
const SHAPE = { kvTokens: 8_192, maxRunning: 16, streamInterval: 4 };
const LONG = { sampling: { maxNewTokens: 1_500 } };

const simulated = (stepSeconds: number): EngineServerOptions => ({
  ...SHAPE,
  kind: "simulated",
  simulated: { stepSeconds },
});
const ENGINES: readonly EngineServerOptions[] = [
  simulated(0.001),
  { ...SHAPE, kind: "embedded", directory: STEP_1 },
];

interface Started<E> {
  readonly child: EngineProcess;
  readonly engine: E;
}

/** Holds version 1 of `default`; ends with the test, or a failed one would keep the whole run waiting for its child. */
async function start<E extends Engine>(
  t: TestContext,
  options: EngineServerOptions,
  connect: (url: string) => E,
): Promise<Started<E>> {
  const child = await startEngineProcess(options);
  t.after(() => child.kill("SIGKILL"));
  const engine = connect(child.url);
  t.after(() => engine.close());
  const version = { policy: "default", version: 1 };
  await weightsOf(engine).stage({ ...version, path: STEP_1 }, deadline());
  await weightsOf(engine).swap({ ...version, kv: "keep" }, deadline());
  return { child, engine };
}

const startSimulated = (t: TestContext, stepSeconds: number): Promise<Started<SimulatedEngine>> =>
  start(t, simulated(stepSeconds), createSimulatedEngine);

for (const options of ENGINES) {
  const { kind } = options;
  describe(`engine process ${kind}`, () => {
    test("kill -9 mid-stream is engine_unreachable, after the tokens that came", async (t) => {
      const { child, engine } = await start(t, options, (url) => createEngine(kind, url));
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
    });
  });
}

test("a compute thread that dies takes the process with it, with a code that is not 0", async (t) => {
  const { child, engine } = await startSimulated(t, 0.001);
  await engine.fault({ kind: "exit", after_tokens: 8 }, deadline());
  // What the socket still held dies with the process: how many tokens came is not ours to say.
  const { error, ids, finish } = await new Attempt(engine, LONG).outcome;
  assert.equal(error?.code, "engine_unreachable");
  assert.deepEqual([finish, ids.length < LONG.sampling.maxNewTokens], [null, true]);
  assert.equal(await child.ended, 70);
});

for (const stepSeconds of [0.001, 0.05]) {
  test(`a compute thread that hangs fails the probe, not /health; steps of ${1_000 * stepSeconds} ms`, async (t) => {
    const { child, engine } = await startSimulated(t, stepSeconds);
    await engine.fault({ kind: "freeze", after_tokens: 8 }, deadline());
    const attempt = new Attempt(engine, LONG);
    await attempt.reached(8);
    // It hangs a few steps later: until then probes are answered. One that waits for an answer that never
    // comes is the only way to see a hang.
    const probeForEver = async (): Promise<void> => {
      for (const end = deadline(); !end.aborted; ) await engine.probe(AbortSignal.timeout(300));
    };
    await assert.rejects(probeForEver, { code: "cancelled" });
    const health = await fetch(`${child.url}/health`);
    assert.equal(health.status, 200);
    await health.body?.cancel();
    child.kill("SIGKILL");
    const { error, ids } = await attempt.outcome;
    assert.deepEqual([error?.code, ids.length], ["engine_unreachable", 9]);
  });
}
