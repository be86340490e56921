/**
 * Compiles the engine's kernels (AssemblyScript, WebAssembly SIMD without relaxed instructions) to the committed module.
 *
 *     node tools/build-kernels.ts            writes server/engine/kernels/kernels.wasm
 *     node tools/build-kernels.ts --check    exits 1 when the committed module is not what the sources compile to
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const CONFIG = "server/engine/kernels/assembly/asconfig.json";
const MODULE = join(ROOT, "server/engine/kernels/kernels.wasm");

function compile(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "paceline-kernels-"));
  try {
    const compiler = join(
      dirname(createRequire(import.meta.url).resolve("assemblyscript/package.json")),
      "bin/asc.js",
    );
    const out = join(folder, "kernels.wasm");
    const { status } = spawnSync(
      process.execPath,
      [compiler, "--config", CONFIG, "--outFile", out],
      { cwd: ROOT, stdio: "inherit" },
    );
    if (status !== 0) throw new Error(`asc ended with status ${status}`);
    return readFileSync(out);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const module = compile();
if (process.argv.includes("--check")) {
  if (!module.equals(readFileSync(MODULE))) {
    console.error("kernels.wasm is not what its sources compile to: node tools/build-kernels.ts");
    process.exitCode = 1;
  }
} else {
  writeFileSync(MODULE, module);
  console.log(`${MODULE}: ${module.length} bytes`);
}
