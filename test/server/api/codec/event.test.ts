import assert from "node:assert/strict";
import { suite, test } from "node:test";
import fc from "fast-check";
import { encodeEvent, sseFrame } from "../../../../server/api/codec/event.ts";
import { createEventReader } from "../../../../server/api/codec/event-reader.ts";
import { PacelineError } from "../../../../server/contract/errors.ts";
import { createResult } from "../../../../server/contract/result.ts";
import type { RolloutEvent } from "../../../../server/rollouts/service.ts";
import { arbitraryResult } from "../../../support/arbitrary-result.ts";
import { testSeed } from "../../../support/seeded-random.ts";

const tokens = (
  start: number,
  ids: number[],
  logprobs: number[],
  version: number | null,
): RolloutEvent => ({
  type: "tokens",
  chunk: {
    start,
    ids: Uint32Array.from(ids),
    logprobs: Float32Array.from(logprobs),
    version,
    mixed: version === null ? null : false,
  },
});

const EVENTS: readonly RolloutEvent[] = [
  { type: "accepted", id: "r-1" },
  { type: "placed", worker: "w-1", version: 7, attempt: 1 },
  tokens(0, [5, 4_294_967_295], [-0.1, -2.3], 7),
  tokens(2, [7], [0], null),
  { type: "held", reason: "no worker\n\u2028 holds version 9" },
  {
    type: "moved",
    from: "w-1",
    to: "w-2",
    reason: "worker_lost",
    resume: "prefill",
    keptTokens: 1,
  },
  tokens(1, [9], [-1e-30], 8),
  {
    type: "error",
    error: new PacelineError("misaligned", "null at 3", { details: { position: 3 } }),
  },
];

for (const encoding of ["json", "b64"] as const) {
  suite(`events in ${encoding}`, () => {
    test("come back as they were, and each is one line", () => {
      const reader = createEventReader();
      for (const event of EVENTS) {
        const text = encodeEvent(event, encoding);
        assert.doesNotMatch(text, /[\r\n]/);
        const back = reader.read(event.type, JSON.parse(text));
        if (event.type === "error") {
          assert.ok(back.type === "error");
          assert.deepEqual(back.error.toBody(), event.error.toBody());
        } else {
          assert.deepEqual(back, event);
        }
      }
    });

    test("`finished` leaves out the arrays, and its reader has them", () => {
      fc.assert(
        fc.property(arbitraryResult(), (result) => {
          const { outputTokenIds: ids, logprobs } = result;
          const reader = createEventReader();
          const chunk = { start: 0, ids, logprobs, version: 1, mixed: null };
          reader.read("tokens", JSON.parse(encodeEvent({ type: "tokens", chunk }, encoding)));
          const text = encodeEvent({ type: "finished", result }, encoding);
          const fields = Object.keys(JSON.parse(text) as object);
          assert.ok(!fields.includes("output_token_ids") && !fields.includes("logprobs"));
          assert.deepEqual(reader.read("finished", JSON.parse(text)), { type: "finished", result });
        }),
        { seed: testSeed(`events in ${encoding}`), numRuns: 50 },
      );
    });
  });
}

for (const cause of ["stale", "timeout"] as const) {
  test(`a reader keeps no token beyond what the Result has: ended as ${cause}`, () => {
    const [result] = fc.sample(arbitraryResult(), { seed: 1, numRuns: 1 });
    assert.ok(result !== undefined);
    const { usage } = result;
    const empty = createResult({
      ...result,
      outputTokenIds: new Uint32Array(0),
      logprobs: new Float32Array(0),
      spans: [],
      segments: [],
      finishReason: { type: "abort", cause, matched: null },
      usage: { ...usage, outputTokens: 0 },
      stale: null,
      side: null,
    });
    const reader = createEventReader();
    reader.read("tokens", JSON.parse(encodeEvent(tokens(0, [5, 6], [-0.1, -0.2], 7), "json")));
    const finished = { type: "finished", result: empty } as const;
    const text = encodeEvent(finished, "json");
    assert.deepEqual(reader.read("finished", JSON.parse(text)), finished);
  });
}

test("a frame has the sequence number as its id and the event's name", () => {
  assert.equal(
    sseFrame(4, { type: "accepted", id: "r-1" }, "json"),
    'id: 4\nevent: accepted\ndata: {"id":"r-1"}\n\n',
  );
});

suite("a reader refuses", () => {
  const WRONG: readonly [name: string, event: string, data: unknown][] = [
    ["an unknown event", "surprise", {}],
    ["tokens after a gap", "tokens", { start: 3, output_token_ids: [1], logprobs: [-1] }],
    ["tokens without logprobs", "tokens", { start: 0, output_token_ids: [1], logprobs: [] }],
    ["an end without its tokens", "finished", { id: "r-1" }],
    ["an error that is none of ours", "error", { error: { code: "whatever" } }],
  ];
  for (const [name, event, data] of WRONG) {
    test(name, () => {
      assert.throws(() => createEventReader().read(event, data), PacelineError);
    });
  }
});
