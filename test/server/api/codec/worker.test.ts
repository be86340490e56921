import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  decodeLease,
  decodePause,
  decodeRegistration,
  encodeWorker,
} from "../../../../server/api/codec/worker.ts";
import type { HeldVersion } from "../../../../server/contract/policy.ts";
import { worker as workerSchema } from "../../../../server/contract/schema-fleet.ts";
import type { WorkerRecord } from "../../../../server/fleet/fleet.ts";

const RECORD: WorkerRecord = {
  id: "w-1",
  url: "http://127.0.0.1:9000",
  engine: "embedded",
  pool: "default",
  role: "full",
  parallel: { tp: 2 },
  policies: ["default"],
  state: "ready",
  reason: null,
  description: {
    kind: "embedded",
    engineVersion: "0.1.0",
    incarnation: "inc-1",
    model: "demo",
    dtype: "float32",
    maxModelLen: 512,
    vocabSize: 259,
    eosTokenIds: [258],
    slots: [{ index: 0, kvTokens: 8192, maxRunning: 16 }],
    capabilities: {
      logprobModes: ["processed", "raw"],
      sampling: ["temperature", "seed"],
      resume: { seeded: true, penalties: false },
      spans: "chunk",
      journal: "stream",
      sessionCache: false,
      pause: ["keep"],
      sleep: true,
      weights: { stage: true, proof: "digest" },
      promptLogprobs: false,
      maxTopLogprobs: 0,
      samplingMask: false,
    },
    paused: false,
    asleep: false,
    held: [],
  },
  load: {
    running: 1,
    waiting: 2,
    kvUsedTokens: 3,
    kvTotalTokens: 8192,
    outputTokens: 2 ** 40,
    prefillTokens: 5,
    steps: [{ batch: 1, seconds: 0.01 }],
  },
  rates: { step: { a: 0.01, s: -0.001 }, prefillTokensPerSecond: null },
  leaseMs: -3.5,
};

const HELD: HeldVersion = {
  policy: "default",
  version: 7,
  label: { run: "a", step: 7 },
  proof: "digest",
  load: 1,
  digest: "ab",
};

suite("encodeWorker", () => {
  for (const [name, record, held] of [
    ["a busy worker", RECORD, [HELD]],
    ["one that is not known well yet", { ...RECORD, load: null, reason: "starting" }, []],
  ] as const) {
    test(`says what the schema says, of ${name}`, () => {
      const wire = encodeWorker(record, held);
      assert.deepEqual(workerSchema().parse(JSON.parse(JSON.stringify(wire))), wire);
    });
  }
});

suite("decodeRegistration", () => {
  test("keeps what was given and nothing else", () => {
    const least = { url: "http://127.0.0.1:9000", engine: "vllm" };
    assert.deepEqual(decodeRegistration({ ...least, id: null, pool: null }), least);
    const most = { ...least, id: "w", pool: "p", role: "prefill", policies: ["a"] };
    const parallel = { tp: 2, pp: null };
    assert.deepEqual(decodeRegistration({ ...most, parallel }), { ...most, parallel: { tp: 2 } });
  });

  test("keys are of engines that are shown some", () => {
    const sglang = {
      url: "http://127.0.0.1:9000",
      engine: "sglang",
      api_key: "k",
      admin_api_key: "a",
    };
    const { apiKey, adminApiKey } = decodeRegistration(sglang);
    assert.deepEqual([apiKey, adminApiKey], ["k", "a"]);
    assert.throws(() => decodeRegistration({ ...sglang, engine: "embedded" }), {
      code: "unsupported",
      details: { path: "api_key" },
    });
  });

  const WRONG: readonly [body: unknown, path: string][] = [
    [{}, "url"],
    [{ url: "not a url", engine: "vllm" }, "url"],
    [{ url: "file:///etc/passwd", engine: "vllm" }, "url"],
    [{ url: "http://h", engine: "llama" }, "engine"],
    [{ url: "http://h", engine: "vllm", id: "a/b" }, "id"],
    [{ url: "http://h", engine: "vllm", parallel: { tp: 0 } }, "parallel.tp"],
    [{ url: "http://h", engine: "vllm", policies: ["ok", 7] }, "policies[1]"],
    [{ url: "http://h", engine: "vllm", gpu: true }, "gpu"],
    [{ url: "http://h", engine: "sglang", api_key: "two words" }, "api_key"],
  ];
  for (const [body, path] of WRONG) {
    test(`refuses ${JSON.stringify(body)}`, () => {
      assert.throws(() => decodeRegistration(body), {
        code: "invalid_argument",
        details: { path },
      });
    });
  }
});

test("a lease names its incarnation; what a worker claims to hold is refused", () => {
  assert.equal(decodeLease({ incarnation: "inc-1", versions: [] }), "inc-1");
  assert.throws(() => decodeLease({ incarnation: "inc-1", versions: [HELD] }), {
    code: "unsupported",
    details: { path: "versions" },
  });
  assert.throws(() => decodeLease({ incarnation: "" }), { details: { path: "incarnation" } });
});

test("a pause keeps requests unless it says otherwise", () => {
  assert.equal(decodePause(undefined), "keep");
  assert.equal(decodePause({ mode: "abort" }), "abort");
  assert.throws(() => decodePause({ mode: "stop" }), { details: { path: "mode" } });
});
