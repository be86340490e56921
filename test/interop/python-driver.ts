/** Runs a trainer's own Python against a server, and reads the JSON lines that its driver says. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";

export interface PythonRun {
  readonly python: string;
  /** Where the trainer's packages lie. */
  readonly path: string;
  readonly driver: string;
  readonly args: readonly string[];
}

/** Throws with the end of standard error where the driver fails. */
export async function runDriver<T>({
  python,
  path,
  driver,
  args,
}: PythonRun): Promise<readonly T[]> {
  const child = spawn(python, [driver, ...args], {
    env: { ...process.env, PYTHONPATH: path, RAY_AUTH_MODE: "disabled", OMP_NUM_THREADS: "1" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [out, err, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once("exit", resolve)),
  ]);
  assert.equal(code, 0, err.slice(-4_000));
  return out
    .split("\n")
    .filter((line) => line.startsWith('{"'))
    .map((line) => JSON.parse(line) as T);
}
