/** A small LoRA adapter for the tiny checkpoints, in PEFT's files: made once, by the engine's own Python. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { enginesFolder, PYTHON_FOLDER } from "./folder.ts";
import { run } from "./venv.ts";

/** Its directory. `model`: a checkpoint of the shape that it is for. */
export async function ensureAdapter(python: string, model: string): Promise<string> {
  const path = join(enginesFolder(), "adapter-1");
  if (!existsSync(join(path, "adapter_model.safetensors"))) {
    const script = join(PYTHON_FOLDER, "make_adapter.py");
    await run(python, [script, path, model], { HF_HUB_OFFLINE: "1" });
  }
  return path;
}
