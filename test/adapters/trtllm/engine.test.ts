/** The adapter against a fake of `trtllm-serve`: the embedded engine's own numbers, or a typed error. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Engine } from "../../../adapters/engine.ts";
import { signed } from "../../../adapters/trtllm/client.ts";
import { createTrtllmEngine } from "../../../adapters/trtllm/engine.ts";
import type { EngineFacts } from "../../../server/contract/engine-facts.ts";
import type { ErrorCode } from "../../../server/contract/errors.ts";
import { Attempt, deadline, requestOf, run, type Wish } from "../../conformance/engines/attempt.ts";
import type { FaultKind } from "../../fakes/core/fault.ts";
import { type FakeTrtllm, startFakeTrtllm } from "../../fakes/trtllm/fake-trtllm.ts";

const FACTS: EngineFacts = {
  maxModelLen: 512,
  vocabSize: 128,
  kvTokens: 8_192,
  maxRunning: 16,
  logprobMode: "processed",
  weights: { policy: "default", version: 3 },
};

describe("TensorRT-LLM", () => {
  let fake: FakeTrtllm;
  let engine: Engine;
  before(async () => {
    fake = await startFakeTrtllm();
    const { vocabSize, maxModelLen } = fake.model.info;
    engine = createTrtllmEngine(fake.url, { facts: { ...FACTS, vocabSize, maxModelLen } });
    await engine.probe(deadline());
  });
  after(async () => {
    await engine.close();
    await fake.close();
  });

  test("tokens and logprobs are the model's own, one a token, and the finish says why", async () => {
    const outcome = await run(engine, { sampling: { temperature: 0, maxNewTokens: 24 } });
    assert.equal(outcome.error, null);
    const expected: number[] = [];
    const scores: number[] = [];
    const { promptTokenIds } = requestOf({});
    for await (const part of fake.model.submit({
      id: "own",
      promptTokenIds,
      sampling: { temperature: 0, maxNewTokens: 24, ignoreEos: true },
    })) {
      if (part.type !== "tokens") continue;
      expected.push(...(part.ids as number[]));
      scores.push(...(part.logprobs as number[]));
    }
    assert.deepEqual(outcome.ids, expected);
    assert.deepEqual(outcome.logprobs, scores);
    assert.deepEqual(outcome.finish?.reason, { type: "length", cause: "max_new", matched: null });
    assert.equal(outcome.finish?.versions, null);
    assert.ok(outcome.chunks.every(({ version, mixed }) => version === null && mixed === null));
  });

  test("siblings, and what goes on behind a cut, have seeds of their own; the same attempt has the same", async () => {
    const one = await run(engine, {});
    const same = await run(engine, {});
    const sibling = await run(engine, { siblingIndex: 1 });
    assert.deepEqual(one.ids, same.ids);
    assert.notDeepEqual(one.ids, sibling.ids);
    const kept = Uint32Array.from(one.ids.slice(0, 10));
    const rest = await run(engine, { outputTokenIds: kept });
    assert.equal(rest.chunks[0]?.start, 10);
    assert.equal(rest.ids.length, 22);
  });

  test("a stop id ends it, with its token and logprob", async () => {
    const { ids } = await run(engine, {});
    const stop = ids[5] as number;
    const outcome = await run(engine, { sampling: { stopTokenIds: [stop] } });
    assert.equal(outcome.error, null);
    const first = ids.indexOf(stop);
    assert.deepEqual(outcome.ids, ids.slice(0, first + 1));
    assert.deepEqual(outcome.finish?.reason, { type: "stop", cause: "stop_id", matched: stop });
  });

  test("an attempt that is given up ends in the engine", async () => {
    const attempt = new Attempt(engine, { sampling: { maxNewTokens: 400 } });
    await attempt.reached(3);
    attempt.abort();
    assert.equal((await attempt.outcome).error?.code, "cancelled");
    await fake.model.idle();
  });

  test("a request that the engine ends is an abort with what it has", async () => {
    const attempt = new Attempt(engine, { sampling: { maxNewTokens: 400 } });
    await attempt.reached(3);
    fake.model.abort();
    const outcome = await attempt.outcome;
    assert.equal(outcome.error, null);
    assert.equal(outcome.finish?.reason.type, "abort");
    assert.ok(outcome.ids.length >= 3);
  });

  const refused: readonly (readonly [string, Wish, ErrorCode])[] = [
    ["allowed ids", { sampling: { allowedTokenIds: [5] } }, "unsupported"],
    ["bad words", { badWords: [[5]] }, "unsupported"],
    ["structured output", { sampling: { structured: { regex: "a" } } }, "unsupported"],
    ["parameters of its own", { sampling: { engine: { best_of: 2 } } }, "unsupported"],
    [
      "prompt logprobs",
      { side: { promptLogprobs: { start: 0 }, topLogprobs: 0, samplingMask: false } },
      "unsupported",
    ],
    [
      "top logprobs",
      { side: { promptLogprobs: null, topLogprobs: 2, samplingMask: false } },
      "unsupported",
    ],
    ["a cache that is carried", { cacheCarried: true }, "unsupported"],
    [
      "penalties over a cut",
      { outputTokenIds: Uint32Array.of(1), sampling: { presencePenalty: 1 } },
      "unsupported",
    ],
    ["another slot", { slot: 1 }, "invalid_argument"],
    ["an id beyond the vocabulary", { promptTokenIds: Uint32Array.of(60_000) }, "invalid_argument"],
    [
      "a prompt that fills the context",
      { promptTokenIds: new Uint32Array(70_000) },
      "prompt_too_long",
    ],
  ];
  for (const [name, wish, code] of refused) {
    test(`${name}: ${code}, and nothing is sent`, async () => {
      const outcome = await run(engine, wish);
      assert.equal(outcome.error?.code, code);
      assert.equal(fake.model.requests, 0);
    });
  }

  const faults: readonly (readonly [FaultKind, ErrorCode])[] = [
    ["status", "engine_error"],
    ["reset", "engine_unreachable"],
    ["error_inside", "engine_error"],
    ["not_json", "engine_error"],
    ["null_logprob", "misaligned"],
    ["nan_logprob", "engine_error"],
    ["misaligned", "misaligned"],
    ["huge_id", "engine_error"],
    ["skip", "misaligned"],
    ["past_end", "engine_error"],
    ["die", "engine_unreachable"],
    ["truncate", "engine_error"],
    ["malformed", "engine_error"],
    ["unfinished", "engine_error"],
  ];
  for (const [kind, code] of faults) {
    test(`fault ${kind}: ${code}`, async () => {
      fake.fault(kind, { afterTokens: 4 });
      const outcome = await run(engine, {});
      fake.clearFaults();
      assert.equal(outcome.error?.code, code, String(outcome.error));
    });
  }

  test("a reply that comes byte by byte is read like any other", async () => {
    fake.fault("dribble");
    const slow = await run(engine, {});
    const fast = await run(engine, {});
    assert.deepEqual(slow.ids, fast.ids);
  });

  test("a probe tells what the engine and its operator say; a lost socket begins another life", async () => {
    const first = await engine.probe(deadline());
    assert.equal(first.engineVersion, "1.3.0rc29");
    assert.equal(first.model, "demo");
    assert.deepEqual(first.held, [{ policy: "default", version: 3, load: 0, digest: null }]);
    assert.deepEqual(first.capabilities.logprobModes, ["processed"]);
    assert.equal((await engine.probe(deadline())).incarnation, first.incarnation);
    fake.fault("reset");
    await run(engine, {});
    assert.notEqual((await engine.probe(deadline())).incarnation, first.incarnation);
  });

  test("what an operator did not say is named", async () => {
    const silent = createTrtllmEngine(fake.url, { facts: { maxModelLen: 512 } });
    await assert.rejects(silent.probe(deadline()), {
      code: "invalid_argument",
      details: { path: "engine_facts.trtllm.vocab_size" },
    });
    await silent.close();
  });

  test("telemetry tells the engine's figures and our own counts", async () => {
    const before = await engine.telemetry(deadline());
    const { ids } = await run(engine, {});
    const now = await engine.telemetry(deadline());
    assert.equal(now.outputTokens - before.outputTokens, ids.length);
    assert.equal(now.kvTotalTokens, 8_192);
    assert.equal(now.running, 0);
  });

  test("what has no route is unsupported", async () => {
    for (const call of [
      () => engine.control.pause("keep", deadline()),
      () => engine.control.flush(deadline()),
    ]) {
      await assert.rejects(call(), { code: "unsupported" });
    }
    assert.equal(engine.weights, null);
  });
});

describe("TensorRT-LLM: signed control calls", () => {
  test("memory is given back and taken again; a wrong key is refused", async () => {
    const fake = await startFakeTrtllm({ controlKey: "k-1" });
    const engine = createTrtllmEngine(fake.url, { facts: FACTS, controlKey: "k-1" });
    await engine.control.sleep(deadline());
    assert.deepEqual([...fake.released], ["kv_cache"]);
    assert.equal((await engine.probe(deadline())).asleep, true);
    await engine.control.wake(deadline());
    assert.deepEqual([...fake.released], []);
    assert.equal((await engine.probe(deadline())).asleep, false);
    for (const options of [{ controlKey: "k-2" }, {}]) {
      const stranger = createTrtllmEngine(fake.url, { facts: FACTS, ...options });
      await assert.rejects(stranger.control.sleep(deadline()), { code: "engine_error" });
      await stranger.close();
    }
    await engine.close();
    await fake.close();
  });

  test("a server without these routes says that it cannot sleep", async () => {
    const fake = await startFakeTrtllm({ control: false });
    const engine = createTrtllmEngine(fake.url, { facts: FACTS });
    assert.equal((await engine.probe(deadline())).capabilities.sleep, false);
    await engine.close();
    await fake.close();
  });

  test("the signature is HMAC-SHA256 over the body, in hex", () => {
    assert.equal(
      signed("key", "The quick brown fox jumps over the lazy dog"),
      "sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8",
    );
  });
});
