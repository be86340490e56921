import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { OnUpdate } from "../../../server/contract/policy.ts";
import { Bench, card, grants, held, only, worker } from "./samples.ts";

const gate = (why: "update" | "drain" | "migrate", onUpdate: OnUpdate, graceMs: number) =>
  ({ type: "gate", worker: "w", why, onUpdate, graceMs }) as const;

function running(...wishes: (OnUpdate | null)[]): Bench {
  const bench = new Bench();
  bench.fleet(worker("w"));
  wishes.forEach((onUpdate, i) => {
    assert.equal(grants(bench.offer(card(`${i + 1}`, { onUpdate }))).length, 1);
  });
  return bench;
}

describe("update", () => {
  test("keep stays, reprefill is revoked and waited for, nothing new comes in", () => {
    const bench = running("keep", "reprefill", null);
    assert.deepEqual(bench.send(gate("update", "keep", 0)), [
      { type: "revoke", key: "2", attempt: 1, reason: "update" },
    ]);
    assert.equal(only(bench.offer(card("4")), "held")[0]?.reason, "no_eligible_worker");
    const said = bench.send({ type: "done", key: "2", attempt: 1, outcome: "revoked" });
    assert.deepEqual(said, [{ type: "gated", worker: "w", kept: ["1", "3"] }]);
    assert.deepEqual(bench.done("1"), [], "told once");
    bench.send({ type: "committed", policy: "p", version: 2 });
    const updated = worker("w", { holds: [held(2)] });
    assert.deepEqual(grants(bench.send({ type: "worker", worker: updated })), []);
    const lifted = only(bench.send({ type: "ungate", worker: "w" }), "grant");
    assert.deepEqual(
      lifted.map(({ key, held: { version } }) => `${key}@${version}`),
      ["4@2"],
    );
  });

  test("an engine that must compute before it is trusted is emptied of all, whatever they wish", () => {
    const bench = running("keep", "finish", null);
    const order = { ...gate("update", "keep", 500), empty: true };
    assert.deepEqual(
      only(bench.send(order), "revoke").map(({ key, reason }) => [key, reason]),
      [
        ["1", "update"],
        ["3", "update"],
      ],
    );
    for (const key of ["1", "3"]) {
      bench.send({ type: "done", key, attempt: 1, outcome: "revoked" });
    }
    const late = bench.tick(500);
    assert.deepEqual(
      only(late, "revoke").map(({ key }) => key),
      ["2"],
    );
    const said = bench.send({ type: "done", key: "2", attempt: 1, outcome: "revoked" });
    assert.deepEqual(said, [{ type: "gated", worker: "w", kept: [] }]);
  });

  test("the order's on_update is for those that have none", () => {
    const bench = running(null, "keep");
    assert.deepEqual(
      only(bench.send(gate("update", "reprefill", 0)), "revoke").map(({ key }) => key),
      ["1"],
    );
  });

  test("finish is waited for until the grace is over, then stays", () => {
    const bench = running("finish", "finish", "keep");
    assert.deepEqual(bench.send(gate("update", "keep", 300)), [{ type: "wake", at: 300 }]);
    assert.deepEqual(bench.done("1"), []);
    assert.deepEqual(bench.tick(299), [{ type: "wake", at: 300 }]);
    assert.deepEqual(bench.tick(300), [{ type: "gated", worker: "w", kept: ["2", "3"] }]);
  });

  test("a grace of its own is waited for instead, shorter or longer", () => {
    const bench = new Bench();
    bench.fleet(worker("w"));
    for (const updateGraceMs of [100, null, 900]) {
      bench.offer(card(`${updateGraceMs}`, { onUpdate: "finish", updateGraceMs }));
    }
    assert.deepEqual(bench.send(gate("update", "keep", 300)), [{ type: "wake", at: 100 }]);
    assert.deepEqual(bench.tick(100), [{ type: "wake", at: 300 }]);
    assert.deepEqual(bench.tick(300), [{ type: "wake", at: 900 }]);
    assert.deepEqual(bench.tick(900), [
      { type: "gated", worker: "w", kept: ["100", "null", "900"] },
    ]);
  });

  test("a grace of its own is an update's, not a drain's", () => {
    const bench = new Bench();
    bench.fleet(worker("w"));
    bench.offer(card("1", { onUpdate: "finish", updateGraceMs: 900 }));
    assert.deepEqual(bench.send(gate("drain", "keep", 50)), [{ type: "wake", at: 50 }]);
  });

  test("finish that ends in time needs no grace", () => {
    const bench = running("finish");
    bench.send(gate("update", "keep", 300));
    assert.deepEqual(bench.done("1"), [{ type: "gated", worker: "w", kept: [] }]);
  });

  test("an empty worker, one that keeps all, no grace at all, and a worker that is not there", () => {
    const order = gate("update", "keep", 100);
    assert.deepEqual(running().send(order), [{ type: "gated", worker: "w", kept: [] }]);
    assert.deepEqual(running(null).send(order), [{ type: "gated", worker: "w", kept: ["1"] }]);
    const impatient = running("finish").send({ ...order, graceMs: 0 });
    assert.deepEqual(impatient, [{ type: "gated", worker: "w", kept: ["1"] }]);
    const nobody = running().send({ ...order, worker: "x" });
    assert.deepEqual(nobody, [{ type: "gated", worker: "x", kept: [] }]);
  });
});

describe("drain and migrate", () => {
  test("drain waits for all, then revokes the rest and waits for their end", () => {
    const bench = running("keep", "reprefill");
    assert.deepEqual(bench.send(gate("drain", "keep", 50)), [{ type: "wake", at: 50 }]);
    bench.done("1");
    assert.deepEqual(bench.tick(50), [{ type: "revoke", key: "2", attempt: 1, reason: "drain" }]);
    assert.deepEqual(bench.send({ type: "withdraw", key: "2" }), [
      { type: "gated", worker: "w", kept: [] },
    ]);
  });

  test("migrate revokes all at once; a later gate replaces it and revokes nobody twice", () => {
    const bench = running(null, null);
    assert.equal(only(bench.send(gate("migrate", "keep", 0)), "revoke").length, 2);
    assert.deepEqual(bench.send(gate("drain", "keep", 0)), []);
    bench.done("1");
    assert.deepEqual(bench.done("2"), [{ type: "gated", worker: "w", kept: [] }]);
  });

  test("a revoked attempt holds its room until its end", () => {
    const bench = running(null);
    bench.send(gate("migrate", "keep", 0));
    assert.equal(bench.scheduler.snapshot().slots[0]?.reservedTokens, 200);
  });

  test("the loss of the worker ends the gate and what it waited for", () => {
    const bench = running("finish");
    bench.send(gate("drain", "keep", 1_000));
    assert.deepEqual(bench.send({ type: "worker_lost", worker: "w", incarnation: "w-1" }), [
      { type: "gated", worker: "w", kept: [] },
      { type: "revoke", key: "1", attempt: 1, reason: "worker_lost" },
    ]);
    assert.deepEqual(bench.tick(1_000), []);
    bench.send({ type: "worker", worker: worker("w", { incarnation: "w-2" }) });
    assert.deepEqual(grants(bench.offer(card("2"))), ["2>w"]);
  });
});
