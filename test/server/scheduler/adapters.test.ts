/** LoRA adapters: whoever needs one goes where it is loaded, or where there is room for it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { HeldVersion } from "../../../server/contract/policy.ts";
import { LoadedAdapters } from "../../../server/scheduler/adapters.ts";
import type { WorkerView } from "../../../server/scheduler/events.ts";
import { Bench, card, grants, held, withAdapters, worker } from "./samples.ts";

const NAMES = ["a", "b", "c"];

const adapter = (version: number, policy: string): HeldVersion => ({
  ...held(version, policy),
  base: { policy: "p", version: 1, load: 1 },
});

/** Holds all adapters, of which its engine has room for two at once. */
function lora(id: string, version = 1): WorkerView {
  const holds = [held(1), ...NAMES.map((name) => adapter(version, name))];
  return withAdapters(worker(id, { holds }), 2);
}

function fleetOf(...ids: string[]): Bench {
  const bench = new Bench();
  bench.fleet(...ids.map((id) => lora(id)));
  for (const policy of NAMES) bench.send({ type: "committed", policy, version: 1 });
  return bench;
}

const short = (key: string, policy: string) =>
  card(key, { policy, promptTokens: 10, maxNewTokens: 20 });

test("what needs an adapter goes where it is loaded, though more runs there, until that costs more than a load", () => {
  const bench = fleetOf("v", "w");
  const [first = ""] = grants(bench.offer(short("0", "a")));
  const home = first.split(">")[1];
  const all = grants(bench.offer(...[1, 2, 3, 4].map((n) => short(`${n}`, "a"))));
  assert.deepEqual(new Set(all.map((grant) => grant.split(">")[1])), new Set([home]));
  // The base itself needs none, and goes where least runs.
  const [other = ""] = grants(bench.offer(short("base", "p")));
  assert.notEqual(other.split(">")[1], home);
  const long = Array.from({ length: 12 }, (_, n) =>
    card(`long-${n}`, { policy: "a", promptTokens: 10, maxNewTokens: 100 }),
  );
  assert.equal(new Set(grants(bench.offer(...long)).map((grant) => grant.split(">")[1])).size, 2);
});

test("where all that fit are in use nobody goes who needs another, as long as some worker has room", () => {
  const bench = fleetOf("v", "w");
  bench.send({ type: "worker", worker: { ...lora("w"), open: false } });
  assert.deepEqual(grants(bench.offer(short("1", "a"), short("2", "b"))), ["1>v", "2>v"]);
  bench.send({ type: "worker", worker: lora("w") });
  bench.offer(...[3, 4, 5, 6].map((n) => short(`${n}`, "p")));
  assert.deepEqual(grants(bench.offer(short("7", "c"))), ["7>w"]);
  // With its use over it stays loaded until another needs the room.
  bench.done("2");
  assert.deepEqual(grants(bench.offer(short("8", "b"))), ["8>v"]);
});

test("who finds no room at all waits, and takes the first that comes", () => {
  const bench = fleetOf("v");
  bench.offer(short("1", "a"), short("2", "b"));
  assert.deepEqual(grants(bench.offer(short("3", "c"))), []);
  assert.deepEqual(grants(bench.offer(short("4", "a"))), ["4>v"]);
  assert.deepEqual(grants(bench.done("1")), []);
  assert.deepEqual(grants(bench.done("2")), ["3>v"]);
});

test("another version is another adapter, and another engine has none", () => {
  const bench = fleetOf("v");
  bench.offer(short("1", "a"));
  bench.done("1");
  bench.send(
    { type: "worker", worker: lora("w", 2) },
    { type: "committed", policy: "a", version: 2 },
  );
  const newer = { ...short("2", "a"), constraint: { exact: 2 } as const };
  assert.deepEqual(grants(bench.offer(newer)), ["2>w"]);
  bench.send({ type: "worker_lost", worker: "v", incarnation: "v-1" });
  assert.deepEqual(grants(bench.offer({ ...short("3", "a"), constraint: null })), ["3>w"]);
});

test("what a worker has loaded it says itself: nobody pays for a load there, nor goes where there is none", () => {
  const bench = new Bench();
  const loaded = NAMES.slice(0, 2).map((policy) => ({ policy, version: 1 }));
  bench.fleet(lora("v"), { ...lora("w"), loaded });
  for (const policy of NAMES) bench.send({ type: "committed", policy, version: 1 });
  // `v` is as empty, and would have to load.
  assert.deepEqual(grants(bench.offer(short("1", "a"), short("2", "b"))), ["1>w", "2>w"]);
  assert.deepEqual(grants(bench.offer(short("3", "c"))), ["3>v"]);
});

test("slots of one worker share its engine's room", () => {
  const bench = new Bench();
  const view = lora("v");
  const [slot] = view.slots;
  assert.ok(slot);
  bench.fleet({ ...view, slots: [slot, { ...slot, index: 1 }] });
  for (const policy of NAMES) bench.send({ type: "committed", policy, version: 1 });
  assert.equal(grants(bench.offer(short("1", "a"), short("2", "b"))).length, 2);
  assert.deepEqual(grants(bench.offer(short("3", "c"))), []);
  assert.equal(grants(bench.done("1")).length, 1);
});

describe("an engine's adapters", () => {
  test("its own word: what is unused and not there is gone, what is there besides goes first, what is in use stays", () => {
    const loaded = new LoadedAdapters(3);
    loaded.use("a");
    loaded.use("b");
    loaded.release("b");
    assert.deepEqual(loaded.told(["c", "d", "e"]), { gone: ["b"], come: ["c", "d"] });
    assert.deepEqual(loaded.names, ["c", "d", "a"]);
    assert.equal(loaded.idle, true);
    assert.deepEqual(loaded.use("f"), ["c"]);
  });

  test("the least recently used goes, never one in use", () => {
    const loaded = new LoadedAdapters(2);
    assert.deepEqual(loaded.use("a"), []);
    assert.deepEqual(loaded.use("b"), []);
    loaded.release("a");
    loaded.release("b");
    loaded.use("a");
    assert.deepEqual(loaded.use("c"), ["b"]);
    assert.equal(loaded.idle, false);
  });

  test("one that comes where all are in use waits for the first to end", () => {
    const loaded = new LoadedAdapters(1);
    loaded.use("a");
    assert.deepEqual(loaded.use("b"), []);
    assert.deepEqual(loaded.names, ["a", "b"]);
    assert.deepEqual(loaded.release("a"), ["a"]);
    assert.equal(loaded.full, true);
    loaded.release("b");
    assert.equal(loaded.idle, true);
  });
});
