/**
 * A LoRA adapter on disk, as PEFT writes it: a directory with `adapter_config.json` and `adapter_model.safetensors`. What it
 * *is* are its tensors and how they are applied: SHA-256 over `paceline.adapter.v1`, a zero byte, the tensors' content
 * digest (32 bytes) and the configuration as JSON with sorted keys, without the names of files and models.
 */
import { createHash } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { openJson } from "./checkpoint.ts";
import { type ContentDigest, contentDigest } from "./digest.ts";
import { rejected } from "./safetensors.ts";

const CONFIG = "adapter_config.json";
const TENSORS = "adapter_model.safetensors";

/** Where it was trained, and what loads it: nothing of what it computes. */
const OUTSIDE: ReadonlySet<string> = new Set([
  "base_model_name_or_path",
  "revision",
  "inference_mode",
  "auto_mapping",
  "peft_version",
]);

/** Reads it whole. Throws `weights_rejected`. */
export async function adapterDigest(path: string): Promise<Omit<ContentDigest, "tensors">> {
  if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
    throw rejected(path, `is no directory with ${CONFIG} and ${TENSORS}`);
  }
  const config = openJson(join(path, CONFIG));
  if (config["peft_type"] !== "LORA") throw rejected(join(path, CONFIG), "is of no LoRA adapter");
  const { digest, bytes } = await contentDigest(join(path, TENSORS));
  const applied = Object.entries(config).filter(([name]) => !OUTSIDE.has(name));
  const hash = createHash("sha256").update("paceline.adapter.v1\0").update(digest, "hex");
  return { digest: hash.update(sorted(Object.fromEntries(applied))).digest("hex"), bytes };
}

/** JSON with the keys of each object in order. */
function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(",")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${sorted(one)}`).join(",")}}`;
}
