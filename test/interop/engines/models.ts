/** Two tiny checkpoints of one shape, which vLLM, SGLang and torch all load: made once, by the engine's own Python. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { enginesFolder, PYTHON_FOLDER } from "./folder.ts";
import { run } from "./venv.ts";

/** Their directories; seeds 1 and 2. */
export async function ensureModels(python: string): Promise<readonly [string, string]> {
  const [one, two] = [1, 2].map((seed) => join(enginesFolder(), `tiny-${seed}`)) as [
    string,
    string,
  ];
  for (const [index, directory] of [one, two].entries()) {
    if (existsSync(join(directory, "model.safetensors"))) continue;
    const args = [join(PYTHON_FOLDER, "make_model.py"), directory, String(index + 1)];
    await run(python, args, { HF_HUB_OFFLINE: "1" });
  }
  return [one, two];
}
