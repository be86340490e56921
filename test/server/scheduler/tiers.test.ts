/** KV that is kept in a host's memory or in a pool: fetched where that is cheaper than computing it again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { KvTiers } from "../../../server/scheduler/events.ts";
import { Bench, card, grants, held, worker } from "./samples.ts";

const where = (commands: Parameters<typeof grants>[0]) => grants(commands)[0]?.split(">")[1];
const turn = (key: string, promptTokens: number) =>
  card(key, { session: "s", promptTokens, maxNewTokens: 200 });
const step = { a: 0.01, s: 0.0001 };
const load = { slot: 0, kvUsedTokens: 0, running: 0, waiting: 0, prefillTokensPerSecond: null };

interface Case {
  readonly what: string;
  readonly tiers: KvTiers | null;
  /** Slower than home by this, seconds a step: what moving there costs besides. */
  readonly stays: boolean;
}

const host = (rate: number, tokens = 100_000): KvTiers => {
  return { hostTokens: tokens, hostTokensPerSecond: rate, poolTokensPerSecond: null };
};

const CASES: readonly Case[] = [
  { what: "nowhere", tiers: null, stays: false },
  { what: "in a host's memory that is fast", tiers: host(200_000), stays: true },
  { what: "in a host's memory that is slower than computing", tiers: host(5_000), stays: false },
  {
    what: "in a host's memory that is too small for it",
    tiers: host(200_000, 1_000),
    stays: false,
  },
];

for (const { what, tiers, stays } of CASES) {
  test(`a session whose KV is no more in HBM, but ${what}: ${stays ? "stays" : "goes"}`, () => {
    const bench = new Bench();
    const views = ["w0", "w1"].map((id) => worker(id, { tiers }, { kvTokens: 20_000 }));
    bench.fleet(...views);
    const home = where(bench.offer(turn("1", 8_000))) ?? "";
    bench.done("1", 1, 200);
    const avoid = views.filter(({ id }) => id !== home).map(({ incarnation }) => incarnation);
    for (let i = 0; i < 3; i++) {
      bench.offer(card(`other${i}`, { promptTokens: 10_000, avoid }));
      bench.done(`other${i}`, 1, 8);
      bench.now += 2_000;
    }
    bench.now += 60_000;
    // A little slower at home: 100 ms over 200 tokens, where prefilling 8,000 takes 800 ms.
    bench.send({ type: "telemetry", worker: home, ...load, step: { ...step, a: 0.0105 } });
    assert.equal(where(bench.offer(turn("2", 8_300))) === home, stays);
  });
}

/** Where a session goes whose home is lost, with a worker that reaches the pool and one a little faster that does not. */
function afterLoss(version: number, poolTokensPerSecond: number): string | undefined {
  const pool: KvTiers = { hostTokens: 0, hostTokensPerSecond: 1, poolTokensPerSecond };
  const bench = new Bench();
  bench.fleet(worker("home", { tiers: pool }, { kvTokens: 50_000 }));
  bench.offer(turn("1", 8_000));
  bench.done("1", 1, 200);
  bench.send({ type: "worker_lost", worker: "home", incarnation: "home-1" });
  bench.send({ type: "committed", policy: "p", version });
  const holds = [held(version)];
  for (const [id, tiers, a] of [
    ["pooled", pool, 0.0105],
    ["alone", null, 0.01],
  ] as const) {
    bench.send({ type: "worker", worker: worker(id, { tiers, holds }, { kvTokens: 50_000 }) });
    bench.send({ type: "telemetry", worker: id, ...load, step: { ...step, a } });
  }
  return where(bench.offer(turn("2", 8_300)));
}

test("a session whose home is lost goes where its KV can be fetched from the pool", () => {
  assert.equal(afterLoss(1, 100_000), "pooled");
  assert.equal(afterLoss(1, 5_000), "alone", "computing it is faster");
  assert.equal(afterLoss(2, 100_000), "alone", "KV of another version");
});
