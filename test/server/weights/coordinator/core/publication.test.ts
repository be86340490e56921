/** The core alone, by hand and by random interleavings of everything that can happen to a publication. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Random } from "../../../../../server/contract/clock.ts";
import type { CommitRule } from "../../../../../server/weights/coordinator/core/commit-rule.ts";
import type {
  CoordinatorCommand,
  CoordinatorEvent,
  MemberEntry,
  MemberRef,
} from "../../../../../server/weights/coordinator/core/events.ts";
import { isOver } from "../../../../../server/weights/coordinator/core/members.ts";
import { createPublication } from "../../../../../server/weights/coordinator/core/publication.ts";
import { seededRandom, testSeed } from "../../../../support/seeded-random.ts";
import { driven, entry, PLAN } from "./driven.ts";

const A = { worker: "a", incarnation: "a1" };
const B = { worker: "b", incarnation: "b1" };
const begin = (...members: readonly MemberEntry[]) => driven(PLAN, ...members);

describe("a publication by hand", () => {
  test("stages all, commits, then swaps each", () => {
    const { first, send, core, phases } = begin(entry(A), entry(B));
    assert.deepEqual(first, ["stage a", "stage b"]);
    assert.deepEqual(send({ type: "staged", ...A, digest: "good" }), []);
    assert.deepEqual(send({ type: "staged", ...B, digest: "good" }), ["commit"]);
    assert.deepEqual(send({ type: "committed" }), ["gate a", "gate b"]);
    assert.deepEqual(send({ type: "gated", ...A }), ["swap a"]);
    assert.deepEqual(send({ type: "swapped", ...A, digest: "good" }), ["install a"]);
    assert.deepEqual(send({ type: "installed", ...A }), []);
    assert.deepEqual(send({ type: "gated", ...B }), ["swap b"]);
    assert.deepEqual(send({ type: "swapped", ...B, digest: "bad" }), ["poison b"]);
    assert.deepEqual(phases(), ["installed", "poisoned"]);
    assert.equal(core.state, "done");
    assert.equal(core.nextDeadline(), null);
  });

  const failures: [string, CoordinatorEvent, string][] = [
    [
      "a failure",
      { type: "stage_failed", ...A, code: "engine_error", reason: "x" },
      "engine_error",
    ],
    [
      "weights that do not fit",
      { type: "stage_failed", ...A, code: "weights_rejected", reason: "x" },
      "weights_rejected",
    ],
    ["another digest", { type: "staged", ...A, digest: "bad" }, "digest_mismatch"],
    ["a wish", { type: "abort", code: "commit_aborted", reason: "x" }, "commit_aborted"],
  ];
  for (const [what, event, code] of failures) {
    test(`before the commit, ${what} aborts all`, () => {
      const core = createPublication(PLAN);
      core.handle({ type: "start", members: [entry(A), entry(B)], spareShare: 0 }, 0);
      core.handle({ type: "staged", ...B, digest: "good" }, 0);
      const commands = core.handle(event, 1);
      assert.equal(core.state, "aborted");
      assert.deepEqual(commands[0]?.type === "abort" && commands[0].code, code);
      assert.ok(commands.some((command) => command.type === "discard" && command.worker === "b"));
      assert.deepEqual(core.handle({ type: "committed" }, 2), []);
      assert.equal(core.state, "aborted");
    });
  }

  test("the deadline aborts and names who is late", () => {
    const { at, core } = begin(entry(A), entry(B));
    assert.equal(core.nextDeadline(), 100);
    assert.deepEqual(at(99), []);
    assert.deepEqual(at(100), ["abort", "discard a", "discard b"]);
  });

  test("a worker that dies is no longer a member; with none left the version commits alone", () => {
    const { send, core } = begin(entry(A), entry(B));
    send({ type: "gone", ...A, reason: "x" });
    assert.deepEqual(send({ type: "gone", ...B, reason: "x" }), ["commit"]);
    send({ type: "committed" });
    assert.equal(core.state, "done");
    assert.deepEqual(begin().first, ["commit"]);
  });

  test("whom it never concerned may refuse; if it fits nobody, the weights are at fault", () => {
    const refuse = (ref: MemberRef): CoordinatorEvent => {
      return { type: "stage_failed", ...ref, code: "weights_rejected", reason: "shapes" };
    };
    const some = begin(entry(A, false), entry(B, false));
    assert.deepEqual(some.send(refuse(A)), []);
    assert.deepEqual(some.send({ type: "staged", ...B, digest: "good" }), ["commit"]);
    const none = begin(entry(A, false), entry(B, false));
    none.send(refuse(A));
    assert.deepEqual(none.send(refuse(B)), ["abort"]);
  });

  test("after the commit each wait ends alone: not emptied = left as it is, else poisoned", () => {
    const { send, at, phases } = begin(entry(A), entry(B));
    send({ type: "staged", ...A, digest: "good" });
    send({ type: "staged", ...B, digest: "good" });
    send({ type: "committed" });
    send({ type: "gated", ...B });
    assert.deepEqual(send({ type: "abort", code: "commit_aborted", reason: "too late" }), []);
    assert.deepEqual(at(20), ["ungate a", "discard a"]);
    assert.deepEqual(at(30), ["poison b"]);
    assert.deepEqual(phases(), ["failed", "poisoned"]);
  });

  test("no more workers are closed at once than the width", () => {
    const members = ["a", "b", "c"].map((worker) => entry({ worker, incarnation: "1" }));
    const { first, send } = begin(...members);
    assert.deepEqual(first, ["stage a", "stage b"]);
    assert.deepEqual(send({ type: "staged", worker: "a", incarnation: "1", digest: "good" }), [
      "stage c",
    ]);
    for (const worker of ["b", "c"])
      send({ type: "staged", worker, incarnation: "1", digest: "good" });
    assert.deepEqual(send({ type: "committed" }), ["gate a", "gate b"]);
    assert.deepEqual(send({ type: "gone", worker: "a", incarnation: "1", reason: "x" }), [
      "gate c",
    ]);
  });

  test("reports of another incarnation, or out of turn, change nothing", () => {
    const { send, phases } = begin(entry(A));
    const old = { worker: "a", incarnation: "a0" };
    send({ type: "staged", ...old, digest: "bad" });
    send({ type: "gone", ...old, reason: "x" });
    send({ type: "swapped", ...A, digest: "good" });
    send({ type: "installed", ...A });
    assert.deepEqual(phases(), ["staging"]);
  });
});

/** Answers commands at random: right, wrong, late, or never. */
function answer(command: CoordinatorCommand, random: Random): CoordinatorEvent | null {
  const luck = random.next();
  if (command.type === "commit") {
    if (luck < 0.9) return { type: "committed" };
    return { type: "commit_failed", code: "store_unavailable", reason: "disk" };
  }
  if (!("worker" in command)) return null;
  const { worker, incarnation } = command;
  const ref = { worker, incarnation };
  if (luck < 0.02) return { type: "gone", ...ref, reason: "died" };
  if (luck < 0.04) return null;
  const digest = luck < 0.06 ? "bad" : "good";
  const bad = luck > 0.96;
  const reason = "x";
  switch (command.type) {
    case "stage":
      if (bad)
        return {
          type: "stage_failed",
          ...ref,
          code: random.next() < 0.5 ? "weights_rejected" : "engine_error",
          reason,
        };
      return { type: "staged", ...ref, digest };
    case "gate":
      return bad ? { type: "gate_failed", ...ref, reason } : { type: "gated", ...ref };
    case "swap":
      return bad
        ? { type: "swap_failed", ...ref, code: "engine_error", reason }
        : { type: "swapped", ...ref, digest };
    case "install":
      return bad
        ? { type: "install_failed", ...ref, code: "engine_error", reason }
        : { type: "installed", ...ref };
    default:
      return null;
  }
}

const RULES: readonly CommitRule["mode"][] = ["all", "rolling", "quorum"];

function ruleOf(mode: CommitRule["mode"], random: Random): CommitRule {
  if (mode === "rolling") return { mode, wave: random.u32() % 3 || null };
  return mode === "quorum" ? { mode, quorum: 1 + (random.u32() % 4) } : { mode };
}

/** Phases in which a worker is out of service. */
const OUT = ["gating", "gated", "swapping", "swapped", "installing"];

function history(mode: CommitRule["mode"], random: Random): string {
  const members = Array.from({ length: random.u32() % 6 }, (_, i) =>
    entry({ worker: `w${i}`, incarnation: "1" }, random.next() < 0.7),
  );
  const rule = ruleOf(mode, random);
  const width = 1 + (random.u32() % 4);
  const core = createPublication({ ...PLAN, rule, width });
  const open: CoordinatorEvent[] = [{ type: "start", members, spareShare: 0.25 }];
  const shown = new Map<string, string>();
  const told = new Set<string>();
  let now = 0;
  let committed = false;
  for (let step = 0; step < 400; step++) {
    const due = core.nextDeadline();
    if (["staging", "trying", "swapping"].includes(core.state))
      assert.notEqual(due, null, "a wait without end");
    let event: CoordinatorEvent;
    const [next] = open.splice(random.u32() % Math.max(1, open.length), 1);
    if (next && random.next() < 0.9) event = next;
    else {
      if (next) open.push(next);
      if (due !== null && random.next() < 0.3) now = due;
      event =
        random.next() < 0.05
          ? { type: "abort", code: "commit_aborted", reason: "wish" }
          : { type: "tick" };
    }
    if (event.type === "committed") {
      assert.equal(core.state, "committing");
      committed = true;
    }
    if (event.type === "staged" || event.type === "swapped")
      shown.set(`${event.type} ${event.worker}`, event.digest ?? "none");
    const before = core.state;
    for (const command of core.handle(event, now)) {
      const name = "worker" in command ? `${command.type} ${command.worker}` : command.type;
      if (command.type !== "poison") assert.ok(!told.has(name), `${name} twice`);
      told.add(name);
      check(command);
      const reply = answer(command, random);
      if (reply) open.push(reply);
    }
    assert.ok(core.state !== "aborted" || !committed, "an abort after the commit");
    if (before === "aborted" || before === "done") assert.equal(core.state, before);
    const out = core.members().filter(({ phase }) => OUT.includes(phase)).length;
    const most = rule.mode === "rolling" ? (rule.wave ?? Math.max(1, members.length >> 2)) : width;
    assert.ok(out <= Math.min(most, width), `${out} out of service at once`);
    if (open.length === 0 && core.nextDeadline() === null) break;
  }
  assert.ok(core.state === "done" || core.state === "aborted", `ends, not ${core.state}`);
  for (const { worker, phase } of core.members()) {
    assert.ok(isOver(phase));
    if (phase === "installed") assert.equal(shown.get(`swapped ${worker}`), "good");
    if (told.has(`install ${worker}`)) assert.ok(committed, "proven before the commit");
    if (core.state === "aborted") {
      if (rule.mode !== "rolling") {
        assert.ok(!told.has(`gate ${worker}`), "touched before a commit");
      }
      const replaced = told.has(`swap ${worker}`) && phase !== "gone";
      assert.equal(phase === "poisoned", replaced, `${worker} is ${phase}`);
      const closed = told.has(`gate ${worker}`) && phase === "failed";
      if (closed) assert.ok(told.has(`ungate ${worker}`), `${worker} stays closed`);
    }
    const staged = shown.get(`staged ${worker}`) === "good" && phase === "failed";
    if (staged) assert.ok(told.has(`discard ${worker}`), `${worker} keeps what it staged`);
  }
  return core.state;

  function check(command: CoordinatorCommand): void {
    if (command.type === "commit") {
      let ready = 0;
      for (const { worker, phase } of core.members()) {
        if (phase === "staged" || phase === "swapped") {
          assert.equal(shown.get(`staged ${worker}`), "good");
          ready++;
        } else if (rule.mode !== "quorum") {
          // Of a roll, one that could not be emptied was left as it is.
          const left = rule.mode === "rolling" && told.has(`ungate ${worker}`);
          assert.ok(left || phase === "gone" || phase === "unfit", phase);
        }
        if (phase === "swapped") assert.equal(shown.get(`swapped ${worker}`), "good");
      }
      if (rule.mode === "quorum") assert.ok(ready >= rule.quorum, `${ready} of ${rule.quorum}`);
      const swapped = core.members().some(({ phase }) => phase === "swapped");
      if (rule.mode === "rolling" && ready > 0) assert.ok(swapped, "nobody tried it");
    }
    const early = rule.mode === "rolling" ? ["install"] : ["gate", "swap", "poison"];
    if (early.includes(command.type)) assert.ok(committed, `${command.type} before the commit`);
    if (command.type === "install") assert.equal(shown.get(`swapped ${command.worker}`), "good");
  }
}

for (const mode of RULES) {
  test(`random histories, ${mode}: one commit or none, nothing served before it, no wait without end`, () => {
    const random = seededRandom(testSeed(`publication ${mode}`));
    const ends = new Map<string, number>();
    for (let i = 0; i < 3_000; i++) {
      const end = history(mode, random);
      ends.set(end, (ends.get(end) ?? 0) + 1);
    }
    // Both ends must be common, or the histories prove little.
    for (const end of ["done", "aborted"])
      assert.ok((ends.get(end) ?? 0) > 300, JSON.stringify([...ends]));
  });
}
