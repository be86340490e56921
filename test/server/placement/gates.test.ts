import assert from "node:assert/strict";
import { test } from "node:test";
import type { ErrorCode, PacelineError } from "../../../server/contract/errors.ts";
import { settle } from "../../support/virtual-clock.ts";
import { createOwnerFixture, type OwnerFixture } from "./owner-fixture.ts";

const code = (expected: ErrorCode) => (error: PacelineError) => error.code === expected;

/** Whether a promise has settled, after everything that can run has run. */
async function settled(promise: Promise<unknown>): Promise<boolean> {
  let over = false;
  const note = () => {
    over = true;
  };
  promise.then(note, note);
  await settle();
  return over;
}

async function withRollouts(...onUpdates: ("keep" | "reprefill" | "finish")[]) {
  const fixture = await createOwnerFixture();
  await fixture.join("w1");
  for (const [i, onUpdate] of onUpdates.entries())
    fixture.offer(`j/${i}-${onUpdate}`, { onUpdate });
  assert.equal(fixture.grants().length, onUpdates.length);
  return fixture;
}

test("an update keeps, ends and waits as each rollout wants", async () => {
  const { close, revokes, owner, done } = await withRollouts("keep", "reprefill", "finish");
  const closing = close("w1", "keep");
  assert.deepEqual(revokes(), ["j/1-reprefill:update"]);
  owner.send({ type: "done", key: "j/1-reprefill", attempt: 1, outcome: "revoked" });
  assert.equal(await settled(closing), false);
  done("j/2-finish");
  assert.deepEqual(await closing, { kept: ["j/0-keep"] });
});

test("after the grace, what should have finished lives through the update", async () => {
  const { close, clock } = await withRollouts("finish");
  const closing = close("w1", "keep", 1_000);
  await clock.advance(999);
  assert.equal(await settled(closing), false);
  await clock.advance(1);
  assert.deepEqual(await closing, { kept: ["j/0-finish"] });
});

test("a job's own grace may be longer than the update's, and is waited for", async () => {
  const { close, clock, owner, offer, join } = await createOwnerFixture();
  await join("w1");
  const rule = { weight: 1, maxRunning: null };
  owner.declare("patient", { ...rule, updateGraceMs: 60_000 });
  owner.declare("other", { ...rule, updateGraceMs: 10 });
  assert.equal(owner.longestGraceMs(1_000), 60_000);
  assert.equal(owner.longestGraceMs(90_000), 90_000);
  offer("patient/1", { onUpdate: "finish", updateGraceMs: 60_000 });
  const closing = close("w1", "keep", 1_000);
  await clock.advance(59_999);
  assert.equal(await settled(closing), false);
  await clock.advance(1);
  assert.deepEqual(await closing, { kept: ["patient/1"] });
  // Rollouts that were accepted before may still have it.
  owner.declare("patient", { ...rule, updateGraceMs: null });
  assert.equal(owner.longestGraceMs(0), 60_000);
});

test("a closed worker gets nothing; opened, it gets what waited, under what it proved meanwhile", async () => {
  const { close, offer, grants, replies, owner, commit, prove } = await withRollouts();
  const second = await commit();
  await close("w1", "keep");
  offer("j/a");
  assert.deepEqual(grants(), []);
  prove("w1", second);
  assert.deepEqual(grants(), []);
  owner.open("w1");
  const grant = replies.find((reply) => reply.type === "grant");
  assert.deepEqual([grant?.key, grant?.version], ["j/a", second]);
});

test("a second gate on a worker is refused; the first is not disturbed", async () => {
  const { close, done } = await withRollouts("finish");
  const first = close("w1", "keep");
  await assert.rejects(close("w1", "keep"), code("version_conflict"));
  done("j/0-finish");
  assert.deepEqual(await first, { kept: [] });
});

test("a gate names its incarnation", async () => {
  const { owner, fleet } = await withRollouts();
  const how = { why: "update", onUpdate: "keep", graceMs: 0 } as const;
  await assert.rejects(owner.close("w1", "w1-0", how), code("engine_unreachable"));
  await assert.rejects(owner.close("nobody", "w1-1", how), code("engine_unreachable"));
  fleet.lose("w1", "exited");
  await assert.rejects(owner.close("w1", "w1-1", how), code("engine_unreachable"));
});

test("a worker that dies while it is being closed ends the wait", async () => {
  const { close, fleet } = await withRollouts("finish");
  const closing = assert.rejects(close("w1", "keep", 60_000), code("engine_unreachable"));
  fleet.lose("w1", "exited");
  await closing;
});

test("rollouts that are told to end and do not end the wait late, but they end it", async () => {
  const { close, clock, revokes } = await withRollouts("reprefill");
  const closing = assert.rejects(close("w1", "keep", 1_000), code("deadline_exceeded"));
  assert.deepEqual(revokes(), ["j/0-reprefill:update"]);
  await clock.advance(11_000);
  await closing;
});

test("opening gives up a wait that is under way", async () => {
  const { close, owner, offer, grants } = await withRollouts("finish");
  const closing = assert.rejects(close("w1", "keep", 60_000), code("version_conflict"));
  owner.open("w1");
  await closing;
  offer("j/a");
  assert.equal(grants().at(-1), "j/a>w1");
});

test("a gate may close again after it was opened", async () => {
  const { close, owner, done } = await withRollouts("finish");
  const first = assert.rejects(close("w1", "keep", 60_000), code("version_conflict"));
  owner.open("w1");
  await first;
  const again = close("w1", "keep", 60_000);
  done("j/0-finish");
  assert.deepEqual(await again, { kept: [] });
});

test("an update of the whole fleet ends while rollouts are held for the new version", async () => {
  const fixture = await createOwnerFixture();
  const { join, offer, close, clock, grants, revokes, owner, commit, prove, fleet } = fixture;
  const workers = ["w1", "w2", "w3", "w4"];
  for (const id of workers) await join(id);
  const kinds = ["keep", "reprefill", "finish"] as const;
  for (let i = 0; i < 24; i++) offer(`j/${i}`, { onUpdate: kinds[i % 3] ?? "keep" });
  assert.equal(grants().length, 24);
  const version = await commit();
  for (let i = 0; i < 8; i++) offer(`j/new-${i}`, { constraint: { min: version } });
  answerRevokes(fixture);
  const closing = Promise.all(
    workers.map(async (id) => {
      await close(id, "keep", 5_000);
      fleet.mark(id, `${id}-1`, "updating", null);
      prove(id, version);
      fleet.mark(id, `${id}-1`, "ready", null);
      owner.open(id);
    }),
  );
  await clock.advance(5_000);
  await closing;
  assert.equal(revokes().length, 8);
  const placed = new Set(grants().map((grant) => grant.split(">")[0]));
  for (let i = 0; i < 8; i++) assert.ok(placed.has(`j/new-${i}`), `j/new-${i} was never placed`);
  assert.equal(owner.snapshot().waiting, 0);
});

/** As the rollouts' life does: a revoked attempt ends, and its rollout asks for another place. */
function answerRevokes({ owner, replies, offer }: OwnerFixture): void {
  owner.connect((reply) => {
    replies.push(reply);
    if (reply.type !== "revoke") return;
    const { key, attempt } = reply;
    owner.send({ type: "done", key, attempt, outcome: "revoked" });
    offer(key, { attempt: attempt + 1, outputTokens: 10 });
  });
}

test("a drain waits for rollouts to end, then moves the rest", async () => {
  const fixture = await withRollouts("keep", "keep");
  const { owner, fleet, done, offer, grants, clock, revokes } = fixture;
  answerRevokes(fixture);
  const draining = owner.drain("w1", "finish", 3_000);
  await settle();
  assert.equal(fleet.get("w1").state, "draining");
  offer("j/late");
  done("j/0-keep");
  await clock.advance(2_999);
  assert.equal(await settled(draining), false);
  assert.deepEqual(revokes(), []);
  await clock.advance(1);
  await draining;
  assert.deepEqual(revokes(), ["j/1-keep:drain"]);
  assert.equal(grants().length, 2);
});

test("a drain by migration moves all at once; a retried call joins, and hastens a patient one", async () => {
  const fixture = await withRollouts("keep", "keep");
  const { owner, revokes } = fixture;
  answerRevokes(fixture);
  const patient = owner.drain("w1", "finish", 60_000);
  await settle();
  const joined = owner.drain("w1", "finish", 60_000);
  assert.equal(await settled(joined), false);
  await owner.drain("w1", "migrate", 60_000);
  await Promise.all([patient, joined]);
  assert.deepEqual(revokes(), ["j/0-keep:drain", "j/1-keep:drain"]);
});

test("a drain waits for an update to end, and an update is refused while draining", async () => {
  const { owner, close, fleet, offer, grants } = await withRollouts();
  await close("w1", "keep");
  fleet.mark("w1", "w1-1", "updating", null);
  const draining = owner.drain("w1", "finish", 5_000);
  assert.equal(await settled(draining), false);
  assert.equal(fleet.get("w1").state, "updating");
  fleet.mark("w1", "w1-1", "ready", null);
  owner.open("w1");
  await draining;
  assert.equal(fleet.get("w1").state, "draining");
  await assert.rejects(close("w1", "keep"), code("version_conflict"));
  // The coordinator opens what it failed to close: a drain stays shut.
  owner.open("w1");
  fleet.mark("w1", "w1-1", "ready", null);
  offer("j/a");
  assert.deepEqual(grants(), []);
});

test("a worker poisoned in the middle of its update is empty at once, and can be healed", async () => {
  const fixture = await withRollouts("keep", "finish");
  const { owner, close, fleet, ledger, commit, prove, offer, grants, revokes } = fixture;
  const second = await commit();
  const closing = close("w1", "keep", 60_000);
  fleet.mark("w1", "w1-1", "updating", null);
  fleet.mark("w1", "w1-1", "poisoned", "the swap failed");
  assert.deepEqual(await closing, { kept: [] });
  assert.deepEqual(revokes(), ["j/0-keep:worker_lost", "j/1-finish:worker_lost"]);
  // As the coordinator does: it makes sure, and brings the worker to the version later.
  await owner.drain("w1", "migrate", 0);
  assert.equal(fleet.get("w1").state, "poisoned");
  assert.deepEqual(ledger.holds("w1", "w1-1"), []);
  await close("w1", "keep");
  prove("w1", second);
  fleet.mark("w1", "w1-1", "ready", null);
  owner.open("w1");
  offer("j/a");
  assert.equal(grants().at(-1), "j/a>w1");
});

test("a drain behind an update that never ends is given up", async () => {
  const { owner, close, clock } = await withRollouts();
  await close("w1", "keep");
  const draining = assert.rejects(owner.drain("w1", "finish", 5_000), code("deadline_exceeded"));
  await settle();
  await clock.advance(5_000);
  await draining;
});

test("a worker that dies is drained", async () => {
  const { owner, fleet } = await withRollouts("keep");
  const draining = owner.drain("w1", "finish", 60_000);
  await settle();
  fleet.lose("w1", "exited");
  await draining;
  await owner.drain("w1", "finish", 60_000);
  await assert.rejects(owner.drain("nobody", "finish", 1), code("not_found"));
});
