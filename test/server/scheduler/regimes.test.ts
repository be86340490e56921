/** Which regime is chosen on what grounds, and how work is ordered and cut in each. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SchedulerCommand, WorkerView } from "../../../server/scheduler/events.ts";
import type { SchedulerOptions } from "../../../server/scheduler/options.ts";
import { Bench, card, grants, only, worker } from "./samples.ts";

const TIERS = { hostTokens: 4_000, hostTokensPerSecond: 1e5, poolTokensPerSecond: 1e5 };
const SMALL: Partial<SchedulerOptions> = {
  segmentTokens: 64,
  rankTokens: 64,
  tierShare: 1,
};

const kept = (id: string, more: Partial<WorkerView> = {}, maxRunning = 2): WorkerView =>
  worker(id, { tiers: TIERS, ...more }, { kvTokens: 2_000, maxRunning });
const long = { maxNewTokens: 500, cuttable: true };

const segments = (commands: readonly SchedulerCommand[]): string[] =>
  only(commands, "grant").map(({ key, segment }) => `${key}:${segment}`);

function cut(bench: Bench, key: string, attempt: number, outputTokens: number): SchedulerCommand[] {
  const ended = bench.send({ type: "done", key, attempt, outcome: "cut", outputTokens });
  const next = { ...long, attempt: attempt + 1, outputTokens, lastVersion: 1 };
  return [...ended, ...bench.offer(card(key, next))];
}

describe("equal progress", () => {
  test("is chosen where what is cut comes back cheaply, and said with its reason", () => {
    const bench = new Bench(SMALL);
    bench.fleet(kept("w"));
    const [said] = only(bench.offer(card("1", long)), "regime");
    assert.equal(said?.regime, "equal_progress");
    assert.match(said?.reason ?? "", /cheap/);
    assert.equal(bench.scheduler.snapshot().regime?.regime, "equal_progress");
  });

  test("who was cut goes behind those with less, and is no suspect", () => {
    const bench = new Bench(SMALL);
    bench.fleet(kept("w"));
    assert.deepEqual(segments(bench.offer(card("1", long), card("2", long))), ["1:64", "2:64"]);
    bench.offer(card("3", long), card("4", long));
    assert.deepEqual(segments(cut(bench, "1", 1, 64)), ["3:64"]);
    assert.deepEqual(segments(cut(bench, "2", 1, 64)), ["4:64"]);
    assert.deepEqual(segments(cut(bench, "3", 1, 64)), ["1:64"], "all have 64: as they came");
    assert.deepEqual(segments(cut(bench, "4", 1, 64)), ["2:64"]);
  });

  test("a fault comes before what was cut, and the last segment is no segment", () => {
    const bench = new Bench(SMALL);
    bench.fleet(kept("w"));
    bench.offer(card("1", long), card("2", { ...long, maxNewTokens: 100 }), card("3", long));
    bench.send({ type: "done", key: "2", attempt: 1, outcome: "revoked", outputTokens: 64 });
    const again = { ...long, maxNewTokens: 100, attempt: 2, outputTokens: 64 };
    bench.offer(card("2", again));
    assert.deepEqual(segments(cut(bench, "1", 1, 64)), ["2:null"]);
  });

  test("it goes back to where its KV is", () => {
    const bench = new Bench(SMALL);
    bench.fleet(kept("a"), kept("b"), kept("c"));
    const [first] = only(bench.offer(card("1", long)), "grant");
    assert.deepEqual(grants(cut(bench, "1", 1, 64)), [`1>${first?.worker}`]);
  });

  const uncut: [string, WorkerView, object][] = [
    ["its engine has not proved resuming", unproven(), long],
    ["it may not be cut", kept("w"), { ...long, cuttable: false }],
    ["the tiers are full", kept("w", { tiers: { ...TIERS, hostTokens: 100 } }), long],
    ["what it comes to fits no worker", kept("w", { maxModelLen: 150 }), long],
  ];
  for (const [why, view, more] of uncut) {
    test(`nothing is cut where ${why}`, () => {
      const bench = new Bench(SMALL);
      bench.fleet(view);
      assert.deepEqual(segments(bench.offer(card("1", more))), ["1:null"]);
    });
  }
});

function unproven(): WorkerView {
  const view = kept("w");
  const resume = { seeded: false, penalties: false };
  return { ...view, capabilities: { ...view.capabilities, resume } };
}

describe("in order", () => {
  test("as they came, one of each group before the rest, while predictions do not hold", () => {
    const bench = new Bench();
    bench.fleet(worker("w", {}, { maxRunning: 1 }));
    bench.offer(card("busy"));
    for (const group of ["g", "h"]) {
      for (const index of [1, 0]) {
        bench.offer(card(`${group}${index}`, { group: { id: group, size: 2, index } }));
      }
    }
    const order = [];
    for (let key = "busy"; key !== ""; order.push(key)) {
      key = only(bench.done(key, 1, 10), "grant")[0]?.key ?? "";
    }
    assert.deepEqual(order, ["g0", "h0", "g1", "h1", ""]);
  });

  test("the longest first, by what prompts were last time, once that was right often enough", () => {
    const bench = new Bench({ calibrationWindow: 16, estimateAfter: 4, trustedSigma: 0.3 });
    bench.fleet(worker("w", {}, { kvTokens: 200_000, maxRunning: 1 }));
    const lengths = { s: 50, m: 400, l: 3_000 };
    type Name = keyof typeof lengths;
    const names: Name[] = ["s", "l", "m"];
    let serial = 0;
    const offer = (name: Name): string => {
      const group = { id: `${name}${serial}`, size: 2, index: 0 };
      const key = `${name}-${serial++}`;
      const asked = { prompt: name, maxNewTokens: 8_000, promptTokens: 10, group };
      bench.offer(card(key, asked), card(`${key}+`, { ...asked, group: { ...group, index: 1 } }));
      return key;
    };
    for (let epoch = 0; epoch < 12; epoch++) {
      for (const name of names) {
        const key = offer(name);
        bench.done(key, 1, lengths[name]);
        bench.done(`${key}+`, 1, lengths[name]);
      }
    }
    bench.tick(60_000);
    assert.ok((bench.scheduler.snapshot().regime?.sigmaErr ?? 1) < 0.3);
    bench.offer(card("busy", { promptTokens: 10 }));
    for (const name of names) offer(name);
    const order = [];
    for (let key = "busy"; key !== ""; ) {
      key =
        only(bench.done(key, 1, lengths[(key[0] ?? "s") as Name] ?? 100), "grant")[0]?.key ?? "";
      if (key !== "") order.push(key[0]);
    }
    assert.deepEqual(order, ["l", "l", "m", "m", "s", "s"]);
  });
});

test("what the next version would make too old goes first, from the commit on", () => {
  const bench = new Bench();
  bench.fleet(worker("w", {}, { maxRunning: 1 }));
  bench.offer(card("busy"), card("new"));
  const partial = { attempt: 2, outputTokens: 5, lastVersion: 1 };
  bench.offer(card("lost", partial), card("late", { ...partial, deadlineVersion: 2 }));
  bench.send({ type: "committed", policy: "p", version: 2 });
  assert.deepEqual(grants(bench.done("busy")), ["late>w"]);
  assert.deepEqual(grants(bench.done("late", 2)), ["lost>w"]);
  assert.deepEqual(grants(bench.done("lost", 2)), ["new>w"]);
});

test("what is learned of prompts is told at a look, once, and taken by the next scheduler", () => {
  const bench = new Bench({ estimateAfter: 2 });
  bench.fleet(worker("w"));
  for (const key of ["1", "2", "3"]) {
    bench.offer(card(key, { prompt: "p known" }));
    bench.done(key, 1, 50);
  }
  const [learned] = only(bench.tick(5_000), "learned");
  assert.deepEqual(
    learned?.histories.map(({ prompt }) => prompt),
    ["p known"],
  );
  assert.deepEqual(only(bench.tick(10_000), "learned"), []);
  const next = new Bench();
  assert.deepEqual(next.send({ type: "histories", histories: learned?.histories ?? [] }), []);
  assert.deepEqual(only(next.tick(5_000), "learned"), [], "it has nothing new to tell of it");
});
