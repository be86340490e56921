/** Weights swapped under running requests, against the auditor's replay: every logprob to the bit. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { Core, CoreRequest } from "../../../server/engine/core.ts";
import { createModelCore, type ModelCoreOptions } from "../../../server/engine/model-core.ts";
import { createReplayer, type Replayer, type ReplayRun } from "../../../server/engine/replay.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { coreRequest, drain, load, type Outcome, Outcomes } from "./core-run.ts";
import { TINY_CONFIG, writeTinyModel } from "./tiny-model.ts";

const random = seededRandom(testSeed("model-core-swap"));
const below = (limit: number): number => random.u32() % limit;

/** Directory by version − 1. */
let versions: string[] = [];
let replayer: Replayer;
const pathOf = (version: number): string => versions[version - 1] ?? "";

before(() => {
  versions = Array.from({ length: 5 }, () => writeTinyModel(random.u32()));
  replayer = createReplayer({ directory: pathOf(1), weightSets: 3 });
});
after(() => {
  for (const path of versions) rmSync(path, { recursive: true });
});

function coreOf(options: Partial<ModelCoreOptions> = {}): Core {
  const core = createModelCore({ directory: pathOf(1), kvTokens: 4_096, ...options });
  load(core, 1, pathOf(1));
  return core;
}

const prompt = (length: number): number[] =>
  Array.from({ length }, () => below(TINY_CONFIG.vocab_size));

/**
 * Runs as an auditor cuts them from what was told: at each change of version, and where mixed KV became
 * pure again. KV was rebuilt wherever the tokens that follow are pure.
 */
function runsOf({ versions, mixed }: Outcome): ReplayRun[] {
  const runs: { start: number; end: number; weights: string; rebuild: boolean }[] = [];
  for (const [k, version] of versions.entries()) {
    const weights = pathOf(version);
    const last = runs.at(-1);
    const cleared = mixed[k] === false && mixed[k - 1] === true;
    if (last === undefined || last.weights !== weights || cleared) {
      runs.push({ start: k, end: k + 1, weights, rebuild: mixed[k] === false });
    } else last.end = k + 1;
  }
  return runs;
}

function assertReplayed(request: CoreRequest, outcome: Outcome, runs = runsOf(outcome)): void {
  const { logprobs, tokenIds } = replayer.replay({
    ...request,
    outputTokenIds: Uint32Array.from(outcome.ids),
    runs,
  });
  assert.deepEqual(
    [...logprobs],
    outcome.logprobs,
    `${request.id}: logprobs, ${JSON.stringify(outcome.versions)}`,
  );
  assert.deepEqual([...tokenIds], outcome.ids, `${request.id}: tokens`);
}

describe("one swap in the middle of a request", () => {
  for (const kv of ["keep", "drop"] as const) {
    test(kv, () => {
      const core = coreOf();
      const request = coreRequest("a", prompt(20), { sampling: { maxNewTokens: 30 } });
      core.add(request);
      const outcome = drain(core, (step) => {
        if (step === 9) load(core, 2, pathOf(2), kv);
      }).of("a");
      assert.deepEqual(outcome.versions, [
        ...Array<number>(10).fill(1),
        ...Array<number>(20).fill(2),
      ]);
      assert.deepEqual(outcome.mixed, [
        ...Array<boolean>(10).fill(false),
        ...Array<boolean>(20).fill(kv === "keep"),
      ]);
      assert.equal(outcome.started, 1);
      const run = (start: number, end: number, version: number, rebuild: boolean): ReplayRun => ({
        start,
        end,
        weights: pathOf(version),
        rebuild,
      });
      assertReplayed(request, outcome, [run(0, 10, 1, true), run(10, 30, 2, kv === "drop")]);
      const wrong = [
        [run(0, 10, 1, true), run(10, 30, 2, kv === "keep")],
        [run(0, 11, 1, true), run(11, 30, 2, kv === "drop")],
        [run(0, 30, 2, true)],
      ];
      for (const runs of wrong)
        assert.throws(() => assertReplayed(request, outcome, runs), assert.AssertionError);
    });
  }
});

describe("KV that lived through a swap is never found by others", () => {
  // 5: the swap comes before the first block is full.
  for (const length of [5, 40]) {
    for (const kv of ["keep", "drop"] as const) {
      test(`${kv}, prompt of ${length}`, () => {
        const core = coreOf();
        const sampling = { maxNewTokens: 60 };
        const long = coreRequest("long", prompt(length), { sampling });
        core.add(long);
        const outcomes = new Outcomes();
        for (let step = 0; step < 8; step++) outcomes.take(core.step());
        load(core, 2, pathOf(2), kv);
        for (let step = 0; step < 45; step++) outcomes.take(core.step());
        // Same namespace on purpose: whoever names it wrongly must still not get old KV.
        const context = [...long.promptTokenIds, ...outcomes.of("long").ids];
        const follower = coreRequest("follower", context, { sampling: { maxNewTokens: 4 } });
        core.add(follower);
        while (core.busy) outcomes.take(core.step());
        const { cachedTokens, mixed } = outcomes.of("follower");
        if (kv === "keep") assert.equal(cachedTokens, 0);
        else assert.ok((cachedTokens ?? 0) > 0, "recomputed KV is of the new version");
        assert.deepEqual(mixed, [false, false, false, false]);
        assertReplayed(follower, outcomes.of("follower"));
        core.add(coreRequest("again", context, { sampling: { maxNewTokens: 1 } }));
        assert.ok((drain(core).of("again").cachedTokens ?? 0) > 0, "new KV is found again");
      });
    }
  }
});

test("mixed KV is preempted last, whatever its priority", () => {
  const core = coreOf({ kvTokens: 128 });
  const sampling = { maxNewTokens: 60 };
  const kept = coreRequest("kept", prompt(20), { sampling, priority: 5 });
  core.add(kept);
  const outcomes = new Outcomes();
  for (let step = 0; step < 5; step++) outcomes.take(core.step());
  load(core, 2, pathOf(2), "keep");
  core.add(coreRequest("pure", prompt(20), { sampling }));
  let preempted = false;
  for (outcomes.take(core.step()); core.busy; outcomes.take(core.step())) {
    preempted ||= core.stats().waiting > 0;
  }
  assert.ok(preempted, "the cache holds both");
  assert.deepEqual(outcomes.of("kept").mixed.slice(5), Array<boolean>(55).fill(true));
  assertReplayed(kept, outcomes.of("kept"));
});

test("a prefill under way starts again under the new version", () => {
  const core = coreOf({ prefillChunk: 8 });
  const request = coreRequest("a", prompt(50), { sampling: { maxNewTokens: 5 } });
  core.add(request);
  const outcome = drain(core, (step) => {
    if (step === 2) load(core, 2, pathOf(2), "keep");
  }).of("a");
  assert.deepEqual(new Set(outcome.versions), new Set([2]));
  assert.deepEqual(new Set(outcome.mixed), new Set([false]));
  assertReplayed(request, outcome);
});

test("random swaps, keep and drop, with retracts and preemption: everything regenerates", () => {
  let mixed = 0;
  for (let round = 0; round < 4; round++) {
    const core = coreOf({ kvTokens: round % 2 ? 320 : 4_096, maxRunning: 8, prefillChunk: 24 });
    const requests = Array.from({ length: 12 }, (_, index) =>
      coreRequest(`r${index}`, prompt(1 + below(60)), {
        siblingIndex: index,
        logprobMode: below(2) ? "processed" : "raw",
        sampling: {
          maxNewTokens: 20 + below(60),
          repetitionPenalty: 1.1,
          topK: 30,
          temperature: 0.9,
        },
      }),
    );
    for (const request of requests) core.add(request);
    let version = 1;
    const outcomes = drain(core, () => {
      if (version < 5 && below(12) === 0)
        load(core, ++version, pathOf(version), version % 2 ? "drop" : "keep");
      if (below(30) === 0) core.retract();
    });
    for (const request of requests) assertReplayed(request, outcomes.of(request.id));
    mixed += requests.filter(({ id }) => outcomes.of(id).mixed.includes(true)).length;
    assert.equal(core.stats().kvUsedTokens, 0);
  }
  assert.ok(mixed > 0, "no request was kept through a swap");
});

test("the replayer refuses runs that do not cover the output", () => {
  const request = { ...coreRequest("a", [1, 2]), outputTokenIds: Uint32Array.of(4, 5) };
  const run = (start: number, end: number): ReplayRun => ({
    start,
    end,
    weights: pathOf(1),
    rebuild: true,
  });
  for (const runs of [[], [run(0, 1)], [run(1, 2)], [run(0, 1), run(0, 2)], [run(0, 3)]]) {
    assert.throws(() => replayer.replay({ ...request, runs }), { code: "invalid_argument" });
  }
});
