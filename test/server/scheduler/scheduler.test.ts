import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Bench, card, grants, only, worker } from "./samples.ts";

describe("faults and fencing", () => {
  test("a lost worker's attempts are revoked at once and go on elsewhere", () => {
    const bench = new Bench();
    bench.fleet(worker("w"), worker("v", { open: false }));
    bench.offer(card("1"), card("2"));
    bench.send({ type: "worker_lost", worker: "w", incarnation: "w-0" });
    assert.equal(bench.scheduler.snapshot().running, 2, "another incarnation is not this one");
    const lost = bench.send({ type: "worker_lost", worker: "w", incarnation: "w-1" });
    assert.deepEqual(
      lost,
      ["1", "2"].map((key) => ({ type: "revoke", key, attempt: 1, reason: "worker_lost" })),
    );
    assert.deepEqual(bench.scheduler.snapshot().running, 0);
    bench.send({ type: "worker", worker: worker("v") });
    assert.deepEqual(grants(bench.done("1")), [], "the end of what was lost changes nothing");
    assert.deepEqual(grants(bench.offer(card("1", { attempt: 2, outputTokens: 9 }))), ["1>v"]);
  });

  test("a new incarnation loses the old one's attempts and starts empty", () => {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { maxRunning: 1 }));
    bench.offer(card("1"), card("2"));
    const reborn = worker("w", { incarnation: "w-2" }, { maxRunning: 1 });
    const said = bench.send({ type: "worker", worker: reborn });
    assert.deepEqual(
      said.map((command) => command.type),
      ["revoke", "grant"],
    );
    assert.deepEqual(grants(said), ["2>w"]);
  });

  test("duplicates and what is late change nothing", () => {
    const bench = new Bench();
    bench.fleet(worker("w"));
    bench.offer(card("1", { attempt: 2 }));
    const before = bench.scheduler.snapshot();
    assert.deepEqual(bench.offer(card("1"), card("1", { attempt: 2 })), []);
    assert.deepEqual(bench.done("1", 1), []);
    bench.send({ type: "progress", key: "1", attempt: 1, outputTokens: 50 });
    assert.deepEqual(bench.scheduler.snapshot(), before);
    bench.done("1", 2);
    assert.deepEqual(bench.done("1", 2), []);
    assert.deepEqual(bench.offer(card("1", { attempt: 2 })), [], "it has ended already");
    bench.now = 60_000;
    assert.deepEqual(grants(bench.offer(card("1", { attempt: 2 }))), ["1>w"]);
  });

  test("a newer attempt takes the place of the older one", () => {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { maxRunning: 1 }));
    bench.offer(card("1"), card("2"));
    bench.offer(card("2", { attempt: 2 }));
    assert.deepEqual(only(bench.done("1"), "grant")[0]?.attempt, 2);
    assert.deepEqual(grants(bench.offer(card("2", { attempt: 3 }))), ["2>w"]);
    assert.deepEqual(bench.scheduler.snapshot().running, 1);
  });

  test("withdraw while waiting, while running and of nobody", () => {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { maxRunning: 1 }));
    bench.offer(card("1"), card("2"), card("3"));
    assert.deepEqual(bench.send({ type: "withdraw", key: "2" }), []);
    assert.deepEqual(grants(bench.send({ type: "withdraw", key: "1" })), ["3>w"]);
    assert.deepEqual(bench.send({ type: "withdraw", key: "nobody" }), []);
    assert.deepEqual(bench.scheduler.snapshot().jobs, [{ job: "j", waiting: 0, running: 1 }]);
  });

  test("a worker that lost an attempt gets nothing new until it is heard of, or a while later", () => {
    const bench = new Bench({ suspectMs: 500 });
    bench.fleet(worker("w", {}, { maxRunning: 2 }));
    bench.offer(card("1"), card("2"), card("3"), card("4"));
    const lost = (key: string) => bench.send({ type: "done", key, attempt: 1, outcome: "lost" });
    const said = lost("1");
    assert.deepEqual(grants(said), []);
    assert.deepEqual(only(said, "wake"), [{ type: "wake", at: 500 }]);
    assert.deepEqual(grants(bench.tick(499)), []);
    assert.deepEqual(grants(bench.tick(500)), ["3>w"]);
    lost("2");
    assert.deepEqual(grants(bench.send({ type: "worker", worker: worker("w") })), ["4>w"]);
  });
});
