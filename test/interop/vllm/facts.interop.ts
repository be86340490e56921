/** What the adapter rests on, asked of real vLLM; each of these was a surprise once. */
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import type { Engine } from "../../../adapters/engine.ts";
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import { Attempt, deadline } from "../../conformance/engines/attempt.ts";
import { Witness } from "../../conformance/witness.ts";
import type { EngineProcess } from "../engines/process.ts";
import { openVllm, VLLM_VERSION, type Vllm } from "../engines/vllm.ts";
import { generated, install, longDeadline } from "./attempts.ts";

describe(`real vLLM ${VLLM_VERSION}`, () => {
  const witness = new Witness({ engine: "vllm", against: "real", version: VLLM_VERSION }, "facts");
  let vllm: Vllm;
  let server: EngineProcess;
  let engine: Engine;
  before(async () => {
    vllm = await openVllm();
    server = await vllm.start();
    engine = createVllmEngine(server.url);
    await engine.probe(longDeadline());
    await install(engine, 1, vllm.models[0]);
  });
  after(async () => {
    await engine.close();
    await server.kill();
  });

  const post = async (path: string, body: unknown): Promise<{ status: number; text: string }> => {
    const reply = await fetch(`${server.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      signal: longDeadline(),
    });
    return { status: reply.status, text: await reply.text() };
  };

  witness.test("the probe finds what it was started with", async () => {
    const found = await engine.probe(longDeadline());
    assert.deepEqual(
      [found.engineVersion, found.model, found.dtype, found.vocabSize, found.maxModelLen],
      [VLLM_VERSION, "tiny", "bfloat16", 2_048, 2_048],
    );
    assert.deepEqual(found.eosTokenIds, [2]);
    assert.equal(found.slots[0]?.maxRunning, 32);
    assert.ok((found.slots[0]?.kvTokens ?? 0) > 10_000);
    assert.equal(found.capabilities.weights.proof, "receipt");
  });

  witness.test(
    "an abort takes the prefixed id, and answers that it aborted whatever it is given",
    async () => {
      const attempt = new Attempt(engine, { sampling: { maxNewTokens: 1_500 } }, longDeadline());
      await attempt.reached(1);
      const bare = await post("/abort_requests", { request_ids: [attempt.request.requestId] });
      assert.match(bare.text, /"aborted":1/);
      const before = attempt.tokens;
      await attempt.reached(before + 20);
      await post("/abort_requests", {
        request_ids: [`generate-tokens-${attempt.request.requestId}`],
      });
      const { finish } = await attempt.outcome;
      assert.deepEqual([finish?.reason.type, finish?.reason.cause], ["abort", "drain"]);
      assert.equal(finish?.versions?.at(-1)?.version, 1);
    },
  );

  witness.test("a request that comes while it is paused waits", async () => {
    await engine.control.pause("keep", longDeadline());
    const attempt = new Attempt(engine, { sampling: { maxNewTokens: 4 } }, longDeadline());
    const probed = await engine.probe(longDeadline());
    assert.deepEqual([probed.paused, attempt.tokens], [true, 0]);
    await engine.control.resume(longDeadline());
    assert.equal((await attempt.outcome).ids.length, 4);
  });

  witness.test(
    "seeded: equal seeds draw equal tokens, one at a time and side by side",
    async () => {
      const wish = { sampling: { seed: 5, maxNewTokens: 24 } };
      const alone = await generated(engine, wish);
      const beside = await Promise.all([1, 2, 3].map(() => generated(engine, wish)));
      for (const { ids } of beside) assert.deepEqual(ids, alone.ids);
    },
  );

  witness.test("penalties count the output alone, so they cannot go on behind a cut", async () => {
    const sampling = { temperature: 0, frequencyPenalty: 2, maxNewTokens: 40 };
    const whole = await generated(engine, { sampling });
    const kept = Uint32Array.from(whole.ids.slice(0, 20));
    await assert.rejects(generated(engine, { sampling, outputTokenIds: kept }), {
      code: "unsupported",
    });
    // As if nobody had refused: what was made is prompt now, and is not counted.
    const reply = await post("/inference/v1/generate", {
      token_ids: [49, 55, 43, 50, 53, 61, ...kept],
      sampling_params: { temperature: 0, frequency_penalty: 2, max_tokens: 20, ignore_eos: true },
    });
    const { token_ids: rest } = JSON.parse(reply.text).choices[0];
    assert.notDeepEqual(rest, whole.ids.slice(20));
  });

  witness.test("greedy goes on behind a cut as if there were none", async () => {
    const sampling = { temperature: 0, maxNewTokens: 40 };
    const whole = await generated(engine, { sampling });
    const outputTokenIds = Uint32Array.from(whole.ids.slice(0, 20));
    assert.deepEqual(
      (await generated(engine, { sampling, outputTokenIds })).ids,
      whole.ids.slice(20),
    );
  });

  witness.test("an id beyond the vocabulary is refused and harms nobody", async () => {
    const wish = { promptTokenIds: Uint32Array.of(1, 5_000) };
    await assert.rejects(generated(engine, wish), { code: "invalid_argument" });
    assert.equal((await generated(engine, { sampling: { maxNewTokens: 2 } })).ids.length, 2);
  });

  witness.test("prompt logprobs are raw, and tell the version that scored them", async () => {
    const side = { promptLogprobs: { start: 0 }, topLogprobs: 0, samplingMask: false };
    const cold = await generated(engine, { side, sampling: { maxNewTokens: 1, temperature: 0.5 } });
    const warm = await generated(engine, { side, sampling: { maxNewTokens: 0, temperature: 2 } });
    assert.equal(cold.prompt?.version, 1);
    assert.deepEqual(warm.prompt?.logprobs, cold.prompt?.logprobs);
  });

  witness.test(
    "a load that fails, while /health is 200: a good load heals it, a token before that would end it",
    async () => {
      await assert.rejects(install(engine, 2, `${vllm.models[0]}-not-there`), {
        code: "engine_error",
      });
      assert.equal((await fetch(`${server.url}/health`)).status, 200);
      assert.deepEqual(await engine.weights?.held(deadline()), []);
      await assert.rejects(generated(engine, {}), { code: "version_unavailable" });
      await install(engine, 3, vllm.models[1]);
      assert.equal(
        (await generated(engine, { sampling: { maxNewTokens: 4 } })).finish?.versions?.[0]?.version,
        3,
      );
      // A transfer that is begun and given something else.
      await post("/init_weight_transfer_engine", { init_info: {} });
      await post("/start_weight_update", {});
      const update = await post("/update_weights", { update_info: {} });
      const healed = await engine.probe(longDeadline());
      console.log(
        `update_weights without its info: ${update.status} ${update.text.slice(0, 160)}; probe: ${healed.held.length} held`,
      );
    },
  );
});
