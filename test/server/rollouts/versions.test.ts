/** Versions that an engine tells only at the end, and what is nobody's until it does (I2). */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { EngineEvent } from "../../../adapters/engine.ts";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { Result } from "../../../server/contract/result.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { settle } from "../../support/virtual-clock.ts";
import { play, run, tokens, unreachable, world } from "./world.ts";

const untold = (start: number, count: number): EngineEvent => {
  const event = tokens(start, count) as Extract<EngineEvent, { type: "tokens" }>;
  return { ...event, chunk: { ...event.chunk, version: null, mixed: null } };
};
const told = (...versions: readonly (readonly [number, number, number])[]): EngineEvent => ({
  type: "finished",
  reason: { type: "length", cause: "max_new", matched: null },
  cachedTokens: 0,

  versions: versions.map(([version, start, end]) => ({ version, start, end })),
});

describe("an engine that tells versions only at the end (I2)", () => {
  const spansOf = ({ outcome }: { outcome: unknown }) => {
    assert.ok(!(outcome instanceof Error), String(outcome));
    return (outcome as Result).spans.map(({ version, start, end, kv, attested }) =>
      [version, start, end, kv, attested].join(" "),
    );
  };

  test("is believed: what came behind an update is of both, and split where it says", async () => {
    const made = await run(
      [play([untold(0, 3), untold(3, 3), told([7, 0, 2], [8, 2, 6])])],
      {},
      { holds: [7, 8] },
    );
    assert.deepEqual(spansOf(made), ["7 0 2 pure engine", "8 2 6 mixed engine"]);
    assert.deepEqual(
      (made.outcome as Result).segments.map(({ start, end, attempt }) => [start, end, attempt]),
      [
        [0, 2, 1],
        [2, 6, 1],
      ],
    );
    const events: unknown[] = [];
    for await (const batch of made.handle.events(0, AbortSignal.timeout(5_000))) {
      for (const { event } of batch) if (event.type === "tokens") events.push(event.chunk.version);
    }
    assert.deepEqual(events, [7, null]);
  });

  test("whose KV was computed anew amid a later version: from there on it is of that one alone", async () => {
    const end = told([7, 0, 2], [8, 2, 4], [8, 4, 6]);
    assert.ok(end.type === "finished" && end.versions !== null);
    const versions = end.versions.map((one) => (one.start === 4 ? { ...one, rebuilt: true } : one));
    const made = await run(
      [play([untold(0, 3), untold(3, 3), { ...end, versions }])],
      {},
      { holds: [7, 8] },
    );
    assert.deepEqual(spansOf(made), [
      "7 0 2 pure engine",
      "8 2 4 mixed engine",
      "8 4 6 pure engine",
    ]);
  });

  test("whose KV may have been computed anew, as far as anybody can tell: neither is claimed", async () => {
    const end = told([7, 0, 2], [8, 2, 6]);
    assert.ok(end.type === "finished" && end.versions !== null);
    const versions = end.versions.map((one) => ({
      ...one,
      rebuilt: one.version === 8 ? null : false,
    }));
    const made = await run(
      [play([untold(0, 3), untold(3, 3), { ...end, versions }])],
      {},
      { holds: [7, 8] },
    );
    assert.deepEqual(spansOf(made), ["7 0 2 pure engine", "8 2 6 unknown engine"]);
  });

  test("a first span of a later version than it was placed on may rest on what was cached before", async () => {
    const made = await run([play([untold(0, 2), told([8, 0, 2])])], {}, { holds: [8] });
    assert.deepEqual(spansOf(made), ["8 0 2 unknown engine"]);
  });

  test("what a lost worker made behind an update is nobody's: it is made again", async () => {
    const made = await run(
      [play([untold(0, 3), untold(3, 3)], unreachable), play([untold(3, 2), told([7, 3, 5])])],
      {},
      { holds: [7, 8] },
    );
    assert.equal(made.requests[1]?.outputTokenIds.length, 3);
    assert.deepEqual(spansOf(made), ["7 0 3 pure coordinator", "7 3 5 pure engine"]);
    assert.equal((made.outcome as Result).usage.wastedTokens, 3);
  });

  test("cut short by an abort, such tokens say so; under a version constraint they are withheld", async () => {
    for (const version of [null, { max_lag: 5 }]) {
      const w = world([play([untold(0, 3), untold(3, 3)], "hang")], { holds: [7, 8] });
      const handle = w.rollouts.submit(sampleRollout({ version }));
      await settle();
      const outcome = await w.rollouts.abort("default", handle.id, "client");
      assert.deepEqual(
        spansOf({ outcome }),
        version === null
          ? ["7 0 3 pure coordinator", "7 3 6 unknown none"]
          : ["7 0 3 pure coordinator"],
      );
    }
  });

  for (const [what, versions] of [
    ["do not cover its tokens", [[7, 0, 2]]],
    [
      "overlap",
      [
        [7, 0, 2],
        [8, 1, 3],
      ],
    ],
    ["go on behind them", [[7, 0, 4]]],
    ["were never proven", [[9, 0, 3]]],
  ] as const) {
    test(`versions that ${what} fail the attempt`, async () => {
      const { outcome, evidence } = await run([play([untold(0, 3), told(...versions)])]);
      assert.ok(outcome instanceof PacelineError);
      assert.equal(evidence[0], versions[0][0] === 9 ? "misversioned" : "engine_error");
    });
  }
});
