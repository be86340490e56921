import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Bench, card, grants, held, worker } from "./samples.ts";

const roomy = { kvTokens: 100_000 };
const fleet = (count: number) =>
  Array.from({ length: count }, (_, i) => worker(`w${i}`, {}, roomy));
const where = (commands: Parameters<typeof grants>[0]) => grants(commands)[0]?.split(">")[1];

describe("sessions", () => {
  const turn = (key: string, promptTokens: number) =>
    card(key, { session: "s", promptTokens, maxNewTokens: 200 });

  test("stay at home while others are a little emptier", () => {
    const bench = new Bench();
    bench.fleet(...fleet(4));
    const home = where(bench.offer(turn("1", 5_000)));
    bench.done("1", 1, 200);
    for (let i = 0; i < 4; i++) bench.offer(card(`other${i}`));
    for (let i = 2; i < 6; i++) {
      assert.equal(where(bench.offer(turn(`${i}`, 5_000 + 300 * i))), home);
      bench.done(`${i}`, 1, 200);
    }
  });

  test("stay though another is cheaper by less than the margin", () => {
    const bench = new Bench();
    bench.fleet(...fleet(2));
    const home = where(bench.offer(turn("1", 100))) ?? "";
    bench.done("1", 1, 200);
    // 50 ms more for 200 tokens, 30 ms less to prefill.
    const slow = { slot: 0, kvUsedTokens: 0, running: 1, waiting: 0, prefillTokensPerSecond: null };
    const step = { a: 0.01025, s: 0.0001 };
    for (const id of ["w0", "w1"]) {
      bench.send({ type: "telemetry", worker: id, step: { a: 0.01, s: 0.0001 }, ...slow });
    }
    bench.send({ type: "telemetry", worker: home, step, ...slow });
    assert.equal(where(bench.offer(turn("2", 400))), home);
    assert.notEqual(where(bench.offer(card("stranger"))), home);
  });

  test("leave when home costs more than the margin and 1.5 moves, and live there from then on", () => {
    const bench = new Bench();
    bench.fleet(...fleet(2));
    const home = where(bench.offer(turn("1", 1_000)));
    bench.done("1", 1, 200);
    // 100 ms to prefill anew; a step at home takes 4 ms more for each of 200 tokens.
    const slow = { slot: 0, kvUsedTokens: 0, running: 1, waiting: 0, prefillTokensPerSecond: null };
    const step = { a: 0.014, s: 0.0001 };
    for (const id of ["w0", "w1"]) {
      bench.send({ type: "telemetry", worker: id, step: { a: 0.01, s: 0.0001 }, ...slow });
    }
    bench.send({ type: "telemetry", worker: home ?? "", step, ...slow });
    const away = where(bench.offer(turn("2", 1_300)));
    assert.notEqual(away, home);
    bench.done("2", 1, 200);
    assert.equal(where(bench.offer(turn("3", 1_600))), away);
  });

  test("a finished session has no home, nor has one whose worker's cache is void", () => {
    for (const forget of [
      (bench: Bench, home: string) => {
        assert.ok(home);
        bench.send({ type: "session_finished", session: "s" });
      },
      (bench: Bench, home: string) => {
        bench.send({ type: "committed", policy: "p", version: 2 });
        bench.send({ type: "worker", worker: worker(home, { holds: [held(2)] }, roomy) });
      },
      (bench: Bench, home: string) => {
        const reborn = { incarnation: `${home}-2` };
        bench.send({ type: "worker", worker: worker(home, reborn, roomy) });
      },
    ]) {
      const bench = new Bench();
      bench.fleet(...fleet(2));
      const home = where(bench.offer(turn("1", 8_000))) ?? "";
      bench.done("1", 1, 200);
      // Home is a little slower: whoever knows no cache there goes to the other.
      bench.now = 5_000;
      forget(bench, home);
      const busy = { kvUsedTokens: 0, running: 1, waiting: 0, prefillTokensPerSecond: null };
      const step = { a: 0.0101, s: 0.0001 };
      bench.send({ type: "telemetry", worker: home, slot: 0, step, ...busy });
      assert.notEqual(where(bench.offer(turn("2", 8_300))), home);
    }
  });
});

describe("prefixes and groups", () => {
  const hashes = [11, 22, 33, 44, 55];

  test("a prompt goes where its prefix is while that is cheaper", () => {
    const bench = new Bench();
    bench.fleet(...fleet(8));
    const more = { promptTokens: 1_400, prefix: hashes };
    const first = where(bench.offer(card("1", more)));
    // Its prefill takes 140 ms, which a second one must wait for; a while later it is through.
    bench.now = 1_000;
    assert.equal(where(bench.offer(card("2", more))), first);
    bench.done("1");
    bench.done("2");
    const longer = { promptTokens: 1_900, prefix: [...hashes, 66, 77] };
    bench.now = 2_000;
    assert.equal(where(bench.offer(card("3", longer))), first, "half of it is known there");
    const stranger = { promptTokens: 1_400, prefix: [1, 2, 3, 4, 5] };
    assert.notEqual(where(bench.offer(card("4", stranger))), first);
  });

  /** Where one goes that nobody here has asked for, whose two blocks the engine of `w0` says that it has, five running there. */
  const foundAmong = (promptTokens: number): string | undefined => {
    const bench = new Bench();
    const [first, second] = fleet(2);
    assert.ok(first && second);
    bench.fleet(first);
    for (let i = 0; i < 5; i++)
      bench.offer(card(`busy${i}`, { promptTokens: 10, maxNewTokens: 8 }));
    const told = { worker: "w0", slot: 0, life: 1, blocks: [11, 22] };
    bench.send({ type: "worker", worker: second }, { type: "cache", kind: "stored", ...told });
    return where(bench.offer(card("1", { promptTokens, maxNewTokens: 8, prefix: [11, 22] })));
  };

  test("a prompt goes where an engine says that its blocks are, though five run there and nobody elsewhere", () => {
    assert.equal(foundAmong(544), "w0");
  });

  test("what is behind its last whole block counts as computed, as a stall of all that run: soon that costs more than all of it elsewhere", () => {
    assert.equal(foundAmong(750), "w1");
  });

  const siblingsSpread = (promptTokens: number, maxNewTokens: number): number => {
    const bench = new Bench();
    bench.fleet(...fleet(8));
    for (let i = 0; i < 32; i++) bench.offer(card(`${i}`, { promptTokens: 10 }));
    const seen = new Set<string | undefined>();
    for (let index = 0; index < 8; index++) {
      const more = { group: { id: "g", size: 8, index }, promptTokens, maxNewTokens };
      seen.add(where(bench.offer(card(`g/${index}`, more))));
      bench.now += 100;
    }
    return seen.size;
  };

  test("siblings gather where their prompt takes longer than they slow each other down, even shorter than a block", () => {
    const seen = siblingsSpread(200, 40);
    assert.ok(seen <= 3, `eight siblings on ${seen} workers`);
  });

  test("siblings that will decode for long keep apart, though their prompt would stall all that decode there", () => {
    assert.equal(siblingsSpread(200, 400), 8);
  });
});

test("equal idle workers share the load", () => {
  const bench = new Bench();
  bench.fleet(...fleet(16));
  const seen = new Set<string | undefined>();
  for (let i = 0; i < 64; i++) seen.add(where(bench.offer(card(`${i}`))));
  assert.equal(seen.size, 16);
});

describe("rates not measured yet", () => {
  const rates = { slot: 0, kvUsedTokens: 0, running: 0, waiting: 0, step: { a: 0.002, s: 0.0001 } };

  test("are taken from measured peers, so that a newcomer is tried", () => {
    const bench = new Bench();
    const [first, second, late] = fleet(3);
    assert.ok(first && second && late);
    bench.fleet(first, second);
    for (const { id } of [first, second]) {
      bench.send({ type: "telemetry", worker: id, prefillTokensPerSecond: 50_000, ...rates });
    }
    bench.fleet(late);
    const homes = Array.from({ length: 9 }, (_, i) => where(bench.offer(card(`${i}`))));
    assert.equal(homes.filter((home) => home === late.id).length, 3);
  });

  test("of one that was there before its peers were measured, too", () => {
    const bench = new Bench();
    bench.fleet(...fleet(3));
    bench.send({ type: "telemetry", worker: "w0", prefillTokensPerSecond: 50_000, ...rates });
    const homes = Array.from({ length: 9 }, (_, i) => where(bench.offer(card(`${i}`))));
    for (const id of ["w0", "w1", "w2"])
      assert.equal(homes.filter((home) => home === id).length, 3);
  });
});
