import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { recorded } from "../simulator/recorded.ts";
import { crowded } from "../simulator/workloads.ts";

const MAIN = join(import.meta.dirname, "../../../server/main.ts");

const simulated = (args: readonly string[]) =>
  spawnSync(process.execPath, [MAIN, "simulate", ...args], { encoding: "utf8", timeout: 60_000 });

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
    const { status, stdout, stderr } = simulated(args);
    assert.match(stdout + stderr, says);
    assert.equal(status, code);
  });
}

test("a recording is made again by whoever scheduled it, unless another is named", () => {
  const directory = mkdtempSync(join(tmpdir(), "paceline-recording-"));
  try {
    const file = join(directory, "run.json");
    const recording = recorded(crowded(1, 8, 1), { makespan: 0 }, "pull-fcfs");
    writeFileSync(file, JSON.stringify({ ...recording, seed: 7 }));
    const args = ["--recording", file, "--quiet"];
    assert.match(simulated(args).stdout, /scheduler +pull-fcfs, seed 7\n/);
    const other = simulated([...args, "--scheduler", "least-requests", "--seed", "3"]);
    assert.match(other.stdout, /scheduler +least-requests, seed 3\n/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
