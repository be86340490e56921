/** A Python environment with one engine in it, made once. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { enginesFolder } from "./folder.ts";

export interface EnginePackage {
  /** Name of the environment's folder. */
  readonly name: string;
  /** Distribution that tells that it is there, `name-version`. */
  readonly distribution: string;
  /** Arguments of one `pip install` after the other. */
  readonly installs: readonly (readonly string[])[];
  /** Distributions that come along and must not be there. */
  readonly removes?: readonly string[];
}

/** Path of its Python. */
export async function ensureVenv(engine: EnginePackage): Promise<string> {
  const folder = join(enginesFolder(), engine.name);
  const python = join(folder, "bin/python");
  if (isInstalled(folder, engine.distribution)) return python;
  if (!existsSync(python)) await run("python3", ["-m", "venv", folder]);
  const pip = ["-m", "pip", "--disable-pip-version-check"];
  for (const args of engine.installs) await run(python, [...pip, "install", "-q", ...args]);
  const removes = engine.removes ?? [];
  if (removes.length > 0) await run(python, [...pip, "uninstall", "-q", "-y", ...removes]);
  return python;
}

function isInstalled(folder: string, distribution: string): boolean {
  const lib = join(folder, "lib");
  if (!existsSync(lib)) return false;
  const info = `${distribution.replaceAll("-", "_").replace(/_(?=[^_]*$)/, "-")}.dist-info`;
  return readdirSync(lib).some((python) => existsSync(join(lib, python, "site-packages", info)));
}

/** Runs to its end; what it prints goes to standard error. */
export async function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const child = spawn(command, args, {
    stdio: ["ignore", process.stderr, process.stderr],
    env: { ...process.env, ...env },
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}`);
}
