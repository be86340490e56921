/** What is wanted beside the tokens, over lost workers and up to its limits. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineEvent } from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { Rollout } from "../../../server/contract/rollout.ts";
import type { SideChunk } from "../../../server/contract/side-data.ts";
import type { SideStore } from "../../../server/rollouts/side-store.ts";
import { wholeResult } from "../../../server/rollouts/whole-result.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { createScriptedSide } from "../../support/scripted-side.ts";
import { finished, play, run, SIDE_INLINE_BYTES, tokens, unreachable, world } from "./world.ts";

const scored = (): Partial<Rollout> => {
  const { want } = sampleRollout({});
  return { want: { ...want, promptLogprobs: { start: 0 } } };
};
const prompt: Extract<EngineEvent, { type: "prompt" }> = {
  type: "prompt",
  prompt: { start: 0, logprobs: Float32Array.of(Number.NaN, -1, -2), version: 7 },
};

test("a prompt is scored once: its logprobs are kept over a lost worker", async () => {
  const { outcome, requests } = await run(
    [play([prompt, tokens(0, 3)], unreachable), play([tokens(3, 2), finished])],
    scored(),
  );
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual(
    requests.map(({ side }) => side?.promptLogprobs),
    [{ start: 0 }, null],
  );
  assert.deepEqual(outcome.side?.prompt, prompt.prompt);
});

test("scores of a prompt beyond a lag limit are withheld (I8)", async () => {
  const { outcome } = await run([play([prompt, finished])], {
    ...scored(),
    sampling: { ...sampleRollout({}).sampling, maxNewTokens: 0 },
    version: { max_lag: 0 },
  });
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([outcome.finishReason.cause, outcome.side], ["stale", null]);
});

for (const [name, events] of [
  ["forgets them", [tokens(0, 2), finished]],
  [
    "gives too few",
    [{ ...prompt, prompt: { ...prompt.prompt, logprobs: Float32Array.of(Number.NaN, -1) } }],
  ],
  ["names a version never proven", [{ ...prompt, prompt: { ...prompt.prompt, version: 99 } }]],
] as const) {
  test(`an engine asked for a prompt's logprobs that ${name} fails the attempt`, async () => {
    const { outcome, evidence } = await run(
      [play([...events]), play([prompt, tokens(events.length === 2 ? 2 : 0, 2), finished])],
      scored(),
    );
    assert.ok(!(outcome instanceof Error));
    assert.equal(evidence[0], name.includes("version") ? "misversioned" : "misaligned");
    assert.equal(outcome.side?.prompt?.logprobs.length, 3);
  });
}

const rowed = (): Partial<Rollout> => {
  const { want } = sampleRollout({});
  return { want: { ...want, topLogprobs: 2, samplingMask: true } };
};
/** Two alternatives and a mask of three a token. */
function withRows(start: number, count: number, over: Partial<SideChunk> = {}): EngineEvent {
  const offsets = (width: number): Uint32Array =>
    Uint32Array.from({ length: count + 1 }, (_, row) => row * width);
  const at = (width: number, i: number): number => start + Math.floor(i / width) + (i % width);
  const rows = (width: number) => ({
    offsets: offsets(width),
    ids: Uint32Array.from({ length: width * count }, (_, i) => at(width, i)),
  });
  const logprobs = Float32Array.from({ length: 2 * count }, (_, i) => -1 - (i % 2));
  const side = { top: { ...rows(2), logprobs }, mask: rows(3), ...over };
  const event = tokens(start, count);
  assert.equal(event.type, "tokens");
  return { ...event, side } as EngineEvent;
}

test("rows of side data are kept over a lost worker, and not asked for again", async () => {
  const { outcome } = await run(
    [play([withRows(0, 3)], unreachable), play([withRows(3, 2), finished])],
    rowed(),
  );
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([...(outcome.side?.top?.offsets ?? [])], [0, 2, 4, 6, 8, 10]);
  assert.deepEqual([...(outcome.side?.top?.ids ?? [])], [0, 1, 1, 2, 2, 3, 3, 4, 4, 5]);
  assert.deepEqual([...(outcome.side?.mask?.offsets ?? [])], [0, 3, 6, 9, 12, 15]);
});

const three = Uint32Array.of(0, 1, 2);
for (const [name, event] of [
  ["no rows", tokens(0, 2)],
  ["no mask", withRows(0, 2, { mask: null })],
  ["no alternatives", withRows(0, 2, { top: null })],
  ["a row too few", withRows(0, 2, { mask: { offsets: Uint32Array.of(0, 3), ids: three } })],
  ["an empty row", withRows(0, 2, { mask: { offsets: Uint32Array.of(0, 3, 3), ids: three } })],
  [
    "a mask without its token",
    withRows(0, 2, { mask: { offsets: Uint32Array.of(0, 2, 3), ids: Uint32Array.of(0, 1, 7) } }),
  ],
  [
    "more alternatives than asked for",
    withRows(0, 1, {
      top: {
        offsets: Uint32Array.of(0, 3),
        ids: three,
        logprobs: Float32Array.of(-1, -2, -3),
      },
    }),
  ],
  [
    "alternatives out of order",
    withRows(0, 1, {
      top: {
        offsets: Uint32Array.of(0, 2),
        ids: Uint32Array.of(0, 1),
        logprobs: Float32Array.of(-2, -1),
      },
    }),
  ],
] as const) {
  test(`tokens with ${name} are misaligned, and nothing of them is kept`, async () => {
    const { outcome, evidence } = await run(
      [play([event]), play([withRows(0, 2), finished])],
      rowed(),
    );
    assert.ok(!(outcome instanceof Error));
    assert.equal(evidence[0], "misaligned");
    assert.deepEqual([...outcome.outputTokenIds], [0, 1]);
    assert.equal(outcome.side?.mask?.ids.length, 6);
  });
}

test("a sampling mask beyond its limit ends the rollout, and is not cut", async () => {
  const width = 1 << 20;
  const ids = Uint32Array.from({ length: 3 * width }, (_, i) => i % width);
  const mask = { offsets: Uint32Array.of(0, width, 2 * width, 3 * width), ids };
  const events = [withRows(0, 3, { mask }), withRows(3, 3, { mask })];
  const { outcome } = await run([play([...events, finished])], rowed());
  assert.ok(outcome instanceof PacelineError);
  assert.equal(outcome.code, "side_data_too_large");
});

test("side data that cannot keep to its limits is refused before any work", () => {
  const { rollouts } = world([]);
  const sampling = { ...sampleRollout({}).sampling, maxNewTokens: 100_000 };
  const { want } = sampleRollout({});
  for (const [path, over] of [
    ["want.top_logprobs", { topLogprobs: 64 }],
    ["want.sampling_mask", { samplingMask: true }],
  ] as const) {
    assert.throws(
      () => rollouts.submit(sampleRollout({ sampling, want: { ...want, ...over } })),
      (error) =>
        error instanceof PacelineError &&
        error.code === "side_data_too_large" &&
        error.details["path"] === path,
    );
  }
});

/** A store that says what it keeps. */
function keeping(takes = true) {
  const kept = new Set<string>();
  const side = createScriptedSide();
  const sideStore: SideStore = {
    ...side,
    put(job, parts) {
      const ref = takes ? side.put(job, parts) : null;
      if (ref !== null) kept.add(ref);
      return ref;
    },
    release: (ref) => void kept.delete(ref),
  };
  return { kept, sideStore };
}

const byRef = (): Partial<Rollout> => ({ want: { ...wants(), sideByRef: true } });
const wants = (): Rollout["want"] => ({
  ...sampleRollout({}).want,
  ...{ topLogprobs: 2, samplingMask: true, promptLogprobs: { start: 0 } },
});

test("who wants references gets them, of all rows, as long as the Result is kept", async () => {
  const script = () => play([prompt, withRows(0, 5), finished]);
  const inline = await run([script()], { want: wants() });
  assert.ok(!(inline.outcome instanceof Error));
  const { kept, sideStore } = keeping();
  const w = await run([script()], byRef(), { sideStore });
  assert.ok(!(w.outcome instanceof Error));
  const { stored, ...rest } = w.outcome.side ?? {};
  assert.deepEqual(rest, { prompt: null, top: null, mask: null, experts: null });
  const [scores, top, mask] = [stored?.prompt, stored?.top, stored?.mask];
  assert.deepEqual([scores?.bytes, scores?.rows, scores?.entries, scores?.version], [12, 3, 3, 7]);
  assert.deepEqual([top?.bytes, top?.rows, top?.entries], [4 * (6 + 10 + 10), 5, 10]);
  assert.deepEqual([mask?.bytes, mask?.rows, mask?.entries], [4 * (6 + 15), 5, 15]);
  assert.deepEqual(new Set([scores?.ref, top?.ref, mask?.ref]), kept);
  assert.deepEqual((await wholeResult(w.outcome, w.rollouts)).side, inline.outcome.side);
  await w.clock.advance(60_000);
  assert.throws(() => w.rollouts.submit(sampleRollout(byRef())), { code: "not_found" });
  assert.deepEqual([...kept], []);
});

test("a part goes by reference by its own size", async () => {
  const { kept, sideStore } = keeping();
  const width = Math.ceil(SIDE_INLINE_BYTES / 4 / 5);
  const wide = (start: number, count: number): EngineEvent => {
    const offsets = Uint32Array.from({ length: count + 1 }, (_, row) => row * width);
    const ids = Uint32Array.from({ length: count * width }, (_, at) => at % width);
    return withRows(start, count, { mask: { offsets, ids } });
  };
  const w = await run([play([wide(0, 5), finished])], rowed(), { sideStore });
  assert.ok(!(w.outcome instanceof Error));
  const { top, mask, stored } = w.outcome.side ?? {};
  assert.deepEqual([top?.ids.length, mask, stored?.top], [10, null, null]);
  assert.deepEqual([stored?.mask?.entries, kept.size], [5 * width, 1]);
});

test("what ended early has its rows by reference, too, aligned with the tokens that it kept", async () => {
  const { sideStore } = keeping();
  const came = Promise.withResolvers<void>();
  const w = world(
    [
      async function* (request, signal) {
        yield* [prompt, withRows(0, 3)];
        came.resolve();
        yield* play([], "hang")(request, signal);
      },
    ],
    { sideStore },
  );
  w.rollouts.submit(sampleRollout(byRef()));
  await came.promise;
  const result = await w.rollouts.abort("default", sampleRollout({}).id, "client");
  assert.deepEqual([result.outputTokenIds.length, result.side?.stored?.top?.rows], [3, 3]);
});

test("what is withheld is kept nowhere", async () => {
  const { kept, sideStore } = keeping();
  const stale = { ...byRef(), version: { max_lag: 0 } };
  const w = await run([play([prompt, withRows(0, 5), finished])], stale, { sideStore });
  assert.ok(!(w.outcome instanceof Error));
  assert.deepEqual([w.outcome.finishReason.cause, w.outcome.side, kept.size], ["stale", null, 0]);
});

test("a store without room leaves them in the Result, and one that is full refuses before any work", async () => {
  const { sideStore } = keeping(false);
  const script = () => play([prompt, withRows(0, 5), finished]);
  const w = await run([script()], byRef(), { sideStore });
  assert.ok(!(w.outcome instanceof Error));
  const { outcome } = await run([script()], { want: wants() });
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual(w.outcome.side, outcome.side);
  const full = new PacelineError("spool_full", "a test");
  const assertRoom = (): void => {
    throw full;
  };
  const none = world([], { sideStore: { ...sideStore, assertRoom } });
  assert.throws(() => none.rollouts.submit(sampleRollout(byRef())), full);
  assert.equal(none.sent.length, 0);
});

test("without a spool rows stay in the Result, and a wish for references is unsupported", () => {
  const { rollouts } = world([]);
  assert.throws(() => rollouts.submit(sampleRollout(byRef())), {
    ...{ code: "unsupported", details: { path: "want.side_by_ref" } },
  });
});
