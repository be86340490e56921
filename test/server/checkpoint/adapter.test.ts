/** What a LoRA adapter is: its tensors and how they are applied, wherever it was trained. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { adapterDigest } from "../../../server/checkpoint/adapter.ts";
import { writeSafetensors } from "../../../server/checkpoint/safetensors.ts";

const root = mkdtempSync(join(tmpdir(), "paceline-adapter-"));
after(() => rmSync(root, { recursive: true }));

const CONFIG = { peft_type: "LORA", r: 4, lora_alpha: 8, target_modules: ["q_proj", "v_proj"] };
let folders = 0;

function directory(config: string | null, value: number | null = 1): string {
  const path = join(root, String(folders++));
  mkdirSync(path);
  if (config !== null) writeFileSync(join(path, "adapter_config.json"), config);
  if (value !== null) {
    const bytes = Uint8Array.of(value);
    writeSafetensors(join(path, "adapter_model.safetensors"), [
      { name: "lora_A", dtype: "U8", shape: [1], bytes },
    ]);
  }
  return path;
}

const digest = async (config: object, value = 1): Promise<string> =>
  (await adapterDigest(directory(JSON.stringify(config), value))).digest;

test("the digest is of tensors and of how they are applied", async () => {
  const same = await digest(CONFIG);
  const { r, ...rest } = CONFIG;
  assert.equal(await digest({ ...rest, r }), same, "another order of keys");
  assert.equal(await digest({ ...CONFIG, base_model_name_or_path: "x" }), same);
  assert.notEqual(await digest({ ...CONFIG, lora_alpha: 16 }), same);
  assert.notEqual(await digest({ ...CONFIG, target_modules: ["q_proj"] }), same);
  assert.notEqual(await digest(CONFIG, 2), same);
});

for (const [what, path] of [
  ["no directory", () => join(root, "none")],
  ["no configuration", () => directory(null)],
  ["a configuration that is no JSON", () => directory("{")],
  ["an adapter of another kind", () => directory(JSON.stringify({ ...CONFIG, peft_type: "IA3" }))],
  ["no tensors", () => directory(JSON.stringify(CONFIG), null)],
] as const) {
  test(`${what} is rejected`, async () => {
    await assert.rejects(adapterDigest(path()), { code: "weights_rejected" });
  });
}
