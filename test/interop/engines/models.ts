/** Tiny checkpoints that vLLM, SGLang and torch all load: made once, by the engine's own Python. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { enginesFolder, PYTHON_FOLDER } from "./folder.ts";
import { run } from "./venv.ts";

/** Two of one shape, seeds 1 and 2. */
export async function ensureModels(python: string): Promise<readonly [string, string]> {
  const one = await ensureModel(python, "make_model.py", "tiny", 1);
  return [one, await ensureModel(python, "make_model.py", "tiny", 2)];
}

/** Of three layers with eight experts each, of which a token goes to two. */
export const MIXTURE = { layers: 3, experts: 8, chosen: 2 };

export const ensureMixture = (python: string): Promise<string> =>
  ensureModel(python, "make_mixture.py", "mixture", 1);

/** Its directory. */
async function ensureModel(
  python: string,
  script: string,
  name: string,
  seed: number,
): Promise<string> {
  const directory = join(enginesFolder(), `${name}-${seed}`);
  if (!existsSync(join(directory, "model.safetensors"))) {
    const args = [join(PYTHON_FOLDER, script), directory, String(seed)];
    await run(python, args, { HF_HUB_OFFLINE: "1" });
  }
  return directory;
}
