import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { violations } from "../../tools/check-imports.ts";

/** A small tree with one file importing another. */
function treeWith(file: string, target: string): string[] {
  const root = mkdtempSync(join(tmpdir(), "paceline-imports-"));
  try {
    for (const name of [file, "server/x.ts", "adapters/x.ts"]) {
      mkdirSync(dirname(join(root, name)), { recursive: true });
      writeFileSync(join(root, name), "");
    }
    writeFileSync(join(root, file), `import { x } from "${target}";\n`);
    return violations(root).filter((line) => line.startsWith(file));
  } finally {
    rmSync(root, { recursive: true });
  }
}

const cases: [what: string, file: string, target: string, allowed: boolean][] = [
  ["the scheduler imports contract", "server/scheduler/a.ts", "../contract/b.ts", true],
  ["the scheduler imports the fleet", "server/scheduler/a.ts", "../fleet/b.ts", false],
  ["the scheduler reads the limits", "server/scheduler/a.ts", "../limits.ts", false],
  ["the simulator drives the scheduler", "server/simulator/a.ts", "../scheduler/b.ts", true],
  ["the simulator knows the fleet", "server/simulator/a.ts", "../fleet/b.ts", false],
  ["the scheduler knows a simulator", "server/scheduler/a.ts", "../simulator/b.ts", false],
  ["contract imports anything of ours", "server/contract/a.ts", "../limits.ts", false],
  ["rollouts import placement", "server/rollouts/a.ts", "../placement/b.ts", true],
  ["placement imports rollouts", "server/placement/a.ts", "../rollouts/b.ts", false],
  ["anybody imports a front", "server/rollouts/a.ts", "../api/http/b.ts", false],
  ["an adapter imports the fleet", "adapters/vllm/a.ts", "../../server/fleet/b.ts", false],
  ["one adapter imports another", "adapters/embedded/a.ts", "../simulated/b.ts", false],
  [
    "the coordinator's core imports the fleet",
    "server/weights/coordinator/core/a.ts",
    "../../../fleet/b.ts",
    false,
  ],
];

for (const [what, file, target, allowed] of cases) {
  test(`${what}: ${allowed ? "allowed" : "a violation"}`, () => {
    assert.equal(treeWith(file, target).length, allowed ? 0 : 1);
  });
}

test("this tree has no violation", () => assert.deepEqual(violations(process.cwd()), []));
