/**
 * A PEFT directory for fakes, which take the checkpoint beside it for base and adapter together. Its tensors are that
 * checkpoint's own: nobody but the fleet's digest reads them.
 */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface AdapterDirectory {
  readonly path: string;
  remove(): void;
}

export function adapterDirectory(
  checkpoint: string,
  config: Readonly<Record<string, unknown>> = {},
): AdapterDirectory {
  const path = mkdtempSync(join(tmpdir(), "paceline-adapter-"));
  for (const name of ["model.safetensors", "config.json"]) {
    symlinkSync(join(checkpoint, name), join(path, name));
  }
  symlinkSync(join(checkpoint, "model.safetensors"), join(path, "adapter_model.safetensors"));
  const written = { peft_type: "LORA", r: 4, lora_alpha: 8, target_modules: ["q_proj"], ...config };
  writeFileSync(join(path, "adapter_config.json"), JSON.stringify(written));
  return { path, remove: () => rmSync(path, { recursive: true }) };
}
