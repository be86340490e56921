/** The core of an external version alone, by hand and by random interleavings of everything that can happen to it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Random } from "../../../../../server/contract/clock.ts";
import type { MemberRef } from "../../../../../server/weights/coordinator/core/events.ts";
import { createExternal } from "../../../../../server/weights/coordinator/core/external.ts";
import type {
  ExternalCommand,
  ExternalEvent,
  Shown,
} from "../../../../../server/weights/coordinator/core/external-events.ts";
import { isOver } from "../../../../../server/weights/coordinator/core/members.ts";
import { seededRandom, testSeed } from "../../../../support/seeded-random.ts";

const A = { worker: "a", incarnation: "a1" };
const B = { worker: "b", incarnation: "b1" };

/** A canary of one number: those above 9 are not believed beside others. */
const judge = (shown: readonly Shown[]): ReadonlyMap<string, string> =>
  new Map(
    shown.flatMap(({ worker, canary }) =>
      Array.isArray(canary) && (canary[0] ?? 0) > 9 ? [[worker, "odd one out"]] : [],
    ),
  );
const PLAN = { gateMs: 20, lapseMs: 100, verifyMs: 30, installMs: 10, width: 2, judge };

const shown = (ref: MemberRef, canary: number | null = null): ExternalEvent => ({
  type: "shown",
  shown: {
    ...ref,
    cohort: "c",
    tolerance: 1,
    canary: canary === null ? null : [canary],
    before: null,
    sameContent: false,
  },
});

const nameOf = (command: ExternalCommand): string =>
  "worker" in command
    ? `${command.type} ${command.worker}`
    : "code" in command
      ? `${command.type} ${command.code}`
      : command.type;

function begin(...members: readonly MemberRef[]) {
  const core = createExternal(PLAN);
  let now = 0;
  const send = (event: ExternalEvent) => core.handle(event, now).map(nameOf);
  const entries = members.map((ref) => ({ ...ref, required: true }));
  return {
    core,
    send,
    first: send({ type: "start", members: entries }),
    at(time: number) {
      now = time;
      return send({ type: "tick" });
    },
    phases: () => core.members().map(({ phase }) => phase),
  };
}

/** Both gated, their fences given out. */
function gated() {
  const bench = begin(A, B);
  bench.send({ type: "gated", ...A });
  bench.send({ type: "gated", ...B });
  bench.send({ type: "fenced" });
  return bench;
}

describe("by hand", () => {
  test("gates all, waits for the mover, verifies, commits, installs", () => {
    const { first, send, core, phases } = begin(A, B);
    assert.deepEqual(first, ["gate a", "gate b"]);
    assert.deepEqual(send({ type: "gated", ...A }), []);
    assert.deepEqual(send({ type: "gated", ...B }), ["fence"]);
    assert.deepEqual(send({ type: "fenced" }), []);
    assert.equal(core.lapsesAt, 100);
    assert.deepEqual(send({ type: "claim", members: [A, B] }), ["verify a", "verify b"]);
    assert.equal(core.lapsesAt, null);
    assert.deepEqual(send(shown(A)), []);
    assert.deepEqual(send(shown(B)), ["commit"]);
    assert.deepEqual(send({ type: "committed" }), ["install a", "install b"]);
    send({ type: "installed", ...A });
    send({ type: "installed", ...B });
    assert.deepEqual(phases(), ["installed", "installed"]);
    assert.deepEqual([core.state, core.nextDeadline()], ["done", null]);
  });

  test("one that cannot be gated opens all again, and the version stays open", () => {
    const { send, core, phases } = begin(A, B);
    send({ type: "gated", ...A });
    assert.deepEqual(send({ type: "gate_failed", ...B, reason: "x" }), [
      "ungate b",
      "refuse commit_aborted",
      "ungate a",
    ]);
    assert.deepEqual([core.state, phases()], ["refused", ["failed", "failed"]]);
  });

  test("nobody there: refused, so that a trainer may wait", () => {
    assert.deepEqual(begin().first, ["refuse no_eligible_worker"]);
  });

  test("who lies is poisoned alone, who proved it is committed", () => {
    const { send, phases } = gated();
    send({ type: "claim", members: [A, B] });
    assert.deepEqual(send({ type: "unproven", ...A, reason: "digest" }), ["poison a"]);
    assert.deepEqual(send(shown(B)), ["commit"]);
    assert.deepEqual(send({ type: "committed" }), ["install b"]);
    assert.deepEqual(phases(), ["poisoned", "installing"]);
  });

  test("who is not believed beside the others is poisoned before the commit", () => {
    const { send } = gated();
    send({ type: "claim", members: [A, B] });
    send(shown(A, 99));
    assert.deepEqual(send(shown(B, 1)), ["poison a", "commit"]);
  });

  test("nobody proved it: aborted", () => {
    const { send, core } = gated();
    send({ type: "claim", members: [A, B] });
    send({ type: "unproven", ...A, reason: "digest" });
    assert.deepEqual(send({ type: "unproven", ...B, reason: "digest" }), [
      "poison b",
      "abort digest_mismatch",
    ]);
    assert.equal(core.state, "aborted");
  });

  test("a worker that the mover left out is asked what it has, once the commit is durable", () => {
    const { send, phases, core } = gated();
    assert.deepEqual(send({ type: "claim", members: [A] }), ["verify a"]);
    assert.deepEqual(send(shown(A)), ["commit"]);
    assert.deepEqual(send({ type: "committed" }), ["install a", "restore b"]);
    send({ type: "installed", ...A });
    assert.equal(core.state, "installing");
    send({ type: "restored", ...B });
    assert.deepEqual([core.state, phases()], ["done", ["installed", "failed"]]);
  });

  for (const [what, event, code] of [
    ["the mover dies", null, "deadline_exceeded"],
    ["somebody aborts", { type: "abort", code: "run_fenced", reason: "x" }, "run_fenced"],
  ] as const) {
    test(`${what}: all are asked what they have; who cannot show it is poisoned`, () => {
      const { send, at, core, phases } = gated();
      assert.deepEqual(at(99), []);
      const commands = event === null ? at(100) : send(event);
      assert.deepEqual(commands, [`abort ${code}`, "restore a", "restore b"]);
      send({ type: "restored", ...A });
      assert.deepEqual(send({ type: "restore_failed", ...B, reason: "x" }), ["poison b"]);
      assert.deepEqual([core.state, phases()], ["aborted", ["failed", "poisoned"]]);
      assert.deepEqual(send({ type: "claim", members: [A, B] }), [], "too late");
    });
  }

  test("the commit could not be written: what was moved is not kept", () => {
    const { send } = gated();
    send({ type: "claim", members: [A] });
    send(shown(A));
    assert.deepEqual(send({ type: "commit_failed", code: "store_unavailable", reason: "disk" }), [
      "abort store_unavailable",
      "restore b",
      "restore a",
    ]);
  });

  test("a worker that restarts while it is gated is covered no more", () => {
    const { send, core } = gated();
    send({ type: "gone", ...A, reason: "restarted" });
    assert.deepEqual(send({ type: "claim", members: [A, B] }), ["verify b"]);
    assert.deepEqual(send(shown(A)), [], "stale");
    assert.deepEqual(send(shown(B)), ["commit"]);
    assert.equal(core.state, "committing");
  });

  test("all gone: nothing is waited for", () => {
    const { send, core } = gated();
    send({ type: "gone", ...A, reason: "x" });
    assert.deepEqual(send({ type: "gone", ...B, reason: "x" }), ["abort commit_aborted"]);
    assert.deepEqual([core.state, core.nextDeadline()], ["aborted", null]);
  });

  test("every step has its end", () => {
    const { at, core } = begin(A);
    assert.equal(core.nextDeadline(), 20);
    assert.deepEqual(at(20), ["ungate a", "refuse commit_aborted"]);
    const verifying = gated();
    verifying.send({ type: "claim", members: [A, B] });
    verifying.send(shown(A));
    assert.deepEqual(verifying.at(30), ["poison b", "commit"]);
    verifying.send({ type: "committed" });
    assert.deepEqual(verifying.at(40), ["poison a"]);
    assert.equal(verifying.core.state, "done");
  });
});

function answer(command: ExternalCommand, random: Random): ExternalEvent | null {
  const well = random.next() < 0.9;
  const reason = "x";
  switch (command.type) {
    case "gate":
      return well ? { ...command, type: "gated" } : { ...command, type: "gate_failed", reason };
    case "fence":
      return well
        ? { type: "fenced" }
        : { type: "fence_failed", code: "store_unavailable", reason };
    case "verify":
      return well
        ? shown(command, random.next() < 0.2 ? 99 : 1)
        : { ...command, type: "unproven", reason };
    case "commit":
      return well
        ? { type: "committed" }
        : { type: "commit_failed", code: "store_unavailable", reason };
    case "install":
      return well
        ? { ...command, type: "installed" }
        : { ...command, type: "install_failed", reason };
    case "restore":
      return well
        ? { ...command, type: "restored" }
        : { ...command, type: "restore_failed", reason };
    default:
      return null;
  }
}

/** One life; answers how it ended. */
function history(random: Random): string {
  const refs = Array.from({ length: 1 + (random.u32() % 4) }, (_, i) => ({
    worker: `w${i}`,
    incarnation: "1",
  }));
  const core = createExternal(PLAN);
  const open: ExternalEvent[] = [];
  const proved = new Set<string>();
  const told = new Set<string>();
  let now = 0;
  let committed = false;
  let fenced = false;
  const take = (event: ExternalEvent): void => {
    if (event.type === "fenced") fenced = true;
    if (event.type === "shown") proved.add(event.shown.worker);
    if (event.type === "committed") {
      assert.equal(core.state, "committing");
      committed = true;
    }
    for (const command of core.handle(event, now)) {
      const name = nameOf(command);
      if (command.type !== "poison") assert.ok(!told.has(name), `${name} twice`);
      told.add(name);
      if (command.type === "verify" || command.type === "restore") assert.ok(fenced, name);
      if (command.type === "ungate" || command.type === "refuse") {
        assert.ok(!core.members().some(({ phase }) => phase === "installed"), name);
      }
      if (command.type === "install") {
        assert.ok(committed && proved.has(command.worker), `${name} without a proof`);
      }
      if (command.type === "abort") assert.ok(!committed, "an abort after the commit");
      const reply = random.next() < 0.95 ? answer(command, random) : null;
      // What the store says comes in the end; a worker's answer may not.
      if (reply ?? (command.type === "commit" || command.type === "fence")) {
        open.push(reply ?? (answer(command, random) as ExternalEvent));
      }
    }
  };
  take({ type: "start", members: refs.map((ref) => ({ ...ref, required: true })) });
  for (let step = 0; step < 500; step++) {
    const due = core.nextDeadline();
    if (open.length === 0 && due === null) break;
    const ref = refs[random.u32() % refs.length] as MemberRef;
    const luck = random.next();
    const [next] = open.splice(random.u32() % Math.max(1, open.length), 1);
    if (luck < 0.02) take({ type: "gone", ...ref, reason: "x" });
    else if (luck < 0.03) take({ type: "distrusted", ...ref, reason: "x" });
    else if (luck < 0.05) take({ type: "abort", code: "commit_aborted", reason: "x" });
    else if (core.state === "gated" && luck < 0.5) {
      take({ type: "claim", members: refs.filter(() => random.next() < 0.8) });
    } else if (next === undefined) {
      if (due !== null) now = Math.max(now, due);
      take({ type: "tick" });
      continue;
    } else {
      take(next);
      continue;
    }
    if (next !== undefined) open.push(next);
  }
  const ends = ["done", "refused", "aborted"];
  assert.ok(ends.includes(core.state), `ends, not ${core.state}`);
  for (const { worker, phase } of core.members()) {
    assert.ok(isOver(phase), `${worker} is ${phase} for ever`);
    if (phase === "installed") assert.ok(committed && proved.has(worker));
    // Once fences were out, nobody goes on without having been asked.
    if (fenced && phase === "failed") assert.ok(told.has(`restore ${worker}`));
  }
  return core.state;
}

test("random histories: who runs has shown what it holds, and nothing waits for ever", () => {
  const random = seededRandom(testSeed("external"));
  const ends = new Map<string, number>();
  for (let i = 0; i < 3_000; i++) {
    const end = history(random);
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  // All ends must be common, or the histories prove little.
  for (const end of ["done", "refused", "aborted"]) {
    assert.ok((ends.get(end) ?? 0) > 100, `${end}: ${ends.get(end)}`);
  }
});
