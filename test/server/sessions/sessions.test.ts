/** The order of turns, branches, time to live, limits. */
import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { createSessions } from "../../../server/sessions/sessions.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

function world(limit?: number) {
  const clock = new VirtualClock();
  const closed: string[] = [];
  const options = { ttlMs: 1_000, ...(limit === undefined ? {} : { limit }) };
  const ends: string[] = [];
  const sessions = createSessions(clock, options, (key, { turns }, how) => {
    closed.push(key);
    ends.push(`${how} ${turns}`);
  });
  let rollouts = 0;
  const begin = (turn: number, branch = 0, over: { id?: string; final?: boolean } = {}) => {
    const ref = { id: "s", turn, branch, final: false, ...over };
    return sessions.begin("j", ref, `r-${++rollouts}`);
  };
  const done = (...args: Parameters<typeof begin>): void => begin(...args).ended(true);
  return { clock, closed, ends, sessions, begin, done };
}

type World = ReturnType<typeof world>;

suite("a turn that is out of order is refused, and changes nothing", () => {
  const cases: readonly (readonly [
    name: string,
    before: (world: World) => void,
    turn: readonly [turn: number, branch?: number],
    code: string,
    details: object,
    message: RegExp,
  ])[] = [
    [
      "it goes back",
      ({ done }) => {
        for (const turn of [0, 1, 2]) done(turn);
      },
      [1],
      "conflict",
      { path: "session.turn", next: 3 },
      /goes back/,
    ],
    [
      "it was another rollout",
      ({ done }) => done(0),
      [0],
      "conflict",
      { path: "session.turn", next: 1 },
      /rollout r-1 was this turn/,
    ],
    [
      "the turn before still runs",
      ({ begin }) => begin(0),
      [1],
      "conflict",
      { path: "session.turn", next: 0 },
      /turn 0 still runs as rollout r-1/,
    ],
    [
      "the turn before never was",
      ({ done }) => done(0),
      [2],
      "conflict",
      { path: "session.turn", next: 1 },
      /turn 1 has not ended/,
    ],
    [
      "the turn before was aborted",
      ({ done, begin }) => {
        done(0);
        begin(1).ended(false);
      },
      [2],
      "conflict",
      { path: "session.turn", next: 1 },
      /turn 1 has not ended/,
    ],
    [
      "the branch is from a turn that has not been",
      ({ done }) => done(0),
      [2, 1],
      "not_found",
      { path: "session.branch", last: 0 },
      /turn 1, which has not ended/,
    ],
    [
      "the branch is from a turn that runs",
      ({ done, begin }) => {
        done(0);
        begin(1);
      },
      [2, 1],
      "not_found",
      { path: "session.branch", last: 0 },
      /turn 1, which has not ended/,
    ],
  ];
  for (const [name, before, [turn, branch], code, details, message] of cases) {
    test(name, () => {
      const w = world();
      before(w);
      assert.throws(() => w.begin(turn, branch), { code, details, message });
      assert.throws(() => w.begin(turn, branch), { code });
      assert.equal(w.sessions.alive, 1);
    });
  }
});

test("branches fork from any turn that has ended, each in its own order, also at once", () => {
  const { done, begin, sessions } = world();
  for (const turn of [0, 1, 2]) done(turn);
  const one = begin(1, 1);
  const two = begin(3, 2);
  done(3);
  one.ended(true);
  done(2, 1);
  two.ended(true);
  assert.deepEqual(sessions.finish("j", "s"), { id: "s", job: "j", turns: 7, branches: 3 });
});

test("an unknown session may begin at any turn, and fork from what was before", () => {
  const { done, begin } = world();
  done(5);
  done(6);
  done(3, 1);
  assert.throws(() => begin(9, 2), { code: "not_found" });
});

test("a session ends some time after its last turn, not while one runs, and may then begin anew", async () => {
  const { clock, closed, ends, begin, done, sessions } = world();
  done(0);
  await clock.advance(900);
  const turn = begin(1);
  await clock.advance(5_000);
  assert.deepEqual(closed, []);
  turn.ended(true);
  await clock.advance(999);
  done(0, 0, { id: "later" });
  assert.deepEqual(closed, []);
  await clock.advance(1);
  assert.deepEqual(closed, ["j/s"]);
  await clock.advance(999);
  assert.deepEqual(closed, ["j/s", "j/later"]);
  assert.deepEqual(ends, ["expired 2", "expired 1"]);
  assert.equal(sessions.alive, 0);
  assert.equal(clock.timers, 0);
  assert.throws(() => sessions.finish("j", "s"), { code: "not_found" });
  done(2);
});

test("finished, by call or by a final turn, it takes no other turn", () => {
  const { closed, ends, begin, done, sessions } = world();
  const running = begin(0);
  assert.throws(() => sessions.finish("j", "s"), { code: "conflict" });
  running.ended(true);
  const report = sessions.finish("j", "s");
  assert.deepEqual(sessions.finish("j", "s"), report);
  assert.throws(() => begin(1), { code: "conflict", message: /finished/ });
  done(0, 0, { id: "t" });
  const other = begin(1, 1, { id: "t" });
  done(1, 0, { id: "t", final: true });
  // What still runs ends first.
  assert.throws(() => begin(2, 0, { id: "t" }), { code: "conflict", message: /finished/ });
  assert.deepEqual(closed, ["j/s"]);
  other.ended(true);
  assert.deepEqual(closed, ["j/s", "j/t"]);
  assert.deepEqual(ends, ["finished 1", "finished 3"]);
  // An aborted final turn was none.
  begin(0, 0, { id: "u", final: true }).ended(false);
  done(0, 0, { id: "u" });
});

test("beyond the limit no new session begins; those that live go on", () => {
  const { begin, done, sessions } = world(2);
  done(0, 0, { id: "a" });
  done(0, 0, { id: "b" });
  assert.throws(() => begin(0, 0, { id: "c" }), {
    code: "overloaded",
    retryAfterMs: 1_000,
    details: { path: "session.id", limit: 2 },
  });
  done(1, 0, { id: "a" });
  sessions.finish("j", "b");
  done(0, 0, { id: "c" });
});

test("a session of which nothing came is forgotten at once", () => {
  const { begin, closed, ends, sessions } = world();
  begin(4).ended(false);
  assert.deepEqual([sessions.alive, closed, ends], [0, ["j/s"], ["empty 0"]]);
  begin(0).ended(true);
});

test("a caller that counts no turns is told which may begin: the next of a branch that rests, else a new branch", () => {
  const { sessions, begin, done } = world();
  const next = (): readonly number[] => {
    const { turn, branch } = sessions.next("j", "s");
    return [turn, branch];
  };
  assert.deepEqual(next(), [0, 0]);
  done(0);
  assert.deepEqual(next(), [1, 0]);
  const running = begin(1);
  assert.deepEqual(next(), [0, 1]);
  begin(0, 1);
  assert.deepEqual(next(), [0, 2]);
  running.ended(false);
  assert.deepEqual(next(), [1, 0]);
});

test("stopped, it waits for nobody", () => {
  const { clock, closed, done, sessions } = world();
  done(0);
  assert.equal(clock.timers, 1);
  sessions.stop();
  assert.equal(clock.timers, 0);
  assert.deepEqual(closed, []);
});
