/** A prefix that many have in common is held once: it is counted once, however they come and go. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Marks, marksOf } from "../../../server/scheduler/prefix-marks.ts";
import { SharedPrefixes } from "../../../server/scheduler/shared-prefixes.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { Bench, card, grants, HEADROOM, worker } from "./samples.ts";

/** 1,024 tokens of system, then blocks of its own. */
const prompt = (key: string, own: number) =>
  card(key, {
    promptTokens: 1_024 + 256 * own,
    prefix: [1, 2, 3, 4, ...Array.from({ length: own }, (_, i) => 1_000 * (1 + Number(key)) + i)],
    maxNewTokens: 10,
  });

test("sums are those of a full count, whoever comes and goes", () => {
  const random = seededRandom(testSeed("shared prefixes"));
  const shared = new SharedPrefixes();
  const there = new Map<string, ReturnType<typeof card>>();
  for (let n = 0; n < 2_000; n++) {
    const key = String(random.u32() % 40);
    const known = there.get(key);
    if (known === undefined) {
      const added = prompt(key, random.u32() % 9);
      there.set(key, added);
      shared.add(marksOf(added, null));
    } else {
      there.delete(key);
      shared.remove(marksOf(known, null));
    }
    // Nothing but the system's tokens is common here, and each but the first counts them too often.
    assert.equal(shared.tokens, 1_024 * Math.max(0, there.size - 1));
    assert.equal(shared.of(marksOf(prompt("99", 3), null)), there.size > 0 ? 1_024 : 0);
  }
});

test("prompts of one length have it in common by their group's id, others nothing, in whatever order they leave", () => {
  const group = { id: "g", size: 3, index: 0 };
  const shapes = [10, 200, 200] as const;
  const marks = shapes.map((promptTokens, i) =>
    marksOf(card(String(i), { promptTokens, group }), null),
  );
  const orders = [
    [0, 1, 2],
    [1, 0, 2],
    [1, 2, 0],
    [2, 1, 0],
  ];
  for (const coming of orders) {
    for (const leaving of orders) {
      const shared = new SharedPrefixes();
      for (const at of coming) {
        const before = shared.tokens;
        const foretold = shared.of(marks[at] as Marks);
        shared.add(marks[at] as Marks);
        assert.equal(shared.tokens, before + foretold);
      }
      assert.equal(shared.tokens, 200);
      for (const at of leaving) shared.remove(marks[at] as Marks);
      assert.equal(shared.tokens, 0);
    }
  }
});

test("a slot takes as many as fit with their prefix once", () => {
  const bench = new Bench();
  bench.fleet(worker("w", {}, { kvTokens: 4_000 }));
  const cards = Array.from({ length: 12 }, (_, i) => prompt(`${i + 1}`, 1));
  const granted = grants(bench.offer(...cards));
  assert.ok(granted.length >= 4, `${granted.length} of 12 run`);
  const [slot] = bench.scheduler.snapshot().slots;
  assert.ok((slot?.reservedTokens ?? 0) <= 4_000);
  for (const key of granted.map((grant) => grant.split(">")[0] ?? "")) bench.done(key, 1, 10);
  assert.ok((bench.scheduler.snapshot().slots[0]?.reservedTokens ?? -1) >= 0);
});

test("prefixes longer than their prompts make an empty engine look no fuller", () => {
  const bench = new Bench();
  bench.fleet(worker("w", {}, { kvTokens: 1_000 }));
  const claimed = { promptTokens: 10, prefix: [1, 2, 3, 4], maxNewTokens: 10 };
  bench.offer(card("1", claimed), card("2", claimed), card("3", claimed));
  bench.send({
    type: "telemetry",
    worker: "w",
    slot: 0,
    kvUsedTokens: 0,
    running: 3,
    waiting: 0,
    step: null,
    prefillTokensPerSecond: null,
  });
  for (const key of ["1", "2", "3"]) bench.done(key, 1, 10);
  const most = Math.floor(1_000 * (1 - HEADROOM));
  const whole = card("4", { promptTokens: most - 10, maxNewTokens: 10 });
  assert.deepEqual(grants(bench.offer(whole)), ["4>w"]);
});
