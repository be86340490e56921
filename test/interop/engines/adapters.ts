/** Small LoRA adapters for the tiny checkpoints, in PEFT's files, and what they make of these: made once, by the engine's own Python. */
import { existsSync } from "node:fs";
import { basename, join } from "node:path";
import { enginesFolder, PYTHON_FOLDER } from "./folder.ts";
import { run } from "./venv.ts";

/** Its directory. `model`: a checkpoint of the shape that it is for; other seeds make other adapters. */
export async function ensureAdapter(python: string, model: string, seed = 1): Promise<string> {
  const path = join(enginesFolder(), `adapter-${seed}`);
  if (!existsSync(join(path, "adapter_model.safetensors"))) {
    const script = join(PYTHON_FOLDER, "make_adapter.py");
    await run(python, [script, path, model, String(seed)], { HF_HUB_OFFLINE: "1" });
  }
  return path;
}

/** Directory of a float32 checkpoint that computes what `model` does under `adapter`; null: what it does alone. */
export async function ensureMerged(
  python: string,
  model: string,
  adapter: string | null,
): Promise<string> {
  const parts = [model, ...(adapter === null ? [] : [adapter])];
  const path = join(enginesFolder(), ["merged", ...parts.map((part) => basename(part))].join("-"));
  if (!existsSync(join(path, "model.safetensors"))) {
    const script = join(PYTHON_FOLDER, "merge_adapter.py");
    await run(python, [script, path, ...parts], { HF_HUB_OFFLINE: "1" });
  }
  return path;
}
