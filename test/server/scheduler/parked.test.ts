/** What was cut, and whose KV only its own host has: when it waits for that, and when it is computed again elsewhere. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SchedulerCommand } from "../../../server/scheduler/events.ts";
import { Bench, card, grants, worker } from "./samples.ts";

const TIERS = { hostTokens: 40_000, hostTokensPerSecond: 2e5, poolTokensPerSecond: null };
const SIZES = { kvTokens: 40_000, maxRunning: 2 };
const OPTIONS = { segmentTokens: 1_000, rankTokens: 1_000 };
const long = { maxNewTokens: 30_000, cuttable: true };
const grown = { ...long, outputTokens: 4_000 };

/** Two workers, full of four rollouts that are to be cut. `prefill`: tokens/s. */
function full(prefill: number, outputTokens = 4_000): { bench: Bench; at: Map<string, string> } {
  const bench = new Bench(OPTIONS);
  bench.fleet(...["a", "b"].map((id) => worker(id, { tiers: TIERS }, SIZES)));
  for (const id of ["a", "b"]) {
    const load = { slot: 0, kvUsedTokens: 0, running: 0, waiting: 0 };
    const rates = { step: { a: 0.01, s: 0.0001 }, prefillTokensPerSecond: prefill };
    bench.send({ type: "telemetry", worker: id, ...load, ...rates });
  }
  const keys = ["1", "2", "3", "4"];
  const granted = grants(bench.offer(...keys.map((key) => card(key, { ...grown, outputTokens }))));
  return { bench, at: new Map(granted.map((grant) => grant.split(">") as [string, string])) };
}

function cut(bench: Bench, key: string, outputTokens = 5_000, attempt = 1): SchedulerCommand[] {
  const ended = bench.send({ type: "done", key, attempt, outcome: "cut", outputTokens });
  const next = { ...long, attempt: attempt + 1, outputTokens, lastVersion: 1 };
  return [...ended, ...bench.offer(card(key, next))];
}

const elsewhere = (at: ReadonlyMap<string, string>, key: string): string =>
  [...at.keys()].find((other) => at.get(other) !== at.get(key)) ?? "";

describe("a rollout that was cut, whose place went to one with less", () => {
  test("leaves room elsewhere to others while computing it again is dearer than to wait", () => {
    const { bench, at } = full(200);
    bench.offer(card("new", long));
    assert.deepEqual(grants(cut(bench, "1")), [`new>${at.get("1")}`]);
    assert.deepEqual(grants(bench.done(elsewhere(at, "1"), 1, 5_000)), []);
    assert.deepEqual(grants(bench.done("new", 1, 100)), [`1>${at.get("1")}`]);
  });

  test("goes there where computing is cheap", () => {
    const { bench, at } = full(1e6);
    bench.offer(card("new", long));
    cut(bench, "1");
    const other = elsewhere(at, "1");
    assert.deepEqual(grants(bench.done(other, 1, 5_000)), [`1>${at.get(other)}`]);
  });

  test("goes there when its own worker takes nothing new", () => {
    const { bench, at } = full(200);
    bench.offer(card("new", long));
    cut(bench, "1");
    const home = at.get("1") ?? "";
    bench.send({ type: "worker", worker: worker(home, { tiers: TIERS, open: false }, SIZES) });
    const other = elsewhere(at, "1");
    assert.deepEqual(grants(bench.done(other, 1, 5_000)), [`1>${at.get(other)}`]);
  });
});

test("a slot takes what was cut there before what was cut elsewhere and made less, but not before a newcomer", () => {
  const { bench, at } = full(200);
  const far = elsewhere(at, "1");
  bench.offer(card("n1", long), card("n2", long));
  cut(bench, far, 5_000);
  assert.deepEqual(grants(cut(bench, "1", 6_000)), [`n2>${at.get("1")}`]);
  bench.offer(card("n3", long));
  assert.deepEqual(grants(bench.done("n2", 1, 100)), [`n3>${at.get("1")}`]);
  assert.deepEqual(grants(bench.done("n3", 1, 100)), [`1>${at.get("1")}`]);
});
