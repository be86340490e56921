/** What engines tell of their caches: believed exactly, bounded, and void with the life that it is of. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { SchedulerEvent } from "../../../server/scheduler/events.ts";
import { prefixHashes, prefixRoot, prefixStep } from "../../../server/scheduler/prefix.ts";
import { Bench, card, grants, held, worker } from "./samples.ts";

const roomy = { kvTokens: 100_000 };
const hashes = Array.from({ length: 16 }, (_, i) => (i * 0x9e3779b1) >>> 0);
const prompt = (key: string) => card(key, { promptTokens: 4_200, prefix: hashes, maxNewTokens: 8 });
const where = (commands: Parameters<typeof grants>[0]) => grants(commands)[0]?.split(">")[1];

type Cache = Extract<SchedulerEvent, { type: "cache" }>;
const told = (more: Partial<Cache>): Cache => ({
  type: "cache",
  worker: "w0",
  slot: 0,
  life: 1,
  kind: "stored",
  blocks: hashes,
  ...more,
});

/** Where a prompt goes after these events, on workers of which those after `w0` are a little faster. */
function goesTo(...events: SchedulerEvent[]): string | undefined {
  const bench = new Bench();
  bench.fleet(...["w0", "w1", "w2"].map((id) => worker(id, {}, roomy)));
  bench.send(...events);
  const load = { slot: 0, kvUsedTokens: 0, running: 0, waiting: 0, prefillTokensPerSecond: null };
  for (const [at, id] of ["w0", "w1", "w2"].entries()) {
    const step = { a: at === 0 ? 0.011 : 0.01, s: 0.0001 };
    bench.send({ type: "telemetry", worker: id, ...load, step });
  }
  return where(bench.offer(prompt("1")));
}

describe("an engine's cache events", () => {
  const cases: readonly [string, readonly SchedulerEvent[], boolean][] = [
    ["nothing told", [], false],
    ["stored", [told({})], true],
    ["half of it stored", [told({ blocks: hashes.slice(0, 8) })], true],
    [
      "too little stored to be worth it",
      [told({ blocks: hashes.slice(0, 1) }), told({ kind: "removed", blocks: hashes.slice(0, 1) })],
      false,
    ],
    ["stored and removed", [told({}), told({ kind: "removed" })], false],
    ["its end removed", [told({}), told({ kind: "removed", blocks: hashes.slice(12) })], true],
    ["stored and cleared", [told({}), told({ kind: "cleared", blocks: [] })], false],
    ["another life", [told({}), told({ life: 2, blocks: [] })], false],
    ["an older life", [told({ life: 2, blocks: [] }), told({ life: 1 })], false],
    ["a slot that is not there", [told({ slot: 9 })], false],
    ["a worker that is not there", [told({ worker: "w9" })], false],
    ["a life that is none", [told({ life: Number.NaN })], false],
    [
      "the worker restarted",
      [told({}), { type: "worker", worker: worker("w0", { incarnation: "w0-2" }, roomy) }],
      false,
    ],
  ];
  for (const [what, events, there] of cases) {
    test(`${what}: ${there ? "goes there" : "goes elsewhere"}`, () => {
      assert.equal(goesTo(...events) === "w0", there);
    });
  }

  test("what was predicted and never told is not believed for long", () => {
    const bench = new Bench();
    bench.fleet(...["w0", "w1"].map((id) => worker(id, {}, roomy)));
    bench.send(told({ worker: "w0", blocks: [] }), told({ worker: "w1", blocks: [] }));
    const first = where(bench.offer(prompt("1"))) ?? "";
    bench.now = 800;
    assert.equal(where(bench.offer(prompt("2"))), first, "its events may be on their way");
    bench.now = 10_000;
    assert.notEqual(where(bench.offer(prompt("3"))), first, "it holds two, and no cache");
  });

  test("a prediction ends with its version, and with a cache of other tokens", () => {
    for (const [what, away] of [
      ["nothing happens", false],
      ["another version", true],
      ["a cache of other tokens", true],
    ] as const) {
      const bench = new Bench();
      const views = ["w0", "w1"].map((id) => worker(id, {}, { kvTokens: 20_000 }));
      bench.fleet(...views);
      const first = where(bench.offer(prompt("1"))) ?? "";
      bench.done("1", 1, 8);
      bench.now = 5_000;
      if (what === "another version") {
        bench.send({ type: "committed", policy: "p", version: 2 });
        for (const view of views) {
          bench.send({ type: "worker", worker: { ...view, holds: [held(2)] } });
        }
      }
      if (what === "a cache of other tokens") {
        const avoid = views.filter(({ id }) => id !== first).map(({ incarnation }) => incarnation);
        for (let i = 0; i < 3; i++) {
          bench.offer(card(`other${i}`, { promptTokens: 10_000, avoid }));
          bench.done(`other${i}`, 1, 8);
          bench.now += 2_000;
        }
      }
      const load = { slot: 0, kvUsedTokens: 0, running: 1, waiting: 0 };
      const step = { a: 0.02, s: 0.0001 };
      bench.send({ type: "telemetry", worker: first, ...load, step, prefillTokensPerSecond: null });
      assert.equal(where(bench.offer(prompt("2"))) !== first, away, what);
    }
  });

  test("a million duplicates, and blocks beyond any cache, cost nothing", () => {
    const bench = new Bench({ cachedBlocks: 64 });
    bench.fleet(worker("w0", {}, roomy));
    for (let i = 0; i < 1_000_000; i++) bench.send(told({ blocks: [i % 4] }));
    for (let i = 0; i < 1_000; i++) bench.send(told({ blocks: [1_000 + i] }));
    assert.equal(where(bench.offer(prompt("1"))), "w0");
  });
});

test("hashes of a prompt are those of its tokens one by one, and each policy's own", () => {
  const ids = Uint32Array.from({ length: 600 }, (_, i) => i * 7);
  let hash = prefixRoot("p");
  const steps = Array.from(ids, (id) => (hash = prefixStep(hash, id)));
  assert.deepEqual(prefixHashes("p", ids), [steps[255], steps[511]]);
  assert.notDeepEqual(prefixHashes("q", ids), prefixHashes("p", ids));
  assert.deepEqual(prefixHashes("p", ids.subarray(0, 255)), []);
});
