import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { FEATURES } from "../../../../server/api/codec/features.ts";
import { decodeRollout, type RolloutDefaults } from "../../../../server/api/codec/rollout.ts";
import type { Rollout } from "../../../../server/contract/rollout.ts";
import { createRolloutSchema } from "../../../../server/contract/schema-rollout.ts";
import { LIMITS } from "../../../../server/limits.ts";
import { REFUSED_ROLLOUTS } from "../../../conformance/fronts/refused-rollouts.ts";
import { sampleRollout } from "../../../support/sample-rollout.ts";

let minted = 0;
const mint = { id: () => `minted-${++minted}`, seed: () => ++minted };
const decode = (body: unknown, defaults?: RolloutDefaults): Rollout =>
  decodeRollout(body, mint, defaults).rollout;

const base64 = (array: Uint32Array | Float32Array): string =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");

const SHORT = { id: "r-1", prompt_token_ids: [1, 2, 3], sampling: { max_new_tokens: 8, seed: 1 } };

const SPAN = { version: 7, start: 0, end: 2, kv: "pure", attested: "engine" };
const FULL = {
  ...SHORT,
  job: "j",
  policy: "p",
  pool: "a",
  sampling: { ...SHORT.sampling, stop_token_ids: [9, 4], allowed_token_ids: [5], stop: ["x"] },
  continue: { output_token_ids: [5, 9], logprobs: [-0.5, -2.25], spans: [SPAN] },
  session: { id: "s-1" },
  version: { exact: 7 },
  timeout_ms: 1000,
};
const FULL_B64 = {
  ...FULL,
  encoding: "b64",
  prompt_token_ids: base64(Uint32Array.of(1, 2, 3)),
  sampling: {
    ...FULL.sampling,
    stop_token_ids: base64(Uint32Array.of(9, 4)),
    allowed_token_ids: base64(Uint32Array.of(5)),
  },
  continue: {
    output_token_ids: base64(Uint32Array.of(5, 9)),
    logprobs: base64(Float32Array.of(-0.5, -2.25)),
    spans: [SPAN],
  },
};

suite("decodeRollout", () => {
  test("fills in the defaults", () => {
    const { bodyHash, ...rollout } = decode(SHORT);
    const { bodyHash: _, want, ...expected } = sampleRollout({});
    assert.deepEqual(rollout, {
      ...expected,
      want: { ...want, logprobModes: ["processed", "tempered"] },
    });
  });

  test("takes null for absent, everywhere", () => {
    const { shape } = createRolloutSchema("json", LIMITS);
    const nulls = Object.fromEntries(Object.keys(shape).map((name) => [name, null]));
    assert.deepEqual(decode({ ...nulls, ...SHORT }), decode(SHORT));
  });

  test("reads both encodings as the same rollout", () => {
    const packed = decodeRollout(FULL_B64, mint);
    assert.equal(packed.encoding, "b64");
    assert.deepEqual(packed.rollout, decode(FULL));
  });

  test("mints an id and a seed where there is none, and takes the defaults given", () => {
    const body = { prompt_token_ids: [1], sampling: { max_new_tokens: 1 } };
    const [first, second] = [decode(body, { job: "j", policy: "p" }), decode(body)];
    assert.notEqual(first.id, second.id);
    assert.notEqual(first.seed, second.seed);
    assert.deepEqual([first.job, first.policy], ["j", "p"]);
  });

  const BOTH_LIMITS: readonly [sampling: Record<string, unknown>, most: number][] = [
    [{ max_new_tokens: 8 }, 8],
    [{ max_total_tokens: 10 }, 7],
    [{ max_new_tokens: 8, max_total_tokens: 10 }, 7],
    [{ max_new_tokens: 5, max_total_tokens: 10 }, 5],
  ];
  for (const [sampling, most] of BOTH_LIMITS) {
    test(`${JSON.stringify(sampling)} beside 3 prompt tokens is ${most}`, () => {
      assert.equal(decode({ ...SHORT, sampling }).sampling.maxNewTokens, most);
    });
  }

  test("scores a prompt without sampling when asked", () => {
    const body = {
      ...SHORT,
      sampling: { max_new_tokens: 0 },
      want: { prompt_logprobs: { start: 0 } },
    };
    assert.equal(decode(body).sampling.maxNewTokens, 0);
  });

  test("knows its own fields as features", () => {
    for (const feature of ["cache.reuse", "sampling.min_p", "session", "want.top_logprobs"]) {
      assert.ok(FEATURES.has(feature), feature);
    }
    assert.ok(!FEATURES.has("sampling.maxNewTokens"));
  });

  for (const { name, body, code, path } of REFUSED_ROLLOUTS) {
    test(`refuses ${name}`, () => {
      assert.throws(() => decode(body), { code, details: { path, ...featureOf(path) } });
    });
  }
});

const featureOf = (path: string) =>
  path === "required_features" ? { feature: "sampling.telepathy" } : {};

suite("body hash", () => {
  const hash = (body: unknown): string => decode(body).bodyHash;

  test("is the same for the same body", () => {
    assert.equal(hash(FULL_B64), hash(FULL));
    const reversed = Object.fromEntries(Object.entries(FULL).reverse());
    assert.equal(hash(reversed), hash(FULL));
    assert.equal(hash({ ...SHORT, priority: 0, resume: null }), hash(SHORT));
    const engine = (parts: unknown) => ({
      ...SHORT,
      sampling: { ...SHORT.sampling, engine: parts },
    });
    assert.equal(
      hash(engine({ a: 1, b: { c: 2, d: 3 } })),
      hash(engine({ b: { d: 3, c: 2 }, a: 1 })),
    );
  });

  test("leaves out the id and what we mint", () => {
    const body = { prompt_token_ids: [1], sampling: { max_new_tokens: 1 } };
    assert.equal(hash(body), hash(body));
    assert.equal(hash({ ...body, id: "other" }), hash(body));
  });

  const CHANGES: Readonly<Record<string, object>> = {
    job: { job: "k" },
    prompt: { prompt_token_ids: [1, 2, 4] },
    "prompt length": { prompt_token_ids: [1, 2, 3, 5] },
    seed: { sampling: { ...FULL.sampling, seed: 2 } },
    "no seed": { sampling: { ...FULL.sampling, seed: null } },
    temperature: { sampling: { ...FULL.sampling, temperature: 0.5 } },
    "order of stop ids": { sampling: { ...FULL.sampling, stop_token_ids: [4, 9] } },
    bias: { sampling: { ...FULL.sampling, logit_bias: { "1": 1 } } },
    "continued tokens": { continue: { ...FULL.continue, output_token_ids: [5, 8] } },
    "continued logprobs": { continue: { ...FULL.continue, logprobs: [-0.5, -2.5] } },
    "continued spans": { continue: { ...FULL.continue, spans: [{ ...SPAN, version: 8 }] } },
    constraint: { version: { min: 7 } },
    timeout: { timeout_ms: 1001 },
  };
  for (const [name, change] of Object.entries(CHANGES)) {
    test(`tells another ${name}`, () => {
      assert.notEqual(hash({ ...FULL, ...change }), hash(FULL));
    });
  }
});
