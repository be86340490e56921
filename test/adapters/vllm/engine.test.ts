/** The adapter against the fake vLLM: what it proves of a server, and what it does when that misbehaves. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { Engine } from "../../../adapters/engine.ts";
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import type { ErrorCode, PacelineError } from "../../../server/contract/errors.ts";
import { Attempt, deadline, run } from "../../conformance/engines/attempt.ts";
import { weightsOf } from "../../conformance/engines/fixture.ts";
import { checkpoint } from "../../fakes/core/fake-model.ts";
import type { FaultKind } from "../../fakes/core/fault.ts";
import { type FakeVllm, startFakeVllm } from "../../fakes/vllm/fake-vllm.ts";
import type { FakeVllmOptions } from "../../fakes/vllm/state.ts";

async function install(engine: Engine, version: number, path: string): Promise<void> {
  const policy = "default";
  await weightsOf(engine).stage({ policy, version, path }, deadline());
  await weightsOf(engine).swap({ policy, version, kv: "drop" }, deadline());
}

/** Probed, with version 1 in it. */
async function against(
  use: (engine: Engine, fake: FakeVllm) => Promise<void>,
  options: FakeVllmOptions = {},
): Promise<void> {
  const fake = await startFakeVllm(options);
  const engine = createVllmEngine(fake.url);
  try {
    await engine.probe(deadline());
    await install(engine, 1, checkpoint("step-1"));
    await use(engine, fake);
  } finally {
    await engine.close();
    await fake.close();
  }
}

describe("a probe of vLLM", () => {
  test("finds what the server is, and the mode of its logprobs", async () => {
    await against(async (engine) => {
      const seen = await engine.probe(deadline());
      assert.deepEqual([seen.kind, seen.engineVersion, seen.vocabSize], ["vllm", "0.32.0", 260]);
      assert.deepEqual(seen.capabilities.logprobModes, ["processed"]);
      assert.equal(seen.capabilities.spans, "end");
      assert.deepEqual(seen.held, [{ policy: "default", version: 1, load: 1, digest: null }]);
    });
    await against(
      async (engine) => {
        const { capabilities } = await engine.probe(deadline());
        assert.deepEqual(capabilities.logprobModes, ["raw"]);
      },
      { logprobsMode: "raw_logprobs" },
    );
  });

  test("says which flag is missing", async () => {
    const fake = await startFakeVllm({ devMode: false });
    const engine = createVllmEngine(fake.url);
    await assert.rejects(engine.probe(deadline()), /VLLM_SERVER_DEV_MODE=1/);
    assert.equal((await run(engine, {})).error?.code, "version_unavailable");
    await engine.close();
    await fake.close();
  });

  test("tells one that is paused from one that sleeps, though it calls both sleeping", async () => {
    await against(async (engine, { url }) => {
      const after = async (call: string): Promise<readonly [boolean, boolean]> => {
        assert.equal((await fetch(`${url}${call}`, { method: "POST" })).status, 200);
        const { paused, asleep } = await engine.probe(deadline());
        return [paused, asleep];
      };
      assert.deepEqual(await after("/pause?mode=keep"), [true, false]);
      assert.deepEqual(await after("/resume"), [false, false]);
      assert.deepEqual(await after("/sleep?level=1"), [true, true]);
      assert.deepEqual(await after("/wake_up"), [false, false]);
    });
  });

  test("tells a restart by the time of the process", async () => {
    const first = await startFakeVllm();
    const { port } = new URL(first.url);
    const engine = createVllmEngine(first.url);
    const one = await engine.probe(deadline());
    await install(engine, 1, checkpoint("step-1"));
    await first.close();
    await assert.rejects(engine.probe(deadline()), { code: "engine_unreachable" });
    const second = await startFakeVllm({ port: Number(port) });
    const two = await engine.probe(deadline());
    assert.notEqual(two.incarnation, one.incarnation);
    assert.deepEqual(two.held, []);
    await engine.close();
    await second.close();
  });

  test("asks no token of a server that stands still; what a token would prove is proven later", async () => {
    const fake = await startFakeVllm();
    const engine = createVllmEngine(fake.url);
    await engine.control.pause("keep", deadline());
    const still = await engine.probe(deadline());
    assert.deepEqual(
      [still.paused, still.capabilities.spans, still.capabilities.weights.proof],
      [true, "none", "reported"],
    );
    await engine.control.resume(deadline());
    const runs = await engine.probe(deadline());
    assert.deepEqual(
      [runs.paused, runs.capabilities.spans, runs.capabilities.weights.proof],
      [false, "end", "receipt"],
    );
    await engine.close();
    await fake.close();
  });
});

describe("weights of vLLM", () => {
  test("a load that fails leaves nothing that is held, and no probe makes a token of it", async () => {
    await against(async (engine, fake) => {
      await assert.rejects(install(engine, 2, "/nowhere"), { code: "engine_error" });
      assert.deepEqual(await weightsOf(engine).held(deadline()), []);
      const { held } = await engine.probe(deadline());
      assert.deepEqual(held, []);
      assert.equal(fake.model.requests, 0);
    });
  });

  test("labels are told after the load, each with a load of its own", async () => {
    await against(async (engine, fake) => {
      await install(engine, 2, checkpoint("step-2"));
      await install(engine, 2, checkpoint("step-2"));
      assert.equal(fake.model.label, "default@2#3");
      const { finish } = await run(engine, {});
      assert.deepEqual(finish?.versions, [{ version: 2, start: 0, end: 32 }]);
    });
  });

  test("a single file is refused unless its folder has no other", async () => {
    await against(async (engine) => {
      const stage = (path: string) =>
        weightsOf(engine).stage({ policy: "default", version: 2, path }, deadline());
      await assert.rejects(stage("/x/part-1.safetensors"), { code: "weights_rejected" });
      assert.deepEqual(await stage("/x/model.safetensors"), { digest: null });
    });
  });

  test("tokens of weights that others named are misversioned", async () => {
    await against(async (engine, fake) => {
      fake.model.relabel("step-7");
      const { error } = await run(engine, {});
      assert.equal(error?.code, "engine_error");
      assert.equal(error?.details["misversioned"], true);
    });
  });
});

describe("adapters of vLLM", () => {
  const NO_ADAPTER = join(checkpoint("step-1"), "..");
  const adaptersOf = ({ weights }: Engine) => {
    assert.ok(weights?.adapters);
    return weights.adapters;
  };
  const named = (version: number, path = checkpoint("step-2")) => ({
    ...{ policy: "tuned", version, path },
  });
  const under = (engine: Engine, version: number) =>
    run(engine, { policy: "tuned", adapter: { version, base: "default" } });

  test("have room for those that run at once; places in the host's memory are none", async () => {
    await against(
      async (engine) => {
        const { capabilities } = await engine.probe(deadline());
        assert.equal(capabilities.weights.adapters, 2);
      },
      { maxLoras: 2, maxCpuLoras: 8 },
    );
  });

  test("one that it answers 200 for and cannot compute with is weights_rejected, and gone", async () => {
    await against(
      async (engine, fake) => {
        await engine.probe(deadline());
        const load = adaptersOf(engine).load(named(1, NO_ADAPTER), deadline());
        await assert.rejects(load, { code: "weights_rejected", message: /Loading lora/ });
        const unload = await fetch(`${fake.url}/v1/unload_lora_adapter`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ lora_name: "tuned@1" }),
        });
        assert.equal(unload.status, 404, await unload.text());
        assert.equal((await run(engine, {})).error, null);
        await adaptersOf(engine).load(named(2), deadline());
        assert.equal((await under(engine, 2)).error, null);
      },
      { maxLoras: 2, lateLoras: true },
    );
  });

  test("nothing is asked of one while it stands still: its first rollout shows it", async () => {
    await against(
      async (engine) => {
        await engine.probe(deadline());
        await engine.control.pause("keep", deadline());
        await adaptersOf(engine).load(named(1, NO_ADAPTER), deadline());
        await engine.control.resume(deadline());
        assert.equal((await under(engine, 1)).error?.code, "engine_error");
        assert.equal((await run(engine, {})).error, null);
      },
      { maxLoras: 2, lateLoras: true },
    );
  });
});

describe("generation by vLLM", () => {
  test("a prompt is scored, then the output is made", async () => {
    await against(async (engine) => {
      const side = { promptLogprobs: { start: 0 }, topLogprobs: 3, samplingMask: false };
      const { prompt, top, ids, error } = await run(engine, { side });
      assert.equal(error, null);
      assert.deepEqual([prompt?.logprobs.length, prompt?.version, ids.length], [6, 1, 32]);
      for (const row of top)
        assert.ok(row.length === 3 && row[0] && row[1] && row[0][1] >= row[1][1]);
      const only = await run(engine, { side, sampling: { maxNewTokens: 0 } });
      assert.deepEqual([only.prompt?.logprobs.length, only.ids.length], [6, 0]);
      assert.equal(only.finish?.reason.cause, "max_new");
    });
  });

  test("an attempt that is given up ends inside the server", async () => {
    await against(
      async (engine, fake) => {
        const attempt = new Attempt(engine, { sampling: { maxNewTokens: 400 } });
        await attempt.reached(1);
        attempt.abort();
        await attempt.outcome;
        while (fake.model.requests > 0) await engine.telemetry(deadline());
      },
      { stepMs: 2 },
    );
  });

  const faults: readonly (readonly [FaultKind, ErrorCode])[] = [
    ["status", "engine_error"],
    ["error_inside", "engine_error"],
    ["not_json", "engine_error"],
    ["other_id", "engine_error"],
    ["past_end", "engine_error"],
    ["version_default", "engine_error"],
    ["null_logprob", "misaligned"],
    ["misaligned", "misaligned"],
    ["huge_id", "engine_error"],
    ["malformed", "engine_error"],
    ["truncate", "engine_error"],
    ["die", "engine_unreachable"],
  ];
  for (const [fault, code] of faults) {
    test(`${fault}: ${code}`, async () => {
      await against(async (engine, fake) => {
        fake.fault(fault, { afterTokens: 8 });
        const { error } = await run(engine, {});
        assert.equal((error as PacelineError | null)?.code, code, String(error?.message));
        assert.equal((await run(engine, {})).error, null, "the next attempt is well");
      });
    });
  }
});
