/** A session's own KV over changes of the weights, against the auditor's replay: what is told is true, to the bit. */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { Core, CoreRequest } from "../../../server/engine/core.ts";
import { createModelCore } from "../../../server/engine/model-core.ts";
import {
  createReplayer,
  type FoundKv,
  type Replayer,
  type ReplayRun,
} from "../../../server/engine/replay.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { coreRequest, drain, load, type Outcome, Outcomes } from "./core-run.ts";
import { TINY_CONFIG, writeTinyModel } from "./tiny-model.ts";

const random = seededRandom(testSeed("session-cache"));
const below = (limit: number): number => random.u32() % limit;
const some = (length: number): number[] =>
  Array.from({ length }, () => below(TINY_CONFIG.vocab_size));

let paths: string[] = [];
let replayer: Replayer;
const pathOf = (version: number): string => paths[version - 1] ?? "";

before(() => {
  paths = Array.from({ length: 4 }, () => writeTinyModel(random.u32()));
  replayer = createReplayer({ directory: pathOf(1), weightSets: 4 });
});
after(() => {
  for (const path of paths) rmSync(path, { recursive: true });
});

function coreOf(kvTokens = 4_096): Core {
  const core = createModelCore({ directory: pathOf(1), kvTokens });
  load(core, 1, pathOf(1));
  return core;
}

/** What a turn of so many tokens leaves: full blocks of all but its last token. */
const left = (tokens: number): number => Math.floor((tokens - 1) / 16) * 16;

function turnOf(id: string, context: readonly number[], over: Partial<CoreRequest> = {}) {
  return coreRequest(id, context, {
    sampling: { maxNewTokens: 20 },
    cacheNamespace: "p~j/s",
    cacheCarried: true,
    ...over,
  } as Parameters<typeof coreRequest>[2]);
}

function run(core: Core, request: CoreRequest, between?: (step: number) => void): Outcome {
  core.add(request);
  return drain(core, between).of(request.id);
}

/** The auditor's logprobs and tokens are the engine's. */
function assertReplayed(
  request: CoreRequest,
  { ids, logprobs }: Outcome,
  runs: readonly ReplayRun[],
  found: readonly FoundKv[] = [],
): void {
  const replay = replayer.replay({
    ...request,
    outputTokenIds: Uint32Array.from(ids),
    runs,
    found,
  });
  assert.deepEqual([...replay.logprobs], logprobs);
  assert.deepEqual([...replay.tokenIds], ids);
}

const all = (version: number, end = 20): ReplayRun[] => [
  { start: 0, end, weights: pathOf(version), rebuild: true },
];

for (const kv of ["keep", "drop"] as const) {
  test(`turns over an update that finds nobody running (${kv}): mixed, and so are those that follow`, () => {
    const core = coreOf();
    const first = turnOf("1", some(40));
    const one = run(core, first);
    assert.deepEqual(new Set(one.mixed), new Set([false]));
    load(core, 2, pathOf(2), kv);

    const second = turnOf("2", [...first.promptTokenIds, ...one.ids, ...some(9)]);
    const two = run(core, second);
    const old = left(60);
    assert.equal(two.cachedTokens, old);
    assert.deepEqual(new Set(two.mixed), new Set([true]));
    const byFirst = { end: old, weights: pathOf(1) };
    assertReplayed(second, two, all(2), [byFirst]);
    assert.throws(() => assertReplayed(second, two, all(2)), assert.AssertionError);

    const third = turnOf("3", [...second.promptTokenIds, ...two.ids, ...some(3)]);
    const three = run(core, third);
    assert.equal(three.cachedTokens, left(89));
    assert.deepEqual(new Set(three.mixed), new Set([true]));
    assertReplayed(third, three, all(2), [byFirst, { end: left(89), weights: pathOf(2) }]);
  });
}

test("a turn that lives through an update leaves KV of both, and the next turn says so", () => {
  const core = coreOf();
  const first = turnOf("1", some(40));
  const one = run(core, first, (step) => {
    if (step === 9) load(core, 2, pathOf(2), "keep");
  });
  const cut = one.versions.indexOf(2);
  assert.ok(cut > 0);
  const second = turnOf("2", [...first.promptTokenIds, ...one.ids, ...some(9)]);
  const two = run(core, second);
  assert.equal(two.cachedTokens, left(60));
  assert.deepEqual(new Set(two.mixed), new Set([true]));
  // Token k is sampled by the forward that fed position 40 + k − 1.
  const found = [
    { end: 40 + cut - 1, weights: pathOf(1) },
    { end: left(60), weights: pathOf(2) },
  ];
  assertReplayed(second, two, all(2), found);
});

describe("pure, where nothing older is reused", () => {
  test("the same version's turn before", () => {
    const core = coreOf();
    const first = turnOf("1", some(40));
    const one = run(core, first);
    const second = turnOf("2", [...first.promptTokenIds, ...one.ids, ...some(9)]);
    const two = run(core, second);
    assert.equal(two.cachedTokens, left(60));
    assert.deepEqual(new Set(two.mixed), new Set([false]));
    assertReplayed(second, two, all(1));
  });

  for (const [name, over, prepare] of [
    ["another namespace", { cacheNamespace: "p@2#2", cacheCarried: false }, () => {}],
    ["another session", { cacheNamespace: "p~j/t" }, () => {}],
    ["a namespace that was dropped", {}, (core: Core) => core.dropCache("p~j/s")],
    ["a cache that was flushed", {}, (core: Core) => core.flush()],
  ] as const) {
    test(name, () => {
      const core = coreOf();
      const first = turnOf("1", some(40));
      const one = run(core, first);
      load(core, 2, pathOf(2));
      prepare(core);
      const second = turnOf("2", [...first.promptTokenIds, ...one.ids], over);
      const two = run(core, second);
      assert.equal(two.cachedTokens, 0);
      assert.deepEqual(new Set(two.mixed), new Set([false]));
      assertReplayed(second, two, all(2));
    });
  }
});

test("random sessions, branches, updates and little room: what is called pure is pure", () => {
  let pure = 0;
  let mixed = 0;
  for (let round = 0; round < 12; round++) {
    const core = coreOf(512);
    const contexts = new Map<string, number[]>();
    let version = 1;
    for (let step = 0; step < 8; step++) {
      const turns = Array.from({ length: 1 + below(3) }, (_, index) => {
        const session = `p~j/${below(2)}`;
        // A branch goes on from any turn, or begins anew.
        const known = [...contexts].filter(([key]) => key.startsWith(session));
        const [, context = some(20)] = known[below(known.length + 1)] ?? [];
        const prompt = [...context.slice(0, 90), ...some(1 + below(20))];
        const sampling = { maxNewTokens: 12, seed: below(3) };
        const request = turnOf(`${step}.${index}`, prompt, { cacheNamespace: session });
        return { session, request: { ...request, sampling: { ...request.sampling, ...sampling } } };
      });
      for (const { request } of turns) core.add(request);
      const outcomes = new Outcomes();
      const swapAt = below(12);
      for (let at = 0; core.busy; at++) {
        outcomes.take(core.step());
        if (at === swapAt && below(2) === 0) {
          version = 1 + (version % 4);
          load(core, version, pathOf(version), below(2) === 0 ? "keep" : "drop");
        }
      }
      for (const { session, request } of turns) {
        const outcome = outcomes.of(request.id);
        contexts.set(`${session} ${request.id}`, [...request.promptTokenIds, ...outcome.ids]);
        if (outcome.mixed.includes(true)) mixed++;
        else {
          pure++;
          assertReplayed(request, outcome, pureRuns(outcome));
        }
      }
    }
  }
  assert.ok(pure > 20 && mixed > 20, `${pure} pure, ${mixed} mixed`);
});

/** Without mixed KV every change of version computed all anew. */
function pureRuns({ versions }: Outcome): ReplayRun[] {
  const runs: { start: number; end: number; weights: string; rebuild: boolean }[] = [];
  for (const [k, version] of versions.entries()) {
    const last = runs.at(-1);
    if (last?.weights === pathOf(version)) last.end = k + 1;
    else runs.push({ start: k, end: k + 1, weights: pathOf(version), rebuild: true });
  }
  return runs;
}
