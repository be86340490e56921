import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

const MAIN = join(import.meta.dirname, "../../../server/main.ts");

for (const { args, code, says } of [
  { args: ["--help"], code: 0, says: /Exit code: 0 all rollouts finished/ },
  { args: ["--workload", "none"], code: 2, says: /one of moonlight, / },
  { args: ["--seed", "-1"], code: 2, says: /a whole number/ },
  { args: ["--workers", "0"], code: 2, says: /at least 1/ },
  { args: ["--fault", "kill:w-0:1"], code: 2, says: /not kill:w-0:1/ },
  { args: ["--fault", "kill:w-99:1:2"], code: 2, says: /no worker is called w-99/ },
  { args: ["--trace", "/does/not/exist"], code: 2, says: /no such file/ },
]) {
  test(`paceline simulate ${args.join(" ")}: exit ${code}`, () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, "simulate", ...args], {
      encoding: "utf8",
      timeout: 60_000,
    });
    assert.match(stdout + stderr, says);
    assert.equal(status, code);
  });
}
