/** Rolls and quorums by hand. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { waveOf } from "../../../../../server/weights/coordinator/core/commit-rule.ts";
import type { CoordinatorEvent } from "../../../../../server/weights/coordinator/core/events.ts";
import { driven, entry, PLAN } from "./driven.ts";

const ref = (worker: string) => ({ worker, incarnation: "1" });
const good = (worker: string): CoordinatorEvent => ({
  type: "staged",
  ...ref(worker),
  digest: "good",
});
const gated = (worker: string): CoordinatorEvent => ({ type: "gated", ...ref(worker) });
const swapped = (worker: string, digest = "good"): CoordinatorEvent => ({
  type: "swapped",
  ...ref(worker),
  digest,
});
const broken = (worker: string): CoordinatorEvent => ({
  type: "swap_failed",
  ...ref(worker),
  code: "engine_error",
  reason: "half-way",
});

/** Members a, b, … of a roll, all staged. */
function rolling(wave: number, members = "abcd") {
  const run = driven(
    { ...PLAN, width: 8, rule: { mode: "rolling", wave } },
    ...[...members].map((worker) => entry(ref(worker))),
  );
  const last = [...members].map((worker) => run.send(good(worker))).at(-1) ?? [];
  return { ...run, last };
}

describe("a roll", () => {
  test("tries the version on its first wave, commits, then takes the others as room allows", () => {
    const { last, send, core } = rolling(2);
    assert.deepEqual(last, ["gate a", "gate b"]);
    assert.equal(core.state, "trying");
    assert.deepEqual(send(gated("a")), [], "its rollouts go on while b is emptied");
    assert.deepEqual(send(gated("b")), ["swap a", "swap b"]);
    assert.deepEqual(send(swapped("a")), []);
    assert.deepEqual(send(swapped("b")), ["commit"]);
    assert.equal(core.nextDeadline(), null);
    assert.deepEqual(send({ type: "committed" }), ["install a", "install b"]);
    assert.deepEqual(send({ type: "installed", ...ref("a") }), ["gate c"]);
    assert.deepEqual(send({ type: "installed", ...ref("b") }), ["gate d"]);
    assert.deepEqual(send(gated("c")), ["swap c"]);
    assert.deepEqual(send(swapped("c")), ["install c"]);
    assert.deepEqual(send(broken("d")), [], "it was not told to swap");
    send(gated("d"));
    assert.deepEqual(send(broken("d")), ["poison d"], "alone: the version is committed");
    send({ type: "installed", ...ref("c") });
    assert.equal(core.state, "done");
  });

  for (const [what, event] of [
    ["a swap that fails", broken("b")],
    ["another digest than published", swapped("b", "bad")],
  ] as const) {
    test(`stops at ${what} in its first wave: the others were never touched`, () => {
      const { send, core, phases } = rolling(2);
      for (const worker of "ab") send(gated(worker));
      send(swapped("a"));
      assert.deepEqual(send(event), ["poison b", "abort", "discard c", "discard d", "poison a"]);
      assert.deepEqual(phases(), ["poisoned", "poisoned", "failed", "failed"]);
      assert.deepEqual(send({ type: "committed" }), []);
      assert.equal(core.state, "aborted");
    });
  }

  test("stops at a swap that takes too long, and opens what was closed", () => {
    const { send, at, core } = rolling(2);
    send(gated("a"));
    send({ type: "abort", code: "commit_aborted", reason: "wish" });
    assert.equal(core.state, "aborted");
    const { send: sendLate, at: atLate, core: late, phases } = rolling(1);
    sendLate(gated("a"));
    assert.deepEqual(atLate(30), ["poison a", "abort", "discard b", "discard c", "discard d"]);
    assert.equal(late.state, "aborted");
    assert.deepEqual(phases(), ["poisoned", "failed", "failed", "failed"]);
    assert.deepEqual(at(1_000), []);
  });

  test("an abort in the first wave opens who is closed and poisons who was replaced", () => {
    const { send } = rolling(3);
    for (const worker of "ab") send(gated(worker));
    assert.deepEqual(send({ type: "abort", code: "run_fenced", reason: "x" }), [
      "abort",
      "discard d",
      "ungate c",
      "discard c",
      "ungate a",
      "discard a",
      "ungate b",
      "discard b",
    ]);
    const other = rolling(1);
    other.send(gated("a"));
    other.send(swapped("a"));
    assert.deepEqual(other.send({ type: "commit_failed", code: "run_fenced", reason: "x" }), [
      "abort",
      "discard b",
      "discard c",
      "discard d",
      "poison a",
    ]);
  });

  test("who cannot be emptied or dies in the first wave is replaced by the next", () => {
    const { send, at } = rolling(1);
    assert.deepEqual(at(20), ["ungate a", "discard a", "gate b"]);
    assert.deepEqual(send({ type: "gone", ...ref("b"), reason: "x" }), ["gate c"]);
    assert.deepEqual(send(gated("c")), ["swap c"]);
    assert.deepEqual(send({ type: "gone", ...ref("c"), reason: "x" }), ["gate d"]);
    send(gated("d"));
    assert.deepEqual(send(swapped("d")), ["commit"]);
  });

  test("that nobody could be emptied for is aborted; that nobody is left for commits alone", () => {
    const { at, core } = rolling(4);
    const commands = at(20);
    assert.equal(commands.at(-1), "abort");
    assert.equal(core.state, "aborted");
    const { send, core: alone } = rolling(1, "a");
    assert.deepEqual(send({ type: "gone", ...ref("a"), reason: "x" }), ["commit"]);
    send({ type: "committed" });
    assert.equal(alone.state, "done");
  });

  test("without a wave size takes what can be spared: an eighth to half, at least one", () => {
    const rule = { mode: "rolling", wave: null } as const;
    const sizes = (spare: number): number[] =>
      [0, 1, 3, 4, 8, 16, 100, 1_000].map((members) => waveOf(rule, members, spare, 64));
    assert.deepEqual(sizes(0.25), [1, 1, 1, 1, 2, 4, 25, 64]);
    assert.deepEqual(sizes(0), [1, 1, 1, 1, 1, 2, 12, 64]);
    assert.deepEqual(sizes(1), [1, 1, 1, 2, 4, 8, 50, 64]);
    assert.equal(waveOf({ mode: "rolling", wave: 3 }, 16, 0, 64), 3);
  });
});

describe("a quorum", () => {
  const quorum = (k: number) =>
    driven(
      { ...PLAN, width: 8, rule: { mode: "quorum", quorum: k } },
      ...[..."abc"].map((worker) => entry(ref(worker))),
    );

  test("commits when enough have staged; the others stage and swap after it", () => {
    const { send, core } = quorum(2);
    send(good("a"));
    assert.deepEqual(send(good("b")), ["commit"]);
    assert.deepEqual(send({ type: "committed" }), ["gate a", "gate b"]);
    assert.deepEqual(send(good("c")), ["gate c"]);
    for (const worker of "abc") {
      send(gated(worker));
      send(swapped(worker));
      send({ type: "installed", ...ref(worker) });
    }
    assert.equal(core.state, "done");
  });

  test("goes on without those that fail while enough are left, else aborts", () => {
    const { send, core } = quorum(2);
    assert.deepEqual(send({ type: "staged", ...ref("a"), digest: "bad" }), ["discard a"]);
    assert.equal(core.state, "staging");
    send(good("b"));
    const failed = {
      type: "stage_failed",
      ...ref("c"),
      code: "engine_error",
      reason: "x",
    } as const;
    assert.deepEqual(send(failed), ["abort", "discard b"]);
    assert.deepEqual(quorum(4).first, ["abort"], "more than there are");
  });

  test("does not wait for the late after the commit: they catch up", () => {
    const { send, at, core } = quorum(1);
    send(good("a"));
    send({ type: "committed" });
    assert.ok((core.nextDeadline() ?? 1_000) <= 100);
    send(gated("a"));
    send(swapped("a"));
    send({ type: "installed", ...ref("a") });
    assert.equal(core.nextDeadline(), 100);
    assert.deepEqual(at(100), ["discard b", "discard c"]);
    assert.equal(core.state, "done");
  });
});
