import assert from "node:assert/strict";
import { test } from "node:test";
import { type Ahead, KvProfile, peakTokensOf } from "../../../server/scheduler/kv-profile.ts";

const ahead = (contextTokens: number, more: Partial<Ahead> = {}): Ahead => {
  const likely = more.likely ?? 0;
  const alone = { length: null, margin: 1, ceiling: Number.POSITIVE_INFINITY };
  return { contextTokens, outputTokens: 0, likely, most: likely, ...alone, ...more };
};

test("who leaves makes room for those that stay: the peak is less than the sum of ends", () => {
  const profile = new KvProfile();
  const [short, long] = [ahead(1_000, { likely: 256 }), ahead(1_000, { likely: 4_096 })];
  profile.add(short);
  assert.equal(profile.peakTokens, 1_256);
  const row = profile.add(long);
  assert.equal(profile.peakTokens, 5_096, "the long one alone at its end, not 6,352");
  profile.remove(row);
  assert.equal(profile.peakTokens, 1_256);
});

test("all that begin together are at their ends together", () => {
  const profile = new KvProfile();
  for (let i = 0; i < 10; i++) profile.add(ahead(100, { likely: 300 }));
  assert.equal(profile.peakTokens, 4_000);
});

test("a length that is only likely holds what is probably still there", () => {
  const length = { mean: Math.log(4_000), sigma: 0.5 };
  const whole = peakTokensOf(ahead(0, { most: 60_000, length }));
  assert.ok(whole > 1_500 && whole < 4_000, `${whole}: half are gone at 4,000`);
  const cut = peakTokensOf(ahead(0, { most: 256, length }));
  assert.ok(Math.abs(cut - 256) < 1, "a segment ends for sure, and hardly anybody before");
  const past = peakTokensOf(ahead(9e6, { outputTokens: 9e6, likely: 7, most: 10, length }));
  assert.equal(past, 9e6 + 7, "beyond all likelihood the expected growth is all there is");
  assert.equal(peakTokensOf(ahead(500, { likely: 900, ceiling: 800 })), 800, "no more than a slot");
});
