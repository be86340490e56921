/** Where real engines are installed: `.engines` of the checkout, or the folder that PACELINE_ENGINES names. */
import { mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

export function enginesFolder(): string {
  const folder = resolve(process.env["PACELINE_ENGINES"] ?? join(root, ".engines"));
  mkdirSync(folder, { recursive: true });
  return folder;
}

/** Python of our own that goes with the engines: what stands in for packages, and scripts. */
export const PYTHON_FOLDER = fileURLToPath(new URL("./python", import.meta.url));
