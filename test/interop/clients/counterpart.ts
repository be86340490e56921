/** A client's own code in a Python environment of its own, run to its end; it prints what it counted. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ensureVenv } from "../engines/venv.ts";

const CLIENTS = {
  name: "clients",
  distribution: "verifiers-0.4.0",
  installs: [["verifiers==0.4.0", "renderers==0.1.12", "openai==2.54.0"]],
};

const RUN_MS = 300_000;

/** The one line of JSON that the script prints. Throws with what it said where it failed. */
export async function runCounterpart(
  script: string,
  args: readonly string[],
): Promise<Record<string, number | string>> {
  const python = await ensureVenv(CLIENTS);
  const file = fileURLToPath(new URL(`./python/${script}`, import.meta.url));
  const { stdout } = await promisify(execFile)(python, [file, ...args], {
    timeout: RUN_MS,
    env: { ...process.env, HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1" },
  });
  return JSON.parse(stdout.trim().split("\n").at(-1) ?? "") as Record<string, number | string>;
}
