/** The KV budget of sessions between turns: who rests, who is paused, and who goes first. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Card } from "../../../server/scheduler/card.ts";
import { Gaps } from "../../../server/scheduler/gaps.ts";
import { DEFAULT_OPTIONS } from "../../../server/scheduler/options.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { Bench, card, grants, only, worker } from "./samples.ts";

/** 900 usable; sizes are such that forecasts are exact. */
const SLOT = { kvTokens: 1_000 };

const turn = (session: string, n: number, promptTokens: number, more: Partial<Card> = {}): Card =>
  card(`${session}.${n}`, {
    session,
    promptTokens,
    maxNewTokens: 10,
    expectedNewTokens: 10,
    ...more,
  });

/** Prefill takes so long that a context is worth its room whenever its turn may come. */
function fleet(workers = 1, options = {}): Bench {
  const bench = new Bench({ prefillTokensPerSecond: 0.01, ...options });
  bench.fleet(...Array.from({ length: workers }, (_, i) => worker(`w${i}`, {}, SLOT)));
  return bench;
}

/** So much on a slot that it is not empty, and newcomers must leave room to who rests. */
const busy = (bench: Bench): string[] =>
  grants(bench.offer(card("busy", { promptTokens: 100, maxNewTokens: 10, expectedNewTokens: 10 })));

test("a newcomer leaves a session between turns its room, and the session's turn goes past it", () => {
  const bench = fleet();
  busy(bench);
  bench.offer(turn("s", 0, 400));
  bench.done("s.0", 1, 10);
  const newcomer = card("new", { promptTokens: 450, maxNewTokens: 10, expectedNewTokens: 10 });
  assert.deepEqual(grants(bench.offer(newcomer)), []);
  bench.now = 2_000;
  assert.deepEqual(grants(bench.offer(turn("s", 1, 420))), ["s.1>w0"]);
  bench.done("s.1", 1, 10);
  assert.deepEqual(grants(bench.send({ type: "session_finished", session: "s" })), ["new>w0"]);
});

test("where nothing runs, what rests holds nobody back", () => {
  const bench = fleet();
  bench.offer(turn("s", 0, 600));
  bench.done("s.0", 1, 10);
  assert.deepEqual(grants(bench.offer(turn("t", 0, 600))), ["t.0>w0"]);
  assert.deepEqual(bench.scheduler.snapshot().sessions, { alive: 2, paused: 1 });
});

test("the longest at rest is paused where turns outgrow the slot; its own turn is held and says why", () => {
  const bench = fleet();
  busy(bench);
  for (const [n, session] of ["a", "b", "c"].entries()) {
    bench.now = n;
    bench.offer(turn(session, 0, 200));
    bench.done(`${session}.0`, 1, 10);
  }
  bench.now = 2_000;
  assert.deepEqual(grants(bench.offer(turn("b", 1, 480))), ["b.1>w0"]);
  assert.equal(bench.scheduler.snapshot().sessions?.paused, 1);
  const commands = bench.offer(turn("a", 1, 220));
  assert.deepEqual(grants(commands), []);
  const [held] = only(commands, "held");
  assert.deepEqual([held?.key, held?.reason], ["a.1", "session_paused"]);
  // The other has kept its place.
  assert.deepEqual(grants(bench.offer(turn("c", 1, 220))), ["c.1>w0"]);
});

test("what was paused goes before a session that has not begun", () => {
  const bench = fleet();
  busy(bench);
  bench.offer(turn("a", 0, 300));
  bench.done("a.0", 1, 10);
  bench.now = 1;
  bench.offer(turn("b", 0, 300));
  bench.done("b.0", 1, 10);
  bench.now = 1_000;
  bench.offer(turn("b", 1, 700));
  bench.offer(turn("new", 0, 310));
  assert.deepEqual(grants(bench.offer(turn("a", 1, 310, { acceptedAt: 9 }))), []);
  bench.done("b.1", 1, 10);
  assert.deepEqual(grants(bench.send({ type: "session_finished", session: "b" })), [
    "a.1>w0",
    "new.0>w0",
  ]);
});

test("a last turn leaves nothing behind, nor does a worker that is gone", () => {
  const bench = fleet(2);
  bench.offer(turn("s", 0, 400, { nextTurn: false }), turn("t", 0, 400));
  bench.done("s.0", 1, 10);
  assert.equal(bench.scheduler.snapshot().sessions?.alive, 1);
  bench.done("t.0", 1, 10);
  bench.send({ type: "worker_lost", worker: "w0", incarnation: "w0-1" });
  bench.send({ type: "worker_lost", worker: "w1", incarnation: "w1-1" });
  bench.send({ type: "worker", worker: worker("w2", {}, SLOT) });
  assert.deepEqual(grants(bench.offer(turn("t", 1, 420))), ["t.1>w2"]);
});

test("who waits beyond patience is given a slot though others rest there", () => {
  const bench = fleet(1, { sessionPatienceSeconds: 10 });
  bench.offer(turn("a", 0, 300), turn("b", 0, 300));
  bench.done("b.0", 1, 10);
  assert.deepEqual(grants(bench.offer(turn("new", 0, 400))), []);
  const telemetry = { slot: 0, kvUsedTokens: 0, running: 1, waiting: 0, step: null } as const;
  const tell = (): string[] =>
    grants(
      bench.send({ type: "telemetry", worker: "w0", prefillTokensPerSecond: null, ...telemetry }),
    );
  bench.now = 9_000;
  assert.deepEqual(tell(), []);
  bench.now = 11_000;
  assert.deepEqual(tell(), ["new.0>w0"]);
  assert.equal(bench.scheduler.snapshot().sessions?.paused, 1);
});

test("gaps follow what comes, and a law of long gaps forgets slowly", () => {
  const gaps = new Gaps(DEFAULT_OPTIONS);
  for (let i = 0; i < 500; i++) gaps.came("j", 20_000, 100);
  assert.ok(Math.abs(Math.exp(gaps.law("j").mean) - 20_000) < 100);
  assert.ok(Math.abs(gaps.growth("j") - 100) < 1);
  const seed = testSeed("gaps");
  const ms = fc.integer({ min: 0, max: 1_000_000 });
  fc.assert(
    fc.property(fc.array(ms, { maxLength: 50 }), ms, ms, ms, (seen, past, within, more) => {
      const fresh = new Gaps(DEFAULT_OPTIONS);
      for (const gap of seen) fresh.came("j", gap, gap);
      const [soon, later] = [
        fresh.returns("j", past, within),
        fresh.returns("j", past, within + more),
      ];
      assert.ok(soon >= 0 && soon <= later + 1e-9 && later <= 1);
    }),
    { seed, numRuns: 300 },
  );
});

test("random sessions: turns keep their order, what runs fits, and all come to their end", () => {
  const seed = testSeed("sessions");
  const shape = fc.record({
    turns: fc.integer({ min: 1, max: 6 }),
    grows: fc.integer({ min: 1, max: 150 }),
  });
  const play = (shapes: readonly { turns: number; grows: number }[], workers: number): string[] => {
    const bench = fleet(workers, { sessionPatienceSeconds: 5 });
    const trace: string[] = [];
    const running: { session: number; turn: number }[] = [];
    const began = new Map<number, number>();
    let left = shapes.reduce((sum, { turns }) => sum + turns, 0);
    const take = (commands: ReturnType<Bench["send"]>): void => {
      for (const grant of grants(commands)) {
        const [session = "", number = ""] = (grant.split(">")[0] ?? "").slice(1).split(".");
        assert.equal(Number(number), began.get(Number(session)) ?? 0, "in order");
        began.set(Number(session), Number(number) + 1);
        running.push({ session: Number(session), turn: Number(number) });
        trace.push(grant);
      }
      for (const { reservedTokens } of bench.scheduler.snapshot().slots)
        assert.ok(reservedTokens <= 900);
    };
    const ask = (session: number, n: number): void => {
      const promptTokens = 50 + (shapes[session]?.grows ?? 0) * n;
      take(bench.offer(turn(`s${session}`, n, promptTokens, { acceptedAt: bench.now })));
    };
    shapes.forEach((_, session) => void ask(session, 0));
    for (let round = 0; left > 0 && round < 1_000; round++) {
      bench.now += 700;
      const next = running.splice(round % Math.max(1, running.length), 1)[0];
      if (next === undefined) break;
      const { session, turn: n } = next;
      left--;
      take(bench.done(`s${session}.${n}`, 1, 10));
      if (n + 1 < (shapes[session]?.turns ?? 0)) ask(session, n + 1);
      else take(bench.send({ type: "session_finished", session: `s${session}` }));
    }
    assert.equal(left, 0, "none starves");
    assert.deepEqual(bench.scheduler.snapshot().sessions, { alive: 0, paused: 0 });
    return trace;
  };
  fc.assert(
    fc.property(
      fc.array(shape, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 3 }),
      (shapes, workers) => {
        assert.deepEqual(play(shapes, workers), play(shapes, workers));
      },
    ),
    { seed, numRuns: 300 },
  );
});
