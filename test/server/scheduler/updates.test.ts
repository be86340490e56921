/** One worker is being updated, the other has room but is busy: who comes goes where it is sooner done. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Card } from "../../../server/scheduler/card.ts";
import { Bench, card, grants, held, only, worker } from "./samples.ts";

const UPDATE_MS = 2_000;

const long = (key: string, more: Partial<Card> = {}): Card =>
  card(key, { maxNewTokens: 1_000, expectedNewTokens: 1_000, ...more });

/** `w` under its second update, the first having taken two seconds; `busy` on `v`, at half a millisecond a step for each. */
function underUpdate(busy = 32): Bench {
  const bench = new Bench();
  const roomy = { kvTokens: 200_000 };
  const gate = { type: "gate", worker: "w", why: "update", onUpdate: "keep", graceMs: 0 } as const;
  bench.fleet(worker("w", {}, roomy), worker("v", {}, roomy));
  const step = { a: 0.01, s: 0.0005 };
  const idle = { slot: 0, kvUsedTokens: 0, running: 0, waiting: 0, prefillTokensPerSecond: 50_000 };
  for (const id of ["w", "v"]) bench.send({ type: "telemetry", worker: id, step, ...idle });
  bench.send(gate);
  const there = Array.from({ length: busy }, (_, i) => long(`busy${i}`));
  const began = there.map(({ key }) => `${key}>v`);
  assert.deepEqual(grants(bench.offer(...there)), began, "nobody knows yet how long it takes");
  bench.now += UPDATE_MS;
  bench.send({ type: "ungate", worker: "w" }, gate);
  return bench;
}

test("who comes waits for a worker that is free once its update is over", () => {
  const bench = underUpdate();
  const commands = bench.offer(long("1"));
  assert.deepEqual(grants(commands), []);
  bench.now += 100;
  bench.send({ type: "committed", policy: "p", version: 2 });
  const view = worker("w", { holds: [held(2)] }, { kvTokens: 200_000 });
  assert.deepEqual(grants(bench.send({ type: "worker", worker: view })), []);
  assert.deepEqual(grants(bench.send({ type: "ungate", worker: "w" })), ["1>w"]);
});

test("but not where the other is hardly slower", () => {
  assert.deepEqual(grants(underUpdate(2).offer(long("1"))), ["1>v"]);
});

test("nor for a version that it may not have", () => {
  const bench = underUpdate();
  bench.send({ type: "committed", policy: "p", version: 2 });
  assert.deepEqual(grants(bench.offer(long("1", { constraint: { exact: 1 } }))), ["1>v"]);
  assert.deepEqual(grants(bench.offer(long("2"))), []);
});

test("an update that takes longer than others is waited for no more", () => {
  const bench = underUpdate();
  const [wake] = only(bench.offer(long("1")), "wake");
  assert.equal(wake?.at, bench.now + UPDATE_MS);
  assert.deepEqual(grants(bench.tick(bench.now + UPDATE_MS - 1)), []);
  assert.deepEqual(grants(bench.tick(bench.now + 1)), ["1>v"]);
});

test("nor is a worker that was lost, or is drained instead", () => {
  for (const event of [
    { type: "worker_lost", worker: "w", incarnation: "w-1" },
    { type: "gate", worker: "w", why: "drain", onUpdate: "keep", graceMs: 0 },
  ] as const) {
    const bench = underUpdate();
    bench.offer(long("1"));
    assert.deepEqual(grants(bench.send(event)), ["1>v"]);
  }
});

test("who has others behind it goes now, and the last waits", () => {
  const bench = underUpdate();
  const commands = bench.offer(long("1"), long("2"), long("3"));
  assert.deepEqual(grants(commands), ["1>v", "2>v"]);
  bench.send({ type: "withdraw", key: "3" });
  assert.deepEqual(grants(bench.send({ type: "ungate", worker: "w" })), []);
  assert.equal(bench.scheduler.snapshot().waiting, 0);
});
