/** Whose KV an update left as it was: vLLM tells no request that it was preempted, only how many were. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Engine } from "../../../adapters/engine.ts";
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import { Attempt, deadline } from "../../conformance/engines/attempt.ts";
import { weightsOf } from "../../conformance/engines/fixture.ts";
import { checkpoint } from "../../fakes/core/fake-model.ts";
import { type FakeVllm, startFakeVllm } from "../../fakes/vllm/fake-vllm.ts";

type Act = (engine: Engine, fake: FakeVllm) => Promise<void>;

const pause =
  (mode: "keep" | "retract"): Act =>
  ({ control }) =>
    control.pause(mode, deadline());
const resume: Act = ({ control }) => control.resume(deadline());
const preempt: Act = async (_, { model }) => model.retract();

const install =
  (version: number, kv: "keep" | "drop" = "keep"): Act =>
  async (engine) => {
    const path = checkpoint(version % 2 === 1 ? "step-1" : "step-2");
    const target = { policy: "default", version };
    await weightsOf(engine).stage({ ...target, path }, deadline());
    await weightsOf(engine).swap({ ...target, kv }, deadline());
  };

/** A call of the trainer's own, which nobody else hears of. */
const behindOurBack =
  (path: string, body: object = {}): Act =>
  async (_, { url }) => {
    const headers = { "content-type": "application/json" };
    const reply = await fetch(url + path, { method: "POST", headers, body: JSON.stringify(body) });
    assert.equal(reply.status, 200, await reply.text());
  };

const CASES: readonly (readonly [what: string, acts: readonly Act[], rebuilt: boolean | null])[] = [
  ["an update that keeps KV", [pause("keep"), install(2), resume], false],
  ["an update that pauses by itself", [install(2)], false],
  ["two that keep it", [install(2), install(3)], false],
  ["a preemption before it", [preempt, pause("keep"), install(2), resume], false],
  ["a preemption after it", [pause("keep"), install(2), resume, preempt], null],
  ["a preemption while it stands still", [pause("keep"), preempt, install(2), resume], null],
  ["a preemption after the first of two", [install(2), preempt, install(3)], null],
  ["a pause that drops it", [pause("retract"), install(2), resume], true],
  ["an update that drops it", [install(2, "drop")], true],
  ["a preemption after one that drops it", [install(2, "drop"), preempt], true],
  ["one that keeps it and one that drops it", [install(2), install(3, "drop")], null],
  [
    "an update behind our back",
    [
      behindOurBack("/pause?mode=keep&clear_cache=false"),
      behindOurBack("/update_weight_version", { new_version: "default@2#2" }),
      behindOurBack("/resume"),
    ],
    null,
  ],
  [
    "a pause of others, under which an update drops it",
    [install(2), behindOurBack("/pause?mode=keep&clear_cache=false"), install(3, "drop"), resume],
    null,
  ],
];

for (const [what, acts, rebuilt] of CASES) {
  test(`${what}: rebuilt ${rebuilt}`, async () => {
    const fake = await startFakeVllm();
    const engine = createVllmEngine(fake.url);
    try {
      await engine.probe(deadline());
      await install(1)(engine, fake);
      const attempt = new Attempt(engine, { sampling: { maxNewTokens: 400 } });
      await attempt.reached(5);
      for (const act of acts) {
        await act(engine, fake);
        if (!fake.model.paused) await attempt.reached(attempt.tokens + 5);
      }
      const { finish, error } = await attempt.outcome;
      assert.equal(error, null);
      const [first, ...later] = finish?.versions ?? [];
      assert.deepEqual([first?.version, first?.rebuilt], [1, undefined]);
      assert.ok(later.length > 0);
      for (const run of later) assert.equal(run.rebuilt, rebuilt);
    } finally {
      await engine.close();
      await fake.close();
    }
  });
}
