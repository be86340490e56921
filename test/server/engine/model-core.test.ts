import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { contentDigest } from "../../../server/checkpoint/digest.ts";
import { type Tensor, writeSafetensors } from "../../../server/checkpoint/safetensors.ts";
import type { FinishReason } from "../../../server/contract/rollout.ts";
import type { Core, CoreRequest } from "../../../server/engine/core.ts";
import { createModelCore, type ModelCoreOptions } from "../../../server/engine/model-core.ts";
import { coreRequest, drain, load, SAMPLING } from "./core-run.ts";
import { TINY_CONFIG, temporaryFolder, tinyTensors, writeTinyModel } from "./tiny-model.ts";

let directory = "";
before(() => {
  directory = writeTinyModel(11);
});
after(() => rmSync(directory, { recursive: true }));

function coreOf(options: Partial<ModelCoreOptions> = {}): Core {
  const core = createModelCore({ directory, kvTokens: 1_024, ...options });
  load(core, 1, directory);
  return core;
}

const none = new Uint32Array(0);
const prompt = (length: number): number[] => Array.from({ length }, (_, i) => (i * 5) % 60);

test("info tells the model", () => {
  const { info } = createModelCore({ directory, model: "tiny", kvTokens: 1_030, maxRunning: 3 });
  const parameters = tinyTensors(1).reduce((sum, { bytes }) => sum + bytes.length / 4, 0);
  assert.deepEqual(info, {
    model: "tiny",
    dtype: "float32",
    parameters,
    maxModelLen: 160,
    vocabSize: 67,
    eosTokenIds: [3],
    slot: { index: 0, kvTokens: 1_024, maxRunning: 3 },
  });
});

describe("how a request ends", () => {
  const forced = (id: number): { logitBias: [number, number][] } => ({ logitBias: [[id, 1e6]] });
  const cases: readonly [string, CoreRequest, number, FinishReason][] = [
    [
      "max_new",
      coreRequest("a", [1], { sampling: { maxNewTokens: 5 } }),
      5,
      { type: "length", cause: "max_new", matched: null },
    ],
    [
      "max_new counts what came along",
      coreRequest("a", [1], {
        outputTokenIds: Uint32Array.of(8, 8),
        sampling: { maxNewTokens: 5 },
      }),
      3,
      { type: "length", cause: "max_new", matched: null },
    ],
    [
      "eos",
      coreRequest("a", [1], { sampling: { ...forced(3), ignoreEos: false } }),
      1,
      { type: "stop", cause: "eos", matched: 3 },
    ],
    [
      "ignored eos",
      coreRequest("a", [1], { sampling: { ...forced(3), maxNewTokens: 4 } }),
      4,
      { type: "length", cause: "max_new", matched: null },
    ],
    [
      "stop id",
      coreRequest("a", [1], { sampling: { ...forced(9), stopTokenIds: [7, 9] } }),
      1,
      { type: "stop", cause: "stop_id", matched: 9 },
    ],
    [
      "eos before stop id",
      coreRequest("a", [1], { sampling: { ...forced(3), stopTokenIds: [3], ignoreEos: false } }),
      1,
      { type: "stop", cause: "eos", matched: 3 },
    ],
    [
      "min_new_tokens holds a stop back",
      coreRequest("a", [1], { sampling: { ...forced(9), stopTokenIds: [9], minNewTokens: 4 } }),
      5,
      { type: "stop", cause: "stop_id", matched: 9 },
    ],
    [
      "stop wins over max_new",
      coreRequest("a", [1], { sampling: { ...forced(9), stopTokenIds: [9], maxNewTokens: 1 } }),
      1,
      { type: "stop", cause: "stop_id", matched: 9 },
    ],
    [
      "context",
      coreRequest("a", prompt(150), { sampling: { maxNewTokens: 500 } }),
      10,
      { type: "length", cause: "context", matched: null },
    ],
    [
      "nothing to make",
      coreRequest("a", [1], { sampling: { maxNewTokens: 0 } }),
      0,
      { type: "length", cause: "max_new", matched: null },
    ],
    [
      "continued after its end",
      coreRequest("a", [1], {
        outputTokenIds: Uint32Array.of(8, 9),
        sampling: { stopTokenIds: [9] },
      }),
      0,
      { type: "stop", cause: "stop_id", matched: 9 },
    ],
    [
      "continued at the context's end",
      coreRequest("a", prompt(150), { outputTokenIds: Uint32Array.from(prompt(10)) }),
      0,
      { type: "length", cause: "context", matched: null },
    ],
  ];
  for (const [name, request, made, reason] of cases) {
    test(name, () => {
      const core = coreOf();
      core.add(request);
      const outcome = drain(core).of("a");
      assert.equal(outcome.ids.length, made);
      assert.deepEqual(outcome.reason, reason);
      assert.equal(core.stats().kvUsedTokens, 0);
    });
  }

  test("kv: alone and still too long for the cache", () => {
    const core = coreOf({ kvTokens: 64 });
    core.add(coreRequest("long", prompt(40), { sampling: { maxNewTokens: 100 } }));
    core.add(coreRequest("short", prompt(10), { sampling: { maxNewTokens: 8 } }));
    const outcomes = drain(core);
    assert.deepEqual(outcomes.of("long").reason, { type: "length", cause: "kv", matched: null });
    assert.equal(outcomes.of("long").ids.length, 64 - 40 + 1);
    assert.equal(outcomes.of("short").reason?.cause, "max_new");
  });
});

describe("requests that are refused", () => {
  const cases: readonly [string, CoreRequest, string][] = [
    ["empty prompt", coreRequest("a", []), "invalid_argument"],
    ["id out of the vocabulary", coreRequest("a", [67]), "invalid_argument"],
    [
      "output id out of the vocabulary",
      coreRequest("a", [1], { outputTokenIds: Uint32Array.of(67) }),
      "invalid_argument",
    ],
    [
      "bias out of the vocabulary",
      coreRequest("a", [1], { sampling: { logitBias: [[67, 1]] } }),
      "invalid_argument",
    ],
    [
      "infinite bias",
      coreRequest("a", [1], { sampling: { logitBias: [[1, Number.NEGATIVE_INFINITY]] } }),
      "invalid_argument",
    ],
    [
      "negative temperature",
      coreRequest("a", [1], { sampling: { temperature: -1 } }),
      "invalid_argument",
    ],
    [
      "NaN temperature",
      coreRequest("a", [1], { sampling: { temperature: Number.NaN } }),
      "invalid_argument",
    ],
    ["top_p 0", coreRequest("a", [1], { sampling: { topP: 0 } }), "invalid_argument"],
    ["top_k −2", coreRequest("a", [1], { sampling: { topK: -2 } }), "invalid_argument"],
    ["min_p 2", coreRequest("a", [1], { sampling: { minP: 2 } }), "invalid_argument"],
    [
      "repetition_penalty 0",
      coreRequest("a", [1], { sampling: { repetitionPenalty: 0 } }),
      "invalid_argument",
    ],
    ["seed 2^53", coreRequest("a", [1], { sampling: { seed: 2 ** 53 } }), "invalid_argument"],
    [
      "half a token",
      coreRequest("a", [1], { sampling: { maxNewTokens: 0.5 } }),
      "invalid_argument",
    ],
    [
      "all ids stop",
      coreRequest("a", [1], {
        sampling: { minNewTokens: 1, stopTokenIds: Array.from({ length: 67 }, (_, i) => i) },
      }),
      "invalid_argument",
    ],
    ["prompt of the whole context", coreRequest("a", prompt(160)), "prompt_too_long"],
    [
      "prompt and output beyond the context",
      coreRequest("a", prompt(100), { outputTokenIds: Uint32Array.from(prompt(61)) }),
      "prompt_too_long",
    ],
  ];
  for (const [name, request, code] of cases) {
    test(name, () => {
      const core = coreOf();
      assert.throws(() => core.add(request), { code });
      assert.equal(core.busy, false);
    });
  }

  test("prompt beyond the KV cache", () => {
    assert.throws(() => coreOf({ kvTokens: 32 }).add(coreRequest("a", prompt(33))), {
      code: "prompt_too_long",
    });
  });
  test("an id that is known", () => {
    const core = coreOf();
    core.add(coreRequest("a", [1]));
    assert.throws(() => core.add(coreRequest("a", [1])), { code: "conflict" });
  });
  test("anything before weights are held", () => {
    const core = createModelCore({ directory, kvTokens: 64 });
    assert.equal(core.held, null);
    assert.throws(() => core.add(coreRequest("a", [1])), { code: "version_unavailable" });
    core.stage({ policy: "policy", version: 1, path: directory });
    assert.throws(() => core.add(coreRequest("a", [1])), { code: "version_unavailable" });
  });
});

test("lower priority value runs first, then arrival", () => {
  const core = coreOf({ maxRunning: 1 });
  const sampling = { ...SAMPLING, maxNewTokens: 2 };
  for (const [id, priority] of [
    ["a", 1],
    ["b", 0],
    ["c", 1],
    ["d", -1],
  ] as const) {
    core.add(coreRequest(id, [1, 2], { priority, sampling }));
  }
  const order: string[] = [];
  while (core.busy)
    for (const event of core.step()) if (event.type === "finished") order.push(event.id);
  assert.deepEqual(order, ["d", "b", "a", "c"]);
});

test("cached prefixes stay within the namespace, and flush drops them", () => {
  const core = coreOf();
  const cachedOf = (id: string, cacheNamespace: string): number | null => {
    core.add(coreRequest(id, prompt(50), { cacheNamespace }));
    return drain(core).of(id).cachedTokens;
  };
  assert.equal(cachedOf("a", "one"), 0);
  assert.equal(cachedOf("b", "one"), 48);
  assert.equal(cachedOf("c", "two"), 0);
  core.flush();
  assert.equal(cachedOf("d", "one"), 0);
});

test("a turn that extends an answered one hits the answer's blocks too", () => {
  const core = coreOf();
  core.add(coreRequest("a", prompt(30), { sampling: { maxNewTokens: 40 } }));
  const { ids } = drain(core).of("a");
  core.add(coreRequest("b", [...prompt(30), ...ids, 1]));
  assert.equal(
    drain(core).of("b").cachedTokens,
    64,
    "69 positions were computed: four whole blocks",
  );
});

test("an abort forgets the request at once, running, waiting or complete", () => {
  const core = coreOf({ maxRunning: 1 });
  core.add(coreRequest("running", prompt(20)));
  core.add(coreRequest("waiting", prompt(20)));
  core.add(coreRequest("complete", [1], { sampling: { maxNewTokens: 0 } }));
  assert.equal(core.abort("complete"), true);
  assert.deepEqual(
    core.step().map(({ id }) => id),
    ["running", "running"],
  );
  assert.equal(core.abort("running"), true);
  assert.equal(core.abort("running"), false);
  assert.equal(core.abort("waiting"), true);
  assert.equal(core.busy, false);
  assert.deepEqual(core.step(), []);
  assert.equal(core.stats().kvUsedTokens, 0);
});

test("stats count tokens and pure decode steps", () => {
  let now = 0;
  const core = coreOf({ clock: { now: () => (now += 2) } });
  core.add(coreRequest("a", prompt(20), { outputTokenIds: none, sampling: { maxNewTokens: 3 } }));
  core.add(coreRequest("b", prompt(21), { sampling: { maxNewTokens: 100 } }));
  drain(core);
  const { outputTokens, prefillTokens, steps, running, waiting } = core.stats();
  assert.deepEqual(
    { outputTokens, prefillTokens, running, waiting },
    { outputTokens: 103, prefillTokens: 41 - 16, running: 0, waiting: 0 },
  );
  assert.equal(steps.length, 64);
  assert.deepEqual(steps[63], { batch: 1, seconds: 0.002 });
});

describe("weights that do not fit leave the serving ones alone", () => {
  const replace = (name: string, by: Partial<Tensor>): Tensor[] =>
    tinyTensors(12).map((tensor) => (tensor.name === name ? { ...tensor, ...by } : tensor));
  const ofFloats = (...values: number[]): Uint8Array =>
    new Uint8Array(Float32Array.from(values).buffer);
  const norm = "model.norm.weight";
  const cases: readonly [string, () => string, RegExp][] = [
    ["a tensor short", () => written(tinyTensors(12).slice(1)), /lacks model.embed_tokens/],
    [
      "a tensor more",
      () =>
        written([...tinyTensors(12), { name: "x", dtype: "F32", shape: [1], bytes: ofFloats(1) }]),
      /holds x/,
    ],
    [
      "another shape",
      () => written(replace(norm, { shape: [35], bytes: ofFloats(...Array<number>(35).fill(1)) })),
      /shape \[35\]/,
    ],
    ["integers", () => written(replace(norm, { dtype: "I32" })), /dtype I32/],
    [
      "NaN",
      () => written(replace(norm, { bytes: ofFloats(...Array<number>(35).fill(1), Number.NaN) })),
      /holds NaN at element 35/,
    ],
    [
      "another architecture",
      () => writeTinyModel(12, { ...TINY_CONFIG, rope_theta: 5_000 }),
      /another architecture/,
    ],
    ["no such path", () => join(directory, "absent"), /does not exist/],
  ];
  const written = (tensors: Tensor[]): string => {
    const path = join(temporaryFolder(), "weights.safetensors");
    writeSafetensors(path, tensors);
    return path;
  };
  for (const [name, path, reason] of cases) {
    test(name, () => {
      const core = coreOf();
      const before = core.held;
      core.add(coreRequest("a", prompt(20)));
      const expected = drain(coreOfAdded()).of("a");
      assert.throws(() => core.stage({ policy: "policy", version: 2, path: path() }), {
        code: "weights_rejected",
        message: reason,
      });
      assert.throws(() => core.swap({ policy: "policy", version: 2, kv: "drop" }), {
        code: "version_conflict",
      });
      assert.deepEqual(core.held, before);
      assert.deepEqual(drain(core).of("a"), expected);
    });
  }
  const coreOfAdded = (): Core => {
    const core = coreOf();
    core.add(coreRequest("a", prompt(20)));
    return core;
  };
});

test("the digest that stage tells is the publisher's", async () => {
  const core = coreOf();
  const path = writeTinyModel(13);
  const { digest } = await contentDigest(path);
  assert.deepEqual(core.stage({ policy: "policy", version: 2, path }), { digest });
  core.discard({ policy: "policy", version: 2 });
  assert.throws(() => core.swap({ policy: "policy", version: 2, kv: "drop" }), {
    code: "version_conflict",
  });
  core.stage({ policy: "policy", version: 2, path: join(path, "model.safetensors") });
  assert.deepEqual(core.swap({ policy: "policy", version: 2, kv: "drop" }), {
    policy: "policy",
    version: 2,
    load: 2,
    digest,
  });
});

describe("configs that the engine does not compute", () => {
  const cases: readonly [string, Record<string, unknown>, RegExp][] = [
    ["another model", { model_type: "qwen2" }, /model_type "qwen2"/],
    ["another activation", { hidden_act: "gelu" }, /hidden_act/],
    ["biases", { attention_bias: true }, /attention_bias/],
    ["scaled RoPE", { rope_scaling: { rope_type: "llama3", factor: 8 } }, /rope_scaling llama3/],
    ["odd heads", { num_attention_heads: 5 }, /5 heads share 2/],
    ["odd head_dim", { head_dim: 12 }, /multiple of 8/],
    ["no layers", { num_hidden_layers: 0 }, /num_hidden_layers is 0/],
    ["eos out of the vocabulary", { eos_token_id: 67 }, /eos_token_id 67/],
  ];
  for (const [name, change, reason] of cases) {
    test(name, () => {
      const folder = temporaryFolder();
      writeFileSync(join(folder, "config.json"), JSON.stringify({ ...TINY_CONFIG, ...change }));
      assert.throws(() => createModelCore({ directory: folder }), {
        code: "weights_rejected",
        message: reason,
      });
    });
  }
});
