import assert from "node:assert/strict";
import { test } from "node:test";
import { PREFIX_BLOCK_TOKENS } from "../../../../server/scheduler/card.ts";
import type { SimulatedRollout, Workload } from "../../../../server/simulator/workload.ts";
import { PRESET_NAMES, presetWorkload } from "../../../../server/simulator/workloads/presets.ts";
import { testSeed } from "../../../support/seeded-random.ts";

const seed = testSeed("presets");

/** Rollouts, groups of how many, workers; by the table of the published facts. */
const SHAPES: Partial<Record<(typeof PRESET_NAMES)[number], readonly [number, number, number]>> = {
  moonlight: [3_200, 8, 32],
  vl72b: [9_600, 16, 16],
  k2: [6_400, 8, 8],
  short16k: [1_024, 8, 8],
  tailsieve: [512, 8, 8],
  "tailsieve-flat": [512, 8, 8],
  runaway: [1_024, 8, 8],
};

for (const name of PRESET_NAMES) {
  test(`${name} is possible, and the same for the same seed`, () => {
    const workload = presetWorkload(name, seed);
    assert.deepEqual(presetWorkload(name, seed), workload);
    assert.notDeepEqual(presetWorkload(name, seed + 1).rollouts, workload.rollouts);
    assertPossible(workload);
  });
}

for (const [name, [rollouts, size, workers]] of Object.entries(SHAPES)) {
  test(`${name} has the published shape`, () => {
    const preset = PRESET_NAMES.find((known) => known === name);
    assert.ok(preset);
    const workload = presetWorkload(preset, seed);
    assert.equal(workload.rollouts.length, rollouts);
    assert.ok(workload.rollouts.every(({ group }) => group?.size === size));
    assert.equal(workload.fleet.workers.length, workers);
  });
}

test("what a run changes is changed, and nothing else", () => {
  const workload = presetWorkload("moonlight", seed);
  const pooled = presetWorkload("moonlight", seed, { resume: "pool", workers: 24, groups: 10 });
  assert.deepEqual(pooled.rollouts, workload.rollouts.slice(0, 80));
  assert.equal(pooled.fleet.workers.length, 24);
  assert.equal(workload.fleet.workers[0]?.tiers, null);
  assert.deepEqual(pooled.fleet.workers[0]?.tiers, {
    hostTokens: 400_000,
    hostTokensPerSecond: 200_000,
    poolTokensPerSecond: 100_000,
  });
  const host = presetWorkload("moonlight", seed, { resume: "host", hostShare: 0.5 });
  assert.equal(host.fleet.workers[0]?.tiers?.poolTokensPerSecond, null);
  assert.equal(host.fleet.workers[0]?.tiers?.hostTokens, 200_000);
});

test("a later epoch asks for the same prompts, of lengths alike but not the same, and changes nothing of the first", () => {
  const epochs = { count: 2, apartSeconds: 100 };
  const { rollouts } = presetWorkload("tailsieve", seed, { epochs, within: 1 });
  const of = (seconds: number): readonly SimulatedRollout[] =>
    rollouts.filter(({ arrivalSeconds }) => arrivalSeconds === seconds);
  const [first, second] = [of(0), of(100)];
  assert.deepEqual(first, presetWorkload("tailsieve", seed, { within: 1 }).rollouts);
  assert.deepEqual(
    second.map(({ prompt, prefix, outputTokens }) => ({ prompt, prefix, outputTokens })),
    first.map(({ prompt, prefix, outputTokens }) => ({ prompt, prefix, outputTokens })),
    "all that differs is chance within a prompt",
  );
  const apart = presetWorkload("tailsieve", seed, { epochs }).rollouts;
  const lengths = apart.map(({ outputTokens }) => outputTokens);
  assert.notDeepEqual(lengths.slice(0, 512), lengths.slice(512));
  assert.equal(new Set(apart.map(({ id }) => id)).size, apart.length);
});

test("a session's prompt begins as the one before, and holds all that was said", () => {
  const { rollouts } = presetWorkload("agentic", seed, { sessions: 20 });
  const last = new Map<string, SimulatedRollout>();
  const system = rollouts[0]?.prefix.slice(0, 32);
  for (const rollout of rollouts) {
    const { session, promptTokens, prefix } = rollout;
    assert.ok(session);
    const before = last.get(session.id);
    last.set(session.id, rollout);
    assert.deepEqual(prefix.slice(0, 32), system);
    assert.equal(session.turn, (before?.session?.turn ?? -1) + 1);
    if (before === undefined) continue;
    assert.ok(promptTokens > before.promptTokens + before.outputTokens);
    assert.deepEqual(prefix.slice(0, before.prefix.length), before.prefix);
  }
  assert.equal(last.size, 20);
});

function assertPossible({ rollouts, policies, fleet }: Workload): void {
  const most = Math.max(...fleet.workers.map(({ kvTokens }) => kvTokens));
  const names = new Set(policies.map((policy) => policy.name));
  let arrived = 0;
  for (const rollout of rollouts) {
    const { promptTokens, outputTokens, maxNewTokens, prefix, arrivalSeconds } = rollout;
    assert.ok(outputTokens >= 1 && outputTokens <= maxNewTokens, rollout.id);
    assert.ok(promptTokens >= 1 && promptTokens + maxNewTokens <= most, rollout.id);
    assert.equal(prefix.length, Math.floor(promptTokens / PREFIX_BLOCK_TOKENS));
    assert.ok(names.has(rollout.policy));
    assert.ok(arrivalSeconds >= arrived, "by arrival");
    arrived = arrivalSeconds;
  }
  assert.equal(new Set(rollouts.map(({ id }) => id)).size, rollouts.length);
}
