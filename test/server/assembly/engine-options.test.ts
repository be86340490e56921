/** What an operator says of an engine reaches its adapter, or is refused with the place. */
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createReadPacing } from "../../../adapters/read-pacing.ts";
import { engineOptions } from "../../../server/assembly/engine-options.ts";
import { resolveConfig } from "../../../server/config.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const pacing = createReadPacing(new VirtualClock(), 0);
const directory = mkdtempSync(join(tmpdir(), "paceline-"));
const keyFile = join(directory, "key");
writeFileSync(keyFile, "s3cret\n");
writeFileSync(join(directory, "empty"), "\n");

const given = () => ({ api: null, admin: null });

const told = (trtllm: unknown) =>
  resolveConfig({ engine_facts: JSON.stringify({ trtllm }) }, {}, null);

test("facts are of their kind alone, the key is read from its file", () => {
  const config = told({
    vocab_size: 128,
    max_model_len: 512,
    logprob_mode: "raw",
    weights: "p@7",
    control_key_file: keyFile,
  });
  assert.deepEqual(engineOptions("trtllm", config, pacing, given), {
    pacing,
    controlKey: "s3cret",
    facts: {
      vocabSize: 128,
      maxModelLen: 512,
      logprobMode: "raw",
      weights: { policy: "p", version: 7 },
      controlKeyFile: keyFile,
    },
  });
  assert.deepEqual(engineOptions("dynamo", config, pacing, given), { pacing, facts: {} });
  assert.deepEqual(engineOptions("vllm", config, pacing, given), { pacing });
});

for (const [name, trtllm] of [
  ["another field", { vocabulary: 1 }],
  ["a size that is none", { vocab_size: 0 }],
  ["weights without a version", { weights: "p" }],
] as const) {
  test(`${name} is refused at the start`, () => {
    assert.throws(() => told(trtllm), {
      code: "invalid_argument",
      details: { path: "engine_facts" },
    });
  });
}

test("text that is no JSON is refused", () => {
  assert.throws(() => resolveConfig({ engine_facts: "{" }, {}, null), { code: "invalid_argument" });
});

for (const name of ["absent", "empty"]) {
  test(`a key file that is ${name} is refused`, () => {
    const config = told({ control_key_file: join(directory, name) });
    assert.throws(() => engineOptions("trtllm", config, pacing, given), {
      code: "invalid_argument",
      details: { path: "engine_facts.trtllm.control_key_file" },
    });
  });
}

test("an SGLang server is shown the keys of the files, or those that its registration brought", () => {
  const sglang = { api_key_file: keyFile, admin_api_key_file: keyFile };
  const config = resolveConfig({ engine_facts: JSON.stringify({ sglang }) }, {}, null);
  const shown = (api: string | null, admin: string | null) =>
    engineOptions("sglang", config, pacing, () => ({ api, admin })).keys?.();
  assert.deepEqual(shown(null, null), { api: "s3cret", admin: "s3cret" });
  assert.deepEqual(shown("k-1", "a-1"), { api: "k-1", admin: "a-1" });
  const none = resolveConfig({}, {}, null);
  const keys = engineOptions("sglang", none, pacing, () => ({ api: "k-1", admin: null })).keys;
  assert.deepEqual(keys?.(), { api: "k-1", admin: null });
});
