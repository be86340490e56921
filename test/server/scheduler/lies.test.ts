/** Reports that no engine can mean: left out one by one, and the scheduler goes on. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SchedulerEvent } from "../../../server/scheduler/events.ts";
import { Bench, card, grants, held, only, worker } from "./samples.ts";

const { NaN: none, POSITIVE_INFINITY: endless } = Number;
const load = { slot: 0, kvUsedTokens: 0, running: 0, waiting: 0 };
const told = (more: object): SchedulerEvent =>
  ({
    type: "telemetry",
    worker: "w",
    ...load,
    step: null,
    prefillTokensPerSecond: null,
    ...more,
  }) as SchedulerEvent;

describe("telemetry that lies changes nothing", () => {
  const lies: readonly object[] = [
    ...[none, -1, endless].map((kvUsedTokens) => ({ kvUsedTokens, running: 1 })),
    ...[none, -1, 0, endless].map((prefillTokensPerSecond) => ({ prefillTokensPerSecond })),
    ...[none, -1, endless].flatMap((value) => [
      { step: { a: value, s: 0 } },
      { step: { a: 0.01, s: value } },
    ]),
    { step: { a: 0, s: 0 } },
    { step: { a: 0.01, s: 0 } },
    { slot: -1 },
    { slot: none },
    { worker: "stranger" },
    { running: -5, waiting: none },
  ];
  for (const lie of lies) {
    test(
      Object.entries(lie)
        .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
        .join(", "),
      () => {
        const bench = new Bench();
        bench.fleet(worker("w"), worker("other", { pool: "b" }));
        bench.send(told(lie));
        const commands = bench.offer(card("1", { pool: "a", promptTokens: 700 }));
        assert.deepEqual(grants(commands), ["1>w"]);
        const slot = bench.scheduler.snapshot().slots.find((each) => each.worker === "w");
        assert.ok(Number.isFinite(slot?.reservedTokens));
      },
    );
  }
});

test("a worker at which more sequences would cost nothing is not given them all", () => {
  for (const s of [0, 1e-9]) {
    const bench = new Bench();
    const shape = { kvTokens: 100_000 };
    bench.fleet(worker("w", {}, shape), worker("x", {}, shape));
    bench.send(told({ step: { a: 0.01, s } }), told({ worker: "x", step: { a: 0.01, s: 0.0001 } }));
    bench.offer(...Array.from({ length: 32 }, (_, i) => card(`${i}`, { promptTokens: 1 })));
    const running = bench.scheduler.snapshot().slots.map((slot) => slot.running);
    assert.deepEqual(running, [16, 16]);
  }
});

test("sizes that no slot has are none to place on", () => {
  for (const kvTokens of [none, -1, 0]) {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { kvTokens }));
    assert.equal(only(bench.offer(card("1")), "refuse").length, 1);
  }
  for (const maxRunning of [none, -1]) {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { maxRunning }));
    assert.equal(grants(bench.offer(card("1"), card("2"))).length, 1);
  }
});

test("progress that is no number, or goes back, or beyond the limit, keeps the books", () => {
  const bench = new Bench();
  bench.fleet(worker("w"));
  bench.offer(card("1"));
  for (const outputTokens of [none, -1, endless, 50, 3, 1_000]) {
    bench.send({ type: "progress", key: "1", attempt: 1, outputTokens });
  }
  assert.equal(bench.scheduler.snapshot().slots[0]?.reservedTokens, 200);
  bench.done("1", 1, none);
  assert.equal(bench.scheduler.snapshot().slots[0]?.reservedTokens, 0);
});

test("a clock that goes back, and versions that do, change nothing", () => {
  const bench = new Bench();
  bench.now = 10_000;
  bench.fleet(worker("w"));
  bench.send({ type: "committed", policy: "p", version: 3 });
  bench.now = 0;
  bench.send(
    { type: "committed", policy: "p", version: none },
    { type: "committed", policy: "p", version: 1 },
  );
  bench.send({ type: "worker", worker: worker("w", { holds: [held(1), held(none), held(3)] }) });
  const [grant] = only(bench.offer(card("1")), "grant");
  assert.equal(grant?.held.version, 3);
  bench.send({ type: "done", key: "1", attempt: 1, outcome: "lost" });
  const [wake] = only(bench.send({ type: "tick" }), "wake");
  assert.ok((wake?.at ?? 20_000) >= 10_000);
});

test("more KV in use than there is leaves no room, and no less than none", () => {
  const bench = new Bench();
  bench.fleet(worker("w"));
  bench.send(told({ kvUsedTokens: 5_000, running: 9 }));
  const [waits] = only(bench.offer(card("1")), "held");
  assert.equal(waits?.reason, "queue");
  assert.deepEqual(grants(bench.send(told({}))), ["1>w"]);
  const [slot] = bench.scheduler.snapshot().slots;
  assert.ok(slot !== undefined && slot.reservedTokens >= 200 && slot.reservedTokens <= 900);
});

test("a worker that says it holds an older version gets nobody who has a newer one's tokens", () => {
  const bench = new Bench();
  bench.fleet(worker("w"));
  bench.send({ type: "committed", policy: "p", version: 3 });
  bench.send({ type: "worker", worker: worker("w", { holds: [held(3)] }) });
  bench.send({ type: "worker", worker: worker("w", { holds: [held(1)] }) });
  const newer = card("newer", { attempt: 2, outputTokens: 5, lastVersion: 3 });
  assert.deepEqual(grants(bench.offer(newer, card("new"))), ["new>w"]);
});

test("a worker that flaps, and is told of a thousand times over, leaves nothing behind", () => {
  const bench = new Bench();
  bench.fleet(worker("w"));
  for (let life = 1; life <= 1_000; life++) {
    const incarnation = `w-${life}`;
    const view = worker("w", { incarnation, holds: [held(1)] });
    bench.send({ type: "worker", worker: view }, { type: "worker", worker: view });
    const key = `${life}`;
    bench.offer(card(key));
    bench.send({ type: "worker_lost", worker: "w", incarnation });
    bench.send({ type: "worker_lost", worker: "w", incarnation });
    bench.send({ type: "withdraw", key });
  }
  const { waiting, running, slots } = bench.scheduler.snapshot();
  assert.deepEqual({ waiting, running, slots }, { waiting: 0, running: 0, slots: [] });
});

test("of a worker that goes to another pool, what may not run there is moved", () => {
  const bench = new Bench();
  bench.fleet(worker("w"), worker("x"));
  bench.offer(card("bound", { pool: "a" }), card("listed", { pools: ["a"] }), card("free"));
  const at = new Map(
    ["w", "x"].map((id) => [
      id,
      bench.scheduler.snapshot().slots.find((s) => s.worker === id)?.running,
    ]),
  );
  const all = ["w", "x"].flatMap((id) =>
    bench.send({ type: "worker", worker: worker(id, { pool: "b" }) }),
  );
  assert.equal(
    [...at.values()].reduce<number>((sum, n) => sum + (n ?? 0), 0),
    3,
  );
  const revoked = only(all, "revoke").map(({ key, reason }) => `${key} ${reason}`);
  assert.deepEqual(revoked.sort(), ["bound pool_moved", "listed pool_moved"]);
  // Told once; what it is offered again for waits for its pool.
  assert.deepEqual(
    only(bench.send({ type: "worker", worker: worker("w", { pool: "b" }) }), "revoke"),
    [],
  );
  bench.send({ type: "done", key: "bound", attempt: 1, outcome: "revoked" });
  const [told] = only(bench.offer(card("bound", { pool: "a", attempt: 2 })), "held");
  assert.equal(told?.reason, "no_eligible_worker");
});
