import assert from "node:assert/strict";
import { test } from "node:test";
import { type Ahead, holdingOf, KvProfile, peakOf } from "../../../server/scheduler/kv-profile.ts";

const ALL = Number.POSITIVE_INFINITY;
const ahead = (contextTokens: number, more: Partial<Ahead> = {}): Ahead => {
  const growth = more.growth ?? 0;
  return { contextTokens, outputTokens: 0, growth, most: growth, length: null, margin: 1, ...more };
};

test("who leaves makes room for those that stay: the peak is less than the sum of ends", () => {
  const profile = new KvProfile();
  const [short, long] = [ahead(1_000, { growth: 256 }), ahead(1_000, { growth: 4_096 })];
  profile.add(holdingOf(short, ALL));
  assert.equal(profile.peakTokens, 1_256);
  profile.add(holdingOf(long, ALL));
  assert.equal(profile.peakTokens, 5_096, "the long one alone at its end, not 6,352");
  profile.remove(holdingOf(long, ALL));
  assert.equal(profile.peakTokens, 1_256);
});

test("all that begin together are at their ends together", () => {
  const profile = new KvProfile();
  for (let i = 0; i < 10; i++) profile.add(holdingOf(ahead(100, { growth: 300 }), ALL));
  assert.equal(profile.peakTokens, 4_000);
});

test("a length that is only likely holds what is probably still there", () => {
  const length = { mean: Math.log(4_000), sigma: 0.5 };
  const whole = peakOf(holdingOf(ahead(0, { most: 60_000, length }), ALL));
  assert.ok(whole > 1_500 && whole < 4_000, `${whole}: half are gone at 4,000`);
  const cut = holdingOf(ahead(0, { most: 256, length }), ALL);
  assert.ok(Math.abs(peakOf(cut) - 256) < 1, "a segment ends for sure, and hardly anybody before");
  const past = holdingOf(ahead(9e6, { outputTokens: 9e6, growth: 7, most: 10, length }), ALL);
  assert.equal(peakOf(past), 9e6 + 7, "beyond all likelihood the expected growth is all there is");
  assert.equal(peakOf(holdingOf(ahead(500, { growth: 900 }), 800)), 800, "no more than a slot");
});
