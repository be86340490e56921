/** How far what can be cut may go, and who goes on at once, by how full the tiers are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_OPTIONS } from "../../../server/scheduler/options.ts";
import { Segments } from "../../../server/scheduler/segments.ts";
import { card } from "./samples.ts";

const QUANTUM = 1_000;
const LIMIT = 16_000;

function segments(pooled: boolean, parkedTokens: number): Segments {
  const made = new Segments({ ...DEFAULT_OPTIONS, tierShare: 0.8, fullTurnShare: 5 / 8 });
  Object.assign(made, { quantum: QUANTUM, tierTokens: 100_000, pooled });
  made.cut(card("other", { cuttable: true }), parkedTokens);
  return made;
}

/** The card of a rollout that was cut at so many tokens. */
function cutAt(made: Segments, outputTokens: number) {
  const shape = { cuttable: true, promptTokens: 0, maxNewTokens: LIMIT, outputTokens };
  made.cut(card("it", shape), outputTokens);
  return card("it", { ...shape, attempt: 2 });
}

test("a host that is full lets who begins go to its end; a pool cuts all the same", () => {
  const begins = card("it", { cuttable: true, maxNewTokens: LIMIT });
  assert.equal(segments(false, 80_000).tokens(begins), null);
  assert.equal(segments(true, 80_000).tokens(begins), QUANTUM);
  assert.equal(segments(false, 10_000).tokens(begins), QUANTUM);
});

test("with a full pool what is cut goes on, until it has made 5/8 of its limit since it last gave way", () => {
  const made = segments(true, 90_000);
  const goesOn = Array.from({ length: 15 }, (_, n) => made.goesOn(cutAt(made, (n + 1) * QUANTUM)));
  // A turn of 10,000: at its end and no sooner.
  assert.deepEqual(
    goesOn.map((goes, n) => (goes ? null : (n + 1) * QUANTUM)).filter((at) => at !== null),
    [10_000],
  );
});

test("while there is room for it, and where only its own host keeps it, what is cut gives way", () => {
  for (const made of [segments(true, 10_000), segments(false, 90_000)]) {
    assert.equal(made.goesOn(cutAt(made, 2 * QUANTUM)), false);
  }
});

test("what was lost, not cut, does not go before others by it", () => {
  const made = segments(true, 90_000);
  const { attempt, ...lost } = cutAt(made, 2 * QUANTUM);
  assert.equal(made.goesOn(card("it", { ...lost, attempt: attempt + 1 })), false);
});
