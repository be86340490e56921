import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { contentDigest } from "../../../server/checkpoint/digest.ts";
import type { Core, CoreEvent, CoreRequest } from "../../../server/engine/core.ts";
import { digestOfPath } from "../../../server/engine/path-digest.ts";
import { createSimulatedCore, type SimulatedModel } from "../../../server/engine/simulated-core.ts";
import { hashText, hashTokens, simulatedStream } from "../../../server/engine/simulated-tokens.ts";
import { requestOf, type Wish } from "../../conformance/engines/attempt.ts";

interface Shape {
  readonly kvTokens?: number;
  readonly maxRunning?: number;
  readonly model?: Partial<SimulatedModel>;
}

function coreOf({ kvTokens = 4_096, maxRunning = 8, model = {} }: Shape = {}): Core {
  const core = createSimulatedCore({ kvTokens, maxRunning, model });
  core.stage({ policy: "default", version: 1, path: "/one" });
  core.swap({ policy: "default", version: 1, kv: "keep" });
  return core;
}

function coreRequest(id: string, wish: Wish = {}): CoreRequest {
  const { sampling, badWords, ...rest } = requestOf(wish);
  return { ...rest, id, sampling: { ...sampling, badWords, logitBias: [...sampling.logitBias] } };
}

/** Steps until nothing is left to do. */
function drain(core: Core, most = 10_000): CoreEvent[] {
  const events: CoreEvent[] = [];
  for (let step = 0; core.busy; step++) {
    assert.ok(step < most, "no end in sight");
    events.push(...core.step());
  }
  return events;
}

const idsOf = (events: readonly CoreEvent[], id: string): number[] =>
  events.flatMap((event) => (event.type === "tokens" && event.id === id ? [...event.ids] : []));

const finishes = (events: readonly CoreEvent[]): string[] =>
  events.flatMap((event) =>
    event.type === "finished" ? [`${event.id} ${event.reason.cause}`] : [],
  );

describe("simulated core", () => {
  test("any token can be recomputed from prompt, seed, sibling, position and digest", () => {
    const core = coreOf();
    const request = coreRequest("a", { siblingIndex: 2 });
    core.add(request);
    const ids = idsOf(drain(core), "a");
    const vocabulary = { vocabSize: 32_000, eosTokenId: 2, eosRate: 0, length: null };
    const prompt = hashTokens(request.promptTokenIds);
    const stream = simulatedStream(vocabulary, prompt, request.sampling, 2);
    const digest = hashText(digestOfPath("/one"));
    assert.deepEqual(
      ids,
      Array.from({ length: 32 }, (_, position) => stream.at(position, digest).id),
    );
  });

  test("a checkpoint has the digest that it is published under; any other path has its own", async () => {
    const step = fileURLToPath(
      new URL("../../../server/engine/demo-policy/step-1", import.meta.url),
    );
    assert.equal(digestOfPath(step), (await contentDigest(step)).digest);
    assert.match(digestOfPath("/nowhere/at/all"), /^[0-9a-f]{64}$/);
    assert.notEqual(digestOfPath("/nowhere/at/all"), digestOfPath("/nowhere/else"));
  });

  test("no EOS unless asked: by a rate, or by a length per prompt that a sibling does not share", () => {
    const lengths = (model: Partial<SimulatedModel>): number[] => {
      const core = coreOf({ model, maxRunning: 64, kvTokens: 200_000 });
      const sampling = { maxNewTokens: 1_000, ignoreEos: false };
      for (let i = 0; i < 40; i++) core.add(coreRequest(`${i}`, { siblingIndex: i, sampling }));
      const events = drain(core);
      return Array.from({ length: 40 }, (_, i) => idsOf(events, `${i}`).length);
    };
    assert.ok(lengths({}).every((length) => length === 1_000));
    const rated = lengths({ eosRate: 0.05 });
    assert.ok(rated.every((length) => length < 1_000));
    const drawn = lengths({ length: { median: 100, sigma: 0.5 } });
    const median = drawn.toSorted((a, b) => a - b)[20] as number;
    assert.ok(median > 60 && median < 160, `median ${median}`);
    assert.ok(new Set(drawn).size > 20);
    assert.deepEqual(lengths({ length: { median: 100, sigma: 0.5 } }), drawn);
  });

  test("never more KV than there is: the youngest gives way, and makes the same tokens later", () => {
    const wish: Wish = { sampling: { maxNewTokens: 40 } };
    const alone = coreOf();
    alone.add(coreRequest("c", wish));
    const expected = idsOf(drain(alone), "c");
    const core = coreOf({ kvTokens: 60 });
    for (const id of ["a", "b", "c"]) core.add(coreRequest(id, wish));
    const events: CoreEvent[] = [];
    let most = 0;
    while (core.busy) {
      events.push(...core.step());
      const { kvUsedTokens, kvTotalTokens } = core.stats();
      assert.ok(kvUsedTokens <= kvTotalTokens, `${kvUsedTokens} of ${kvTotalTokens}`);
      most = Math.max(most, kvUsedTokens);
    }
    assert.ok(most > 46, "two ran together for a while");
    assert.deepEqual(finishes(events), ["a max_new", "b max_new", "c max_new"]);
    assert.deepEqual(idsOf(events, "c"), expected);
    const started = events.filter(({ type, id }) => type === "started" && id === "c");
    assert.equal(started.length, 1);
  });

  test("a request that outgrows the whole cache ends as length, kv", () => {
    const core = coreOf({ kvTokens: 20 });
    core.add(coreRequest("a"));
    assert.deepEqual(finishes(drain(core)), ["a kv"]);
  });

  test("a prompt that fills the cache, with room for nobody's next token, is refused and not kept waiting", () => {
    const core = coreOf({ kvTokens: 20 });
    const promptTokenIds = Uint32Array.from({ length: 20 }, (_, i) => 3 + i);
    const sampling = { maxNewTokens: 0 };
    assert.throws(() => core.add(coreRequest("a", { promptTokenIds, sampling })), {
      code: "prompt_too_long",
    });
    core.add(coreRequest("b", { promptTokenIds: promptTokenIds.subarray(1), sampling }));
    assert.deepEqual(finishes(drain(core)), ["b max_new"]);
  });

  test("lower priority values run first, equal ones in order of arrival", () => {
    const core = coreOf({ maxRunning: 1 });
    for (const [id, priority] of [
      ["a", 0],
      ["b", 5],
      ["c", -1],
      ["d", 5],
    ] as const) {
      core.add(coreRequest(id, { priority, sampling: { maxNewTokens: 2 } }));
    }
    const order = finishes(drain(core)).map((finish) => finish[0]);
    assert.deepEqual(order, ["c", "a", "b", "d"]);
  });

  test("the next step's time is a + s·batch + prefill / rate", () => {
    const model = {
      stepSeconds: 0.01,
      perRequestSeconds: 0.001,
      prefillTokensPerSecond: 1_000,
      prefillChunk: 64,
    };
    const core = coreOf({ model });
    core.add(coreRequest("a", { promptTokenIds: new Uint32Array(100).fill(50) }));
    const delays: number[] = [];
    for (let i = 0; i < 4; i++) {
      delays.push(Math.round(core.stepDelayMs * 1_000) / 1_000);
      core.step();
    }
    // 64 and 36 tokens of prefill; nobody runs yet in the first step. Then one request decodes.
    assert.deepEqual(delays, [10 + 64, 10 + 1 + 36, 11, 11]);
    assert.deepEqual(
      core.stats().steps.map(({ batch }) => batch),
      [0, 1, 1, 1],
    );
  });

  test("an abort is silent, once; a flush, a swap and a retract forget cached prefixes", () => {
    const core = coreOf();
    core.add(coreRequest("a"));
    assert.deepEqual([core.abort("a"), core.abort("a"), core.busy], [true, false, false]);
    assert.deepEqual(core.step(), []);
    const promptTokenIds = new Uint32Array(64).fill(50);
    const cached = (id: string): number | undefined => {
      core.add(coreRequest(id, { promptTokenIds, cacheNamespace: "n" }));
      const started = drain(core).find((event) => event.type === "started");
      return started?.cachedTokens;
    };
    assert.deepEqual([cached("b"), cached("c")], [0, 48]);
    for (const forget of [() => core.flush(), () => core.retract()]) {
      forget();
      assert.deepEqual([cached("d"), cached("e")], [0, 48]);
    }
  });

  test("a request that is still in prefill at a keep update starts over, and is pure", () => {
    const core = coreOf({ model: { prefillChunk: 16 } });
    core.add(coreRequest("a", { promptTokenIds: new Uint32Array(64).fill(50) }));
    assert.deepEqual(core.step(), []);
    core.stage({ policy: "default", version: 2, path: "/two" });
    core.swap({ policy: "default", version: 2, kv: "keep" });
    const tokens = drain(core).filter((event) => event.type === "tokens");
    assert.equal(tokens.length, 32);
    assert.ok(tokens.every(({ version, mixed }) => version === 2 && !mixed));
  });
});
