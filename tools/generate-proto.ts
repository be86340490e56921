/**
 * Makes `proto/gen/*.js` and their types from the protos that are served, or spoken to engines. With `--check`, compares
 * instead and fails when the committed code is not what the protos make.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = resolve(import.meta.dirname, "..");
const CLI = fileURLToPath(import.meta.resolve("protobufjs-cli/package.json"));
const OUTPUT = join(ROOT, "proto/gen");
const HEADER = "// Made by tools/generate-proto.ts from proto/; not edited.\n";

function run(tool: "pbjs" | "pbts", args: readonly string[]): void {
  const script = join(dirname(CLI), "bin", tool);
  execFileSync(process.execPath, [script, ...args], { cwd: ROOT, stdio: "inherit" });
}

const BUNDLES: Readonly<Record<string, readonly string[]>> = {
  /** What the gRPC front serves; the other services answer UNIMPLEMENTED and need no code. */
  paceline: ["paceline/v1/rollout.proto", "paceline/v1/error.proto", "grpc/health/v1/health.proto"],
  trtllm: ["trtllm/trtllm_service.proto"],
};
const FILES = Object.keys(BUNDLES).flatMap((name) => [`${name}.js`, `${name}.d.ts`]);

/** Writes all files into `directory`. */
function generate(directory: string): void {
  for (const [name, protos] of Object.entries(BUNDLES)) {
    const [js, types] = [join(directory, `${name}.js`), join(directory, `${name}.d.ts`)];
    // Names stay as they are on the wire; what goes through is checked by the codecs, so there is no verify()
    // and no fromObject or toObject, which coerce.
    const args = [
      ...["-t", "static-module", "-w", "esm", "-r", name, "-p", "proto", "--keep-case"],
      ...["--no-service", "--no-verify", "--no-delimited", "--no-convert", "--no-typeurl"],
      ...["-o", js, ...protos.map((file) => join("proto", file))],
    ];
    // The types are read from the comments, which the committed code does without.
    run("pbjs", args);
    run("pbts", ["--no-comments", "-o", types, js]);
    run("pbjs", ["--no-comments", ...args]);
    for (const path of [js, types]) writeFileSync(path, HEADER + readFileSync(path, "utf8"));
  }
}

function check(): void {
  const directory = mkdtempSync(join(tmpdir(), "paceline-proto-"));
  try {
    generate(directory);
    const stale = FILES.filter(
      (file) =>
        readFileSync(join(directory, file), "utf8") !== readFileSync(join(OUTPUT, file), "utf8"),
    );
    if (stale.length === 0) return;
    console.error(`proto/gen is stale: ${stale.join(", ")}. Run: node tools/generate-proto.ts`);
    process.exitCode = 1;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const { values } = parseArgs({ options: { check: { type: "boolean" } } });
if (values.check) check();
else generate(OUTPUT);
