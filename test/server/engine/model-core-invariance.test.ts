/**
 * A request's tokens and logprobs depend on nothing but its own tokens, sampling and the weights. The
 * reference is each request alone in a fresh core; every disturbance must give the same bits.
 */
import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { after, before, test } from "node:test";
import type { LogprobMode } from "../../../server/contract/rollout.ts";
import type { Core, CoreRequest } from "../../../server/engine/core.ts";
import { createModelCore, type ModelCoreOptions } from "../../../server/engine/model-core.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { coreRequest, drain, load, type Outcome, Outcomes } from "./core-run.ts";
import { TINY_CONFIG, writeTinyModel } from "./tiny-model.ts";

const random = seededRandom(testSeed("model-core-invariance"));
const below = (limit: number): number => random.u32() % limit;
const MODES: readonly LogprobMode[] = ["processed", "tempered", "penalised", "raw"];

let directory = "";
let requests: CoreRequest[] = [];
let alone = new Map<string, Outcome>();

before(() => {
  directory = writeTinyModel(random.u32());
  const shared = Array.from({ length: 40 }, () => below(TINY_CONFIG.vocab_size));
  requests = Array.from({ length: 24 }, (_, index) => randomRequest(`r${index}`, shared));
  alone = new Map(
    requests.map((request) => {
      const core = coreOf({});
      core.add(request);
      return [request.id, drain(core).of(request.id)];
    }),
  );
});
after(() => rmSync(directory, { recursive: true }));

function coreOf(options: Partial<ModelCoreOptions>): Core {
  const core = createModelCore({ directory, kvTokens: 4_096, ...options });
  load(core, 1, directory);
  return core;
}

/** A third of the prompts are siblings, a third begin alike. */
function randomRequest(id: string, shared: readonly number[]): CoreRequest {
  const own = Array.from({ length: 1 + below(50) }, () => below(TINY_CONFIG.vocab_size));
  const kind = below(3);
  const prompt = kind === 0 ? shared : kind === 1 ? [...shared.slice(0, 33), ...own] : own;
  const penalties = below(2) === 0;
  return coreRequest(id, prompt, {
    siblingIndex: below(4),
    logprobMode: MODES[below(4)] ?? "raw",
    priority: below(3) - 1,
    sampling: {
      maxNewTokens: 1 + below(60),
      minNewTokens: below(4),
      temperature: 0.5 + random.next(),
      topP: below(2) ? 1 : 0.9,
      topK: below(2) ? 0 : 20,
      repetitionPenalty: penalties ? 1.2 : 1,
      presencePenalty: penalties ? 0.3 : 0,
      frequencyPenalty: penalties ? 0.1 : 0,
      ignoreEos: below(2) === 0,
      stopTokenIds: below(3) === 0 ? [5, 9] : [],
      seed: below(3),
    },
  });
}

function assertAlone(outcomes: Outcomes, what: string): void {
  for (const [id, expected] of alone) {
    const { ids, logprobs, reason } = outcomes.of(id);
    assert.deepEqual(ids, expected.ids, `${what}: tokens of ${id}`);
    assert.deepEqual(logprobs, expected.logprobs, `${what}: logprobs of ${id}`);
    assert.deepEqual(reason, expected.reason, `${what}: end of ${id}`);
  }
}

test("batches, chunk sizes and cache hits", () => {
  const shapes: readonly Partial<ModelCoreOptions>[] = [
    { maxRunning: 24, prefillChunk: 512 },
    { maxRunning: 5, prefillChunk: 7 },
    { maxRunning: 2, prefillChunk: 1 },
    { maxRunning: 24, prefillChunk: 16 },
  ];
  for (const shape of shapes) {
    const core = coreOf(shape);
    for (const round of ["cold", "warm"]) {
      const hits = new Outcomes();
      for (const request of requests) core.add(request);
      while (core.busy) hits.take(core.step());
      assertAlone(hits, `${JSON.stringify(shape)}, ${round}`);
      const cached = requests.map(({ id }) => hits.of(id).cachedTokens ?? 0);
      if (round === "warm")
        assert.ok(
          cached.every((tokens, i) => tokens >= (requests[i]?.promptTokenIds.length ?? 0) - 16),
        );
    }
  }
});

test("siblings that come together share their prompt's blocks", () => {
  const core = coreOf({ maxRunning: 8, prefillChunk: 256 });
  const prompt = Array.from({ length: 65 }, (_, i) => i % TINY_CONFIG.vocab_size);
  for (let index = 0; index < 8; index++)
    core.add(coreRequest(`s${index}`, prompt, { siblingIndex: index }));
  const outcomes = new Outcomes();
  outcomes.take(core.step());
  assert.equal(
    core.stats().prefillTokens,
    65 + 7,
    "one computes the shared blocks, the others one token each",
  );
  assert.equal(core.stats().kvUsedTokens, 4 * 16 + 8 * 16);
  while (core.busy) outcomes.take(core.step());
  const texts = new Set(
    Array.from({ length: 8 }, (_, index) => outcomes.of(`s${index}`).ids.join()),
  );
  assert.ok(texts.size > 4, "siblings of one seed sample differently");
});

test("preemption: far too little KV for all at once", () => {
  const core = coreOf({ kvTokens: 176, maxRunning: 24, prefillChunk: 32 });
  for (const request of requests) core.add(request);
  let preempted = 0;
  let { waiting } = core.stats();
  const outcomes = drain(core, () => {
    const now = core.stats().waiting;
    preempted += Math.max(0, now - waiting);
    waiting = now;
  });
  assertAlone(outcomes, "preemption");
  assert.ok(preempted > 0, "nothing was preempted");
});

test("retract and flush at random moments", () => {
  const core = coreOf({ maxRunning: 6, prefillChunk: 11 });
  for (const request of requests) core.add(request);
  assertAlone(
    drain(core, () => {
      if (below(6) === 0) core.retract();
      if (below(4) === 0) core.flush();
    }),
    "retract",
  );
});

test("continued elsewhere from its tokens, cut anywhere", () => {
  for (let round = 0; round < 4; round++) {
    const core = coreOf({ maxRunning: 1 + below(16), prefillChunk: 1 + below(64) });
    const cuts = new Map<string, number>();
    for (const request of requests) {
      const made = alone.get(request.id)?.ids ?? [];
      const cut = below(made.length + 1);
      cuts.set(request.id, cut);
      core.add({ ...request, outputTokenIds: Uint32Array.from(made.slice(0, cut)) });
    }
    const outcomes = drain(core);
    for (const { id } of requests) {
      const cut = cuts.get(id) ?? 0;
      const { ids, logprobs, reason } = outcomes.of(id);
      const whole = alone.get(id);
      assert.deepEqual(ids, whole?.ids.slice(cut), `${id} cut at ${cut}`);
      assert.deepEqual(logprobs, whole?.logprobs.slice(cut), `${id} cut at ${cut}`);
      assert.deepEqual(reason, whole?.reason, `${id} cut at ${cut}`);
    }
  }
});

test("aborting some changes nothing for the others", () => {
  const core = coreOf({ maxRunning: 8, kvTokens: 512 });
  for (const request of requests) core.add(request);
  const gone = new Set<string>();
  const outcomes = drain(core, () => {
    const { id } = requests[below(requests.length)] ?? { id: "" };
    if (below(8) === 0 && core.abort(id)) gone.add(id);
  });
  assert.ok(gone.size > 0);
  for (const { id } of requests) {
    if (gone.has(id)) assert.equal(outcomes.of(id).reason, null, "an abort emits nothing");
    else assert.deepEqual(outcomes.of(id).ids, alone.get(id)?.ids);
  }
  assert.equal(core.stats().kvUsedTokens, 0);
});
