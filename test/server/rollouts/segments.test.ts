/** Deliberate cuts: a rollout in segments is the rollout undivided, on engines that prove it (I5). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createEmbeddedEngine } from "../../../adapters/embedded/engine.ts";
import type { Engine } from "../../../adapters/engine.ts";
import { createSimulatedEngine } from "../../../adapters/simulated/engine.ts";
import type { Result } from "../../../server/contract/result.ts";
import type { Rollout } from "../../../server/contract/rollout.ts";
import { startEngineServer } from "../../../server/engine/server/engine-server.ts";
import { LIMITS } from "../../../server/limits.ts";
import { STEP_1 } from "../../support/live-server.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { finished, play, run, tokens, world } from "./world.ts";

const SHAPE = { kvTokens: 8_192, maxRunning: 16, streamInterval: 4 };
const ROLLOUTS = 12;
const SEGMENT = 7;
const patience = (): AbortSignal => AbortSignal.timeout(20_000);

const engines = {
  embedded: {
    start: () => startEngineServer({ kind: "embedded", directory: STEP_1, ...SHAPE }),
    over: createEmbeddedEngine,
  },
  simulated: {
    start: () => startEngineServer({ kind: "simulated", ...SHAPE, simulated: { stepSeconds: 0 } }),
    over: createSimulatedEngine,
  },
} as const;

const random = seededRandom(testSeed("segments"));
const below = (limit: number): number => random.u32() % limit;

function sample(index: number): Rollout {
  const base = sampleRollout({ id: `r-${index}`, seed: below(2 ** 31) });
  const maxNewTokens = 8 + below(150);
  return {
    ...base,
    promptTokenIds: Uint32Array.from(Buffer.from(`${below(90) + 10}+${below(90) + 10}=`)),
    sampling: {
      ...base.sampling,
      maxNewTokens,
      minNewTokens: below(maxNewTokens),
      temperature: [0, 0.7, 1, 1.3][below(4)] as number,
      ...(below(3) === 0 ? { topP: 0.9, topK: 40 } : {}),
      ignoreEos: below(3) === 0,
    },
  };
}

async function resultOf(engine: Engine, rollout: Rollout, segment?: number) {
  const attempts = segment === undefined ? 1 : Math.ceil(rollout.sampling.maxNewTokens / segment);
  const scripts = Array.from({ length: attempts }, () => engine.generate.bind(engine));
  const w = world(scripts, segment === undefined ? {} : { segment });
  return { ...w, result: await w.rollouts.submit(rollout).result() };
}

const made = ({ outputTokenIds, logprobs, finishReason, spans }: Result) => ({
  ids: [...outputTokenIds],
  logprobs: [...logprobs],
  finishReason,
  spans,
});

for (const [kind, { start, over }] of Object.entries(engines)) {
  test(`${kind}: no token, logprob or finish depends on where it was cut`, async () => {
    const server = await start();
    const engine = over(server.url);
    try {
      await engine.weights?.stage({ policy: "default", version: 7, path: STEP_1 }, patience());
      await engine.weights?.swap({ policy: "default", version: 7, kv: "drop" }, patience());
      let cuts = 0;
      for (let i = 0; i < ROLLOUTS; i++) {
        const rollout = sample(i);
        const whole = await resultOf(engine, rollout);
        const divided = await resultOf(engine, rollout, SEGMENT);
        assert.deepEqual(made(divided.result), made(whole.result), rollout.id);
        const { segments, routing, usage } = divided.result;
        const length = divided.result.outputTokenIds.length;
        assert.deepEqual(
          segments.map(({ start, end, attempt, resume }) => [start, end, attempt, resume]),
          Array.from({ length: Math.ceil(length / SEGMENT) }, (_, n) => [
            n * SEGMENT,
            Math.min(length, (n + 1) * SEGMENT),
            n + 1,
            n === 0 ? "none" : "prefill",
          ]),
        );
        assert.equal(usage.wastedTokens, 0);
        assert.equal(routing.moves, 0, "it never left its worker");
        cuts += routing.attempts - 1;
        const outcomes = divided.sent.flatMap((sent) =>
          sent.type === "done" ? [sent.outcome] : [],
        );
        assert.deepEqual(outcomes, [...new Array(routing.attempts - 1).fill("cut"), "finished"]);
      }
      assert.ok(cuts > ROLLOUTS, `${cuts} cuts`);
    } finally {
      await engine.close();
      await server.close();
    }
  });
}

test("cuts do not count as attempts that failed, and its readers are told of each", async () => {
  const times = LIMITS.attempts + 4;
  const scripts = Array.from({ length: times }, (_, n) => play([tokens(2 * n, 2), finished]));
  const sampling = { ...sampleRollout({}).sampling, maxNewTokens: 2 * times };
  const { outcome, handle, sent, evidence } = await run(scripts, { sampling }, { segment: 2 });
  assert.ok(!(outcome instanceof Error));
  assert.equal(outcome.outputTokenIds.length, 2 * times);
  assert.deepEqual(outcome.finishReason, { type: "length", cause: "max_new", matched: null });
  assert.equal(outcome.routing.attempts, times);
  assert.ok(evidence.every((what) => what === "ok"));
  const offers = sent.flatMap((request) => (request.type === "offer" ? [request.card] : []));
  assert.deepEqual(
    offers.map(({ attempt, outputTokens, avoid }) => [attempt, outputTokens, avoid.length]),
    Array.from({ length: times }, (_, n) => [n + 1, 2 * n, 0]),
  );
  const moved = [];
  for await (const batch of handle.events(0, patience())) {
    for (const { event } of batch) if (event.type === "moved") moved.push(event);
  }
  assert.equal(moved.length, times - 1);
  assert.deepEqual(moved[0], {
    type: "moved",
    from: "w-1",
    to: "w-1",
    reason: "cut",
    resume: "prefill",
    keptTokens: 2,
  });
});

test("the last segment is no segment: what ends with it has ended", async () => {
  const { outcome, requests } = await run([play([tokens(0, 8), finished])], {}, { segment: 8 });
  assert.ok(!(outcome instanceof Error));
  assert.equal(outcome.routing.attempts, 1);
  assert.equal(requests[0]?.sampling.maxNewTokens, 8);
});
