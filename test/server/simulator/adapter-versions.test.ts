import assert from "node:assert/strict";
import { test } from "node:test";
import { simulate } from "../../../server/simulator/simulate.ts";
import type { Workload } from "../../../server/simulator/workload.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { assertConserved } from "./conserved.ts";
import { crowded, rollout, worker, workload } from "./workloads.ts";

const ADAPTERS = ["a", "b", "c"];
const POLICIES = [{ name: "p", base: null }, ...ADAPTERS.map((name) => ({ name, base: "p" }))];
const room = (slots: number) => ({ adapters: { slots, loadSeconds: 0.5 } });

test("each adapter is loaded once where it is, and once more for each version", () => {
  const rollouts = Array.from({ length: 12 }, (_, i) =>
    rollout(`${i}`, { policy: ADAPTERS[i % 3] ?? "a", arrivalSeconds: i, outputTokens: 20 }),
  );
  const given: Workload = {
    ...workload(
      rollouts,
      ["w0", "w1", "w2"].map((id) => worker(id, room(1))),
    ),
    policies: POLICIES,
  };
  assert.equal(simulate(given).adapterLoads, 3);
  assert.equal(simulate(given, { adapterSeconds: 6.5 }).adapterLoads, 6);
});

test("more adapters than there is room for, with new versions all the time: all tokens once", () => {
  const seed = testSeed("adapters");
  for (let i = 0; i < 4; i++) {
    const made = crowded(seed + i);
    const workers = made.fleet.workers.map((spec) => ({ ...spec, ...room(1 + (i % 2)) }));
    const rollouts = made.rollouts.map((each, n) => ({
      ...each,
      policy: POLICIES[(n >> 2) % POLICIES.length]?.name ?? "p",
    }));
    const given = { ...made, policies: POLICIES, rollouts, fleet: { workers } };
    const run = simulate(given, { seed: seed + i, adapterSeconds: 1 + i });
    assertConserved(run, given);
    assert.equal(run.unfinished, 0);
  }
});
