/** Stop strings, bad words and continued tokens. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import type { EngineEvent } from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { Rollout } from "../../../server/contract/rollout.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { finished, play, run, type Script, unreachable, world } from "./world.ts";

function spoken(start: number, text: string): EngineEvent {
  const ids = Uint32Array.from(Buffer.from(text));
  const logprobs = new Float32Array(ids.length).fill(-0.5);
  return { type: "tokens", chunk: { start, ids, logprobs, version: 7, mixed: false } };
}
const sampling = (over: Partial<Rollout["sampling"]>): Partial<Rollout> => ({
  sampling: { ...sampleRollout({}).sampling, maxNewTokens: 40, ...over },
});
const textOf = (ids: Uint32Array): string => Buffer.from(ids).toString();

test("a stop string ends the rollout at its last token, and the attempt inside the engine", async () => {
  let left = false;
  const script: Script = async function* () {
    try {
      yield spoken(0, "12, 1");
      yield spoken(5, "3;45;6");
      assert.fail("read on");
    } finally {
      left = true;
    }
  };
  const { outcome, sent } = await run([script], sampling({ stop: ["nowhere", "3;4"] }));
  assert.ok(!(outcome instanceof Error));
  assert.equal(textOf(outcome.outputTokenIds), "12, 13;4");
  assert.equal(outcome.logprobs.length, 8);
  assert.deepEqual(outcome.finishReason, { type: "stop", cause: "stop_string", matched: "3;4" });
  assert.equal(outcome.usage.wastedTokens, 3);
  assert.ok(left, "the engine was left");
  const done = sent.find((request) => request.type === "done");
  assert.deepEqual([done?.outcome, done?.outputTokens], ["finished", 8]);
});

test("a stop string is found across attempts, and over the border of continued tokens", async () => {
  const lost = await run(
    [play([spoken(0, "abc→d".slice(0, 3))], unreachable), play([spoken(3, "→de"), finished])],
    sampling({ stop: ["c→"] }),
  );
  assert.ok(!(lost.outcome instanceof Error));
  assert.equal(textOf(lost.outcome.outputTokenIds), "abc→");
  const { continueFrom } = continued("ab");
  const rest = await run([play([spoken(2, "cd"), finished])], {
    ...sampling({ stop: ["bc", "a"] }),
    continueFrom,
  });
  assert.ok(!(rest.outcome instanceof Error));
  assert.deepEqual(
    [textOf(rest.outcome.outputTokenIds), rest.outcome.finishReason.matched],
    ["abc", "bc"],
  );
});

test("rows of side data end with the token that completes a stop string", async () => {
  const bytes = Uint32Array.from(Buffer.from("abcd"));
  const offsets = Uint32Array.of(0, 1, 2, 3, 4);
  const side = { top: null, mask: { offsets, ids: bytes } };
  const { want } = sampleRollout({});
  const { outcome } = await run([play([{ ...spoken(0, "abcd"), side } as EngineEvent])], {
    ...sampling({ stop: ["b"] }),
    want: { ...want, samplingMask: true },
  });
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual([...(outcome.side?.mask?.offsets ?? [])], [0, 1, 2]);
  assert.equal(textOf(outcome.side?.mask?.ids ?? new Uint32Array(0)), "ab");
});

test("bad words reach the engine as tokens, with and without a space before them", async () => {
  const badWords = ["no", " yes"];
  const { requests } = await run([play([spoken(0, "a"), finished])], sampling({ badWords }));
  const words = requests[0]?.badWords.map((ids) => textOf(Uint32Array.from(ids)));
  assert.deepEqual(words, ["no", " no", " yes"]);
});

for (const field of ["stop", "badWords"] as const) {
  test(`${field} without a tokenizer are unsupported, and no engine is touched`, () => {
    const { rollouts, sent } = world([], { weights: tmpdir() });
    assert.throws(
      () => rollouts.submit(sampleRollout(sampling({ [field]: ["x"] }))),
      (error) =>
        error instanceof PacelineError &&
        error.code === "unsupported" &&
        error.details["path"] === (field === "stop" ? "sampling.stop" : "sampling.bad_words"),
    );
    assert.deepEqual(sent, []);
  });
}

/** Tokens of an earlier rollout, made under version 7. */
function continued(text: string): Pick<Rollout, "continueFrom"> {
  const ids = Uint32Array.from(Buffer.from(text));
  const logprobs = new Float32Array(ids.length).fill(-0.25);
  const span = {
    version: 7,
    label: null,
    baseVersion: null,
    kv: "pure",
    attested: "engine",
  } as const;
  return {
    continueFrom: {
      outputTokenIds: ids,
      logprobs,
      spans: [{ ...span, start: 0, end: ids.length }],
    },
  };
}

test("a rollout that must start over keeps the tokens that it was given to go on from", async () => {
  const { outcome, requests, handle } = await run(
    [play([spoken(2, "xyz")], unreachable), play([spoken(2, "cd"), finished])],
    { ...sampling({}), ...continued("ab") },
    { seeded: false },
  );
  assert.ok(!(outcome instanceof Error));
  assert.deepEqual(
    requests.map(({ outputTokenIds }) => textOf(outputTokenIds)),
    ["ab", "ab"],
  );
  assert.equal(textOf(outcome.outputTokenIds), "abcd");
  assert.equal(outcome.usage.wastedTokens, 3);
  assert.deepEqual(
    outcome.segments.map(({ worker, start, end }) => [worker, start, end]),
    [
      [null, 0, 2],
      ["w-1", 2, 4],
    ],
  );
  for await (const batch of handle.events(0, new AbortController().signal)) {
    const first = batch.find(({ event }) => event.type === "tokens")?.event;
    assert.ok(first?.type === "tokens" && first.chunk.start === 0, "readers are told of them");
    break;
  }
});
