/** The fakes' model has the embedded engine's numbers and the real engines' manners. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createModelCore } from "../../../server/engine/model-core.ts";
import { checkpoint, createFakeModel, type FakeModel, type FakeRequest } from "./fake-model.ts";
import type { FakeFinish, FakePart, FakeTokens } from "./fake-output.ts";

const PROMPT = Uint32Array.of(49, 55, 43, 50, 53, 61);
const LONG_PROMPT = Uint32Array.from({ length: 100 }, (_, i) => 48 + (i % 10));
let requests = 0;

const submit = (model: FakeModel, more: Partial<FakeRequest> = {}) => {
  requests += 1;
  const sampling = { maxNewTokens: 24, ignoreEos: true, seed: 5, ...more.sampling };
  return model.submit({ id: `f-${requests}`, promptTokenIds: PROMPT, ...more, sampling });
};

interface Gathered {
  readonly ids: readonly unknown[];
  readonly logprobs: readonly unknown[];
  readonly mixed: readonly boolean[];
  readonly finish: FakeFinish | undefined;
}

const gathered = (parts: readonly FakePart[]): Gathered => {
  const tokens = parts.filter((part) => part.type === "tokens");
  return {
    ids: tokens.flatMap(({ ids }) => ids),
    logprobs: tokens.flatMap(({ logprobs }) => logprobs),
    mixed: tokens.flatMap(({ ids, mixed }) => ids.map(() => mixed)),
    finish: parts.find((part) => part.type === "finished"),
  };
};

const run = async (model: FakeModel, more: Partial<FakeRequest> = {}): Promise<Gathered> =>
  gathered(await Array.fromAsync(submit(model, more)));

/** Reads until `tokens` have come. */
async function reached(parts: AsyncIterator<FakePart>, tokens: number): Promise<FakePart[]> {
  const read: FakePart[] = [];
  for (;;) {
    const { value } = await parts.next();
    assert.ok(value, `ended before ${tokens} tokens`);
    read.push(value);
    if (value.type === "tokens" && value.made >= tokens) return read;
  }
}

const rest = async (parts: AsyncIterator<FakePart>): Promise<FakePart[]> =>
  Array.fromAsync({ [Symbol.asyncIterator]: () => parts });

test("tokens and logprobs are the embedded engine's, under every mode", async () => {
  const model = createFakeModel();
  const core = createModelCore({ directory: checkpoint("step-1") });
  core.load({ policy: "p", version: 1, path: checkpoint("step-1"), kv: "keep" });
  for (const logprobMode of ["processed", "tempered", "penalised", "raw"] as const) {
    const sampling = {
      maxNewTokens: 24,
      minNewTokens: 0,
      temperature: 0.8,
      topP: 0.9,
      topK: 0,
      minP: 0,
      presencePenalty: 0.3,
      frequencyPenalty: 0,
      repetitionPenalty: 1.1,
      stopTokenIds: [],
      ignoreEos: true,
      seed: 5,
      logitBias: [],
      allowedTokenIds: [],
      badWords: [],
    };
    core.add({
      id: logprobMode,
      promptTokenIds: PROMPT,
      outputTokenIds: new Uint32Array(0),
      sampling,
      siblingIndex: 0,
      logprobMode,
      cacheNamespace: "",
      cacheCarried: false,
      priority: 0,
      side: null,
    });
    const ids: number[] = [];
    const logprobs: number[] = [];
    while (core.busy) {
      for (const event of core.step()) {
        if (event.type !== "tokens") continue;
        ids.push(...event.ids);
        logprobs.push(...event.logprobs);
      }
    }
    const made = await run(model, { logprobMode, sampling });
    assert.deepEqual([made.ids, made.logprobs], [ids, logprobs], logprobMode);
  }
});

test("a swap in place mid-way: labels follow relabel, not swap, and cached prefixes stay", async () => {
  const model = createFakeModel();
  const parts = submit(model, { sampling: { maxNewTokens: 200 } });
  const first = await reached(parts, 10);
  model.pause("keep");
  assert.equal(model.flush(), false, "a request holds KV");
  model.swap(checkpoint("step-2"));
  assert.equal(model.label, "default");
  model.relabel("step-2");
  model.resume();
  const whole = gathered([...first, ...(await rest(parts))]);
  const [one, two] = whole.finish?.spans ?? [];
  assert.deepEqual([one?.version, two?.version, two?.end], ["default", "step-2", 200]);
  assert.equal(whole.mixed.indexOf(true), two?.start);

  const cold = await run(model, { promptTokenIds: LONG_PROMPT });
  model.swap(checkpoint("step-1"));
  const stale = await run(model, { promptTokenIds: LONG_PROMPT });
  assert.deepEqual([stale.finish?.cachedTokens, stale.mixed[0]], [96, true]);
  const apart = await run(model, { promptTokenIds: LONG_PROMPT, cacheNamespace: "v3" });
  assert.deepEqual([apart.finish?.cachedTokens, apart.mixed[0]], [0, false]);
  assert.notDeepEqual(stale.logprobs, apart.logprobs, "old KV was attended to");
  assert.equal(model.flush(), true);
  const fresh = await run(model, { promptTokenIds: LONG_PROMPT });
  assert.deepEqual([fresh.finish?.cachedTokens, fresh.logprobs], [0, apart.logprobs]);
  assert.notDeepEqual(cold.ids, fresh.ids);
});

test("pauses hold, retract recomputes, abort answers what there is", async () => {
  const model = createFakeModel();
  const undisturbed = await run(model);
  for (const mode of ["keep", "retract"] as const) {
    const parts = submit(model);
    const first = await reached(parts, 5);
    model.pause(mode);
    const { outputTokens } = model.stats();
    const waits = submit(model);
    assert.equal(model.stats().outputTokens, outputTokens);
    model.resume();
    const whole = gathered([...first, ...(await rest(parts))]);
    assert.deepEqual([whole.ids, whole.logprobs], [undisturbed.ids, undisturbed.logprobs], mode);
    assert.equal(whole.finish?.retractions, mode === "retract" ? 1 : 0);
    assert.equal(gathered(await rest(waits)).ids.length, 24);
  }
  const parts = submit(model, { id: "r-1" });
  const other = submit(model, { id: "q-1" });
  const first = await reached(parts, 3);
  assert.equal(
    model.abort((id) => id.startsWith("r")),
    1,
  );
  const cut = gathered([...first, ...(await rest(parts))]);
  assert.equal(cut.finish?.reason.type, "abort");
  assert.ok(cut.ids.length >= 3 && cut.finish?.made === cut.ids.length);
  assert.equal(gathered(await rest(other)).finish?.reason.type, "length");
});

test("a reader that leaves ends its request; an adapter is another model; death fails all", async () => {
  const model = createFakeModel();
  for await (const part of submit(model)) if (part.type === "tokens") break;
  assert.equal(model.requests, 0);
  await model.idle();
  model.loadAdapter("ad", checkpoint("step-2"));
  const adapted = await run(model, { adapter: "ad" });
  const twin = createFakeModel({ directory: checkpoint("step-2") });
  assert.deepEqual(adapted.logprobs, (await run(twin)).logprobs);
  assert.equal(model.unloadAdapter("ad"), true);
  const parts = submit(model);
  await reached(parts, 1);
  model.die();
  await assert.rejects(rest(parts));
});

test("side data: prompt logprobs, alternatives and masks", async () => {
  const model = createFakeModel();
  const side = { promptLogprobs: { start: 0 }, topLogprobs: 3, samplingMask: true };
  const parts = await Array.fromAsync(submit(model, { side, sampling: { topK: 8 } }));
  const prompt = parts.find((part) => part.type === "prompt");
  assert.deepEqual([prompt?.logprobs.length, prompt?.label], [PROMPT.length, "default"]);
  const tokens = parts.filter((part): part is FakeTokens => part.type === "tokens");
  assert.ok(tokens.every(({ top, mask }) => top?.[0]?.length === 3 && mask?.[0]?.length === 8));
});
