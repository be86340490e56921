/** How far what can be cut may go, who goes on at once, and what a tier still keeps, by how full it is. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Attempt } from "../../../server/scheduler/attempts.ts";
import type { Card } from "../../../server/scheduler/card.ts";
import { Jobs } from "../../../server/scheduler/fairness.ts";
import { DEFAULT_OPTIONS } from "../../../server/scheduler/options.ts";
import { marksOf } from "../../../server/scheduler/prefix-marks.ts";
import { Roster } from "../../../server/scheduler/roster.ts";
import { Segments } from "../../../server/scheduler/segments.ts";
import type { Slot } from "../../../server/scheduler/slots.ts";
import { card, held, worker } from "./samples.ts";

const QUANTUM = 1_000;
const LIMIT = 16_000;
const OPTIONS = { ...DEFAULT_OPTIONS, tierShare: 0.8, fullTurnShare: 5 / 8 };
const TIERS = { hostTokens: 100_000, hostTokensPerSecond: 1e5, poolTokensPerSecond: null };

function fleet(): { segments: Segments; slots: readonly [Slot, Slot] } {
  const roster = new Roster(OPTIONS, { kindAdded() {}, kindRemoved() {}, kindChanged() {} });
  const slots = ["a", "b"].map((id) => roster.join(worker(id, { tiers: TIERS })).slots[0]);
  const segments = new Segments(OPTIONS);
  Object.assign(segments, { quantum: QUANTUM, tierTokens: TIERS.hostTokens });
  return { segments, slots: slots as unknown as readonly [Slot, Slot] };
}

/** The next attempt's card of a rollout that was cut there at so many tokens. */
function cut(segments: Segments, slot: Slot, key: string, outputTokens: number): Card {
  const shape = { cuttable: true, promptTokens: 0, maxNewTokens: LIMIT, outputTokens };
  const account = new Jobs(1).get("j").account("a");
  const it = card(key, shape);
  const marks = marksOf(it, null);
  segments.cut(new Attempt(it, slot, account, null, marks, held(1), 0, outputTokens));
  return card(key, { ...shape, attempt: 2 });
}

test("where a tier is full all is cut the same; what no tier could take goes to its end", () => {
  const { segments, slots } = fleet();
  cut(segments, slots[0], "other", 90_000);
  const begins = { cuttable: true, maxNewTokens: LIMIT };
  assert.equal(segments.tokens(card("it", begins)), QUANTUM);
  assert.equal(segments.tokens(card("it", { ...begins, promptTokens: 80_000 })), null);
});

test("what is cut beside a full tier goes on, until it has made 5/8 of its limit since it last gave way", () => {
  const { segments, slots } = fleet();
  cut(segments, slots[0], "other", 82_000);
  const stops = Array.from({ length: 15 }, (_, n) => (n + 1) * QUANTUM).filter(
    (at) => !segments.goesOn(cut(segments, slots[0], "it", at)),
  );
  // A turn of 10,000: at its end and no sooner.
  assert.deepEqual(stops, [10_000]);
});

test("each slot has a tier of its own: where that has room what is cut gives way", () => {
  const { segments, slots } = fleet();
  cut(segments, slots[0], "other", 90_000);
  assert.equal(segments.goesOn(cut(segments, slots[1], "it", 2 * QUANTUM)), false);
});

test("a tier drops the oldest, which has no home from then on", () => {
  const { segments, slots } = fleet();
  const oldest = cut(segments, slots[0], "oldest", 40_000);
  const second = cut(segments, slots[0], "second", 40_000);
  assert.equal(segments.homeOf(oldest), slots[0]);
  cut(segments, slots[0], "third", 40_000);
  assert.equal(segments.homeOf(oldest), null);
  assert.equal(segments.homeOf(second), slots[0]);
  assert.equal(segments.parkedAt(slots[0]), 80_000);
});

test("what was lost, not cut, does not go before others by it", () => {
  const { segments, slots } = fleet();
  cut(segments, slots[0], "other", 90_000);
  const { attempt, ...lost } = cut(segments, slots[0], "it", 2 * QUANTUM);
  assert.equal(segments.goesOn(card("it", { ...lost, attempt: attempt + 1 })), false);
});
