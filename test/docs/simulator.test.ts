/** The page's examples run as they stand, by a shell. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const ROOT = join(import.meta.dirname, "../..");
const page = readFileSync(join(ROOT, "docs/simulator.md"), "utf8");
const examples = [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, example]) => example ?? "");

test("each example finishes all its rollouts", { timeout: 120_000 }, () => {
  assert.ok(examples.length >= 2);
  const cwd = mkdtempSync(join(tmpdir(), "paceline-simulate-"));
  try {
    const command = `paceline() { "${process.execPath}" "${ROOT}/server/main.ts" "$@"; }\n`;
    for (const example of examples) {
      const said = execFileSync("bash", ["-e", "-c", command + example], {
        cwd,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      assert.match(said, /^finished +\d+$/m);
    }
    assert.match(readFileSync(join(cwd, "run.svg"), "utf8"), /^<svg [\s\S]*<\/svg>\n$/);
    const run: unknown = JSON.parse(readFileSync(join(cwd, "run.json"), "utf8"));
    assert.ok(typeof run === "object" && run !== null && "makespanSeconds" in run);
  } finally {
    rmSync(cwd, { recursive: true });
  }
});
