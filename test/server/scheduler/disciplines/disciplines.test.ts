/** What each rule does on an idle fleet of three, and what tells it from the others. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Card } from "../../../../server/scheduler/card.ts";
import { createDiscipline } from "../../../../server/scheduler/disciplines/disciplines.ts";
import {
  DISCIPLINE_NAMES,
  type DisciplineName,
} from "../../../../server/scheduler/disciplines/names.ts";
import { Bench, card, grants, held, only, withAdapters, worker } from "../samples.ts";

const fleet = (name: DisciplineName, shape = { kvTokens: 100_000 }): Bench => {
  const bench = new Bench({}, (...parts) => createDiscipline(name, ...parts));
  bench.fleet(...["a", "b", "c"].map((id) => worker(id, {}, shape)));
  return bench;
};

/** Worker of each, in the order of the cards. */
function placed(bench: Bench, cards: readonly Card[]): string {
  const granted = new Map(
    grants(bench.offer(...cards)).map((pair) => {
      const [key = "", id = ""] = pair.split(">");
      return [key, id] as const;
    }),
  );
  return cards.map(({ key }) => granted.get(key) ?? "-").join("");
}

const many = (count: number, more: (i: number) => Partial<Card> = () => ({})): Card[] =>
  Array.from({ length: count }, (_, i) => card(`r${i}`, more(i)));
const inGroups = (i: number): Partial<Card> => ({
  group: { id: `g${Math.floor(i / 2)}`, size: 2, index: i % 2 },
});

test("in turns: each to the next, or siblings together", () => {
  assert.equal(placed(fleet("request-round-robin"), many(7, inGroups)), "abcabca");
  assert.equal(placed(fleet("group-round-robin"), many(8, inGroups)), "aabbccaa");
});

test("to the fewest requests; of two drawn to the one with fewer", () => {
  const bench = fleet("least-requests");
  assert.equal(placed(bench, many(6)), "abcabc");
  bench.done("r1");
  bench.done("r4");
  assert.equal(placed(bench, [card("x"), card("y"), card("z")]), "bba");
  const counts = new Map<string, number>();
  for (const id of placed(fleet("power-of-two"), many(300)))
    counts.set(id, (counts.get(id) ?? 0) + 1);
  // Two choices keep the longest queue within a few of the mean; one alone would be off by tens.
  assert.ok(
    [...counts.values()].every((count) => Math.abs(count - 100) < 6),
    `${[...counts]}`,
  );
});

test("by hash: a session, else a group, stays together; who leaves moves only its own", () => {
  const bench = fleet("consistent-hash");
  const before = placed(bench, many(60, inGroups));
  for (let i = 0; i < 60; i += 2) assert.equal(before[i], before[i + 1]);
  assert.equal(new Set(before).size, 3);
  const later = fleet("consistent-hash");
  later.send({ type: "worker_lost", worker: "b", incarnation: "b-1" });
  const after = placed(later, many(60, inGroups));
  for (let i = 0; i < 60; i++) if (before[i] !== "b") assert.equal(after[i], before[i]);
});

test("sticky: a session stays, however loaded its home is, until it is finished", () => {
  const bench = fleet("sticky-least-loaded");
  const turn = (key: string, session: string): Card => card(key, { session });
  assert.equal(
    placed(bench, [turn("1", "s"), turn("2", "t"), turn("3", "s"), turn("4", "s")]),
    "abaa",
  );
  bench.send({ type: "session_finished", session: "s" });
  assert.equal(placed(bench, [turn("5", "u")]), "a");
});

test("cache-aware: to the longest known prefix, until the queues are apart", () => {
  const bench = fleet("cache-aware", { kvTokens: 1_000_000 });
  const prompt = (blocks: readonly number[]): Partial<Card> => ({
    prefix: blocks,
    promptTokens: 256 * blocks.length + 1,
  });
  assert.equal(placed(bench, [card("a", prompt([1, 2])), card("b", prompt([3]))]), "ab");
  assert.equal(placed(bench, [card("c", prompt([1, 2, 4])), card("d", prompt([3]))]), "ab");
  assert.equal(placed(bench, [card("e", prompt([1, 9, 9]))]), "c", "a third is not half");
  const rest = placed(
    bench,
    many(60, () => prompt([1, 2])),
  );
  assert.ok(rest.startsWith("a".repeat(20)));
  assert.ok(rest.includes("b") && rest.includes("c"), "33 requests apart, the shortest queue");
});

test("Dynamo's cost weighs what is cached against what runs", () => {
  const bench = fleet("dynamo", { kvTokens: 1_000_000 });
  const prompt = (id: number): Partial<Card> => ({ prefix: [id, id + 1], promptTokens: 520 });
  const first = placed(bench, [card("a", prompt(1))]);
  // The same prompt costs 8 to prefill there, but 520 decode and 520 pending: elsewhere it is 520 + 520.
  const second = placed(bench, [card("b", prompt(1))]);
  assert.notEqual(second, first);
  bench.done("a");
  bench.done("b");
  assert.ok([first, second].includes(placed(bench, [card("c", prompt(1))])), "where it is cached");
});

test("pull: whoever has room takes the head; an end makes room", () => {
  const bench = fleet("pull-fcfs", { kvTokens: 400 });
  const cards = many(8, () => ({ promptTokens: 100, maxNewTokens: 100 }));
  // 360 usable; each takes 100 and a quarter of 50.
  assert.equal(placed(bench, cards), "abcabcab");
  const more = many(3, (i) => ({ key: `w${i}`, promptTokens: 100 }));
  assert.equal(placed(bench, more), "c--");
  assert.deepEqual(grants(bench.done("r1", 1, 50)), ["w1>b"]);
});

for (const name of DISCIPLINE_NAMES) {
  test(`${name}: none eligible waits and is told why, and goes once one is`, () => {
    const bench = new Bench({}, (...parts) => createDiscipline(name, ...parts));
    const told = bench.offer(card("r"));
    assert.deepEqual(
      only(told, "held").map(({ reason }) => reason),
      ["no_eligible_worker"],
    );
    assert.deepEqual(grants(bench.fleet(worker("w"))), ["r>w"]);
  });

  test(`${name}: who needs another adapter than there is room for waits, whoever else comes`, () => {
    const bench = new Bench({}, (...parts) => createDiscipline(name, ...parts));
    bench.send({ type: "committed", policy: "q", version: 1 });
    bench.send({ type: "committed", policy: "r", version: 1 });
    const base = { policy: "p", version: 1, load: 1 };
    const holds = [held(1), { ...held(1, "q"), base }, { ...held(1, "r"), base }];
    bench.fleet(withAdapters(worker("w", { holds }), 1));
    const cards = ["q", "r", "q", "p"].map((policy, i) => card(`${i}`, { policy }));
    assert.deepEqual(grants(bench.offer(...cards)), ["0>w", "2>w", "3>w"]);
    assert.deepEqual(grants(bench.done("0")), []);
    assert.deepEqual(grants(bench.done("2")), ["1>w"]);
  });

  test(`${name}: what no worker can do or hold is refused`, () => {
    const bench = fleet(name, { kvTokens: 1_000 });
    const structured = bench.offer(card("r", { features: ["structured"] }));
    assert.deepEqual(
      only(structured, "refuse").map(({ code }) => code),
      ["unsupported"],
    );
    const long = bench.offer(card("s", { promptTokens: 5_000 }));
    assert.deepEqual(
      only(long, "refuse").map(({ code }) => code),
      ["prompt_too_long"],
    );
  });
}
