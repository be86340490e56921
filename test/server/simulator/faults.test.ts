import assert from "node:assert/strict";
import { test } from "node:test";
import type { FaultSpec } from "../../../server/simulator/faults.ts";
import { simulate } from "../../../server/simulator/simulate.ts";
import { wildTelemetry } from "../../../server/simulator/telemetry.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { assertConserved } from "./conserved.ts";
import { crowded, rollout, worker, workload } from "./workloads.ts";

const PLENTY = [worker("w0"), worker("w1")];
const fault = (more: Partial<FaultSpec>): FaultSpec => ({
  kind: "kill",
  worker: "w0",
  atSeconds: 1,
  forSeconds: 60,
  ...more,
});

for (const { name, faults, least, most, lost } of [
  // 1,000 steps of 12 ms with two at once on each.
  { name: "nothing", faults: [], least: 12, most: 12.2, lost: 0 },
  {
    name: "a kill: its two go on at the other at once",
    faults: [fault({})],
    least: 13.5,
    most: 14.3,
    lost: 2,
  },
  {
    name: "a hang: given up after 5 s",
    faults: [fault({ kind: "hang" })],
    least: 17,
    most: 18.5,
    lost: 0,
  },
  {
    name: "a short hang: nobody notices",
    faults: [fault({ kind: "hang", forSeconds: 3 })],
    least: 15,
    most: 15.2,
    lost: 0,
  },
  {
    name: "four times slower for 4 s: 3 s late",
    faults: [fault({ kind: "slow", forSeconds: 4 })],
    least: 14.9,
    most: 15.2,
    lost: 0,
  },
] as const) {
  test(`by hand: ${name}`, () => {
    const given = workload(
      ["a", "b", "c", "d"].map((id) => rollout(id, { outputTokens: 1_000 })),
      PLENTY,
    );
    const run = simulate(given, { faults });
    assertConserved(run, given);
    const { makespanSeconds: seconds } = run;
    assert.ok(seconds >= least && seconds <= most, `${seconds}`);
    assert.equal(run.lost, lost);
  });
}

test("kills, hangs, slowness and wild telemetry: all tokens, each once", () => {
  const seed = testSeed("faults");
  for (let i = 0; i < 20; i++) {
    const given = crowded(seed + i);
    const kinds = ["kill", "hang", "slow"] as const;
    const faults = Array.from({ length: 12 }, (_, n): FaultSpec => {
      const at = { worker: `w${(n * 7 + i) % 3}`, atSeconds: 0.5 + n * 1.7 };
      return { kind: kinds[(n + i) % 3] ?? "kill", ...at, forSeconds: 0.5 + ((n * 5) % 11) };
    });
    const run = simulate(given, { seed: seed + i, faults, lie: wildTelemetry });
    assertConserved(run, given);
  }
});

test("a fault of nobody is refused", () => {
  assert.throws(() => simulate(workload([]), { faults: [fault({ worker: "w9" })] }), /w9/);
});
