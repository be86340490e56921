import assert from "node:assert/strict";
import { test } from "node:test";
import { createPlacementOwner } from "../../../server/placement/owner.ts";
import { createScheduler } from "../../../server/scheduler/scheduler.ts";
import { seededRandom } from "../../support/seeded-random.ts";
import { settle } from "../../support/virtual-clock.ts";
import { card } from "../scheduler/samples.ts";
import { createOwnerFixture, EPOCH } from "./owner-fixture.ts";

test("a grant says where, under which version, cache namespace, mode and epoch", async () => {
  const { join, offer, replies } = await createOwnerFixture();
  await join("w1");
  offer("j/a", { logprobModes: ["tempered", "raw", "processed"] });
  assert.deepEqual(replies, [
    {
      type: "grant",
      key: "j/a",
      attempt: 1,
      worker: "w1",
      slot: 0,
      incarnation: "w1-1",
      version: 1,
      cacheNamespace: "p@1#1",
      // The first of the rollout's modes that this worker has.
      logprobMode: "raw",
      segment: null,
      epoch: EPOCH,
    },
  ]);
});

test("without a worker a rollout is held; it is granted when one has proved its version", async () => {
  const { join, offer, replies, grants, fleet, engine, prove } = await createOwnerFixture();
  offer("j/a");
  assert.deepEqual(replies, [{ type: "held", key: "j/a", reason: "no_eligible_worker" }]);
  engine("w1").description = { ...engine("w1").description, incarnation: "w1-1" };
  await fleet.register({ id: "w1", url: engine("w1").url, engine: "simulated" });
  assert.deepEqual(grants(), []);
  assert.deepEqual(replies.at(-1), { type: "held", key: "j/a", reason: "version_unavailable" });
  prove("w1", 1);
  assert.deepEqual(grants(), ["j/a>w1"]);
  await join("w2");
  assert.deepEqual(grants(), ["j/a>w1"]);
});

test("a reply that sends requests at once is handled after the command that it answers", async () => {
  const { join, owner, offer, snapshotOf } = await withSnapshot();
  await join("w1");
  const order: string[] = [];
  let sending = false;
  owner.connect((reply) => {
    assert.ok(!sending, "a reply came out of the request of another reply");
    order.push(`${reply.type} ${reply.key}`);
    if (reply.type !== "grant" || reply.attempt >= 3) return;
    sending = true;
    const { key, attempt } = reply;
    owner.send({ type: "done", key, attempt, outcome: "failed" });
    offer(key, { attempt: attempt + 1 });
    sending = false;
  });
  offer("j/a");
  assert.deepEqual(order, ["grant j/a", "grant j/a", "grant j/a"]);
  assert.deepEqual(snapshotOf(), { waiting: 0, running: 1 });
});

async function withSnapshot() {
  const fixture = await createOwnerFixture();
  const snapshotOf = () => {
    const { waiting, running } = fixture.owner.snapshot();
    return { waiting, running };
  };
  return { ...fixture, snapshotOf };
}

test("what comes late from an older attempt changes nothing", async () => {
  const { join, offer, done, owner, grants, snapshotOf } = await withSnapshot();
  await join("w1");
  offer("j/a");
  owner.send({ type: "done", key: "j/a", attempt: 1, outcome: "failed" });
  offer("j/a", { attempt: 2, logprobModes: ["raw"] });
  assert.deepEqual(grants(), ["j/a>w1", "j/a>w1"]);
  done("j/a", 1);
  owner.send({ type: "progress", key: "j/a", attempt: 1, outputTokens: 99 });
  offer("j/a", { attempt: 1 });
  offer("j/a", { attempt: 2 });
  assert.deepEqual(snapshotOf(), { waiting: 0, running: 1 });
  assert.equal(grants().length, 2);
  done("j/a", 2);
  assert.deepEqual(snapshotOf(), { waiting: 0, running: 0 });
});

test("a late message does not cost a waiting rollout its card", async () => {
  const { join, offer, done, replies } = await createOwnerFixture();
  offer("j/a", { attempt: 2, logprobModes: ["raw"] });
  done("j/a", 1);
  await join("w1");
  const grant = replies.find((reply) => reply.type === "grant");
  assert.equal(grant?.logprobMode, "raw");
});

test("a restarted worker's rollouts are revoked, and it gets none before it proves a version", async () => {
  const { join, offer, revokes, grants, engine, fleet, prove, owner } = await createOwnerFixture();
  await join("w1");
  offer("j/a");
  engine("w1").restart("w1-2");
  fleet.report("w1", "w1-1", "socket_lost");
  await settle();
  assert.deepEqual(revokes(), ["j/a:worker_lost"]);
  owner.send({ type: "done", key: "j/a", attempt: 1, outcome: "lost" });
  offer("j/a", { attempt: 2 });
  assert.deepEqual(grants(), ["j/a>w1"]);
  prove("w1", 1);
  assert.deepEqual(grants(), ["j/a>w1", "j/a>w1"]);
});

test("a poisoned worker loses what runs there and what it had proved", async () => {
  const { join, offer, revokes, grants, fleet, prove, ledger } = await createOwnerFixture();
  await join("w1");
  offer("j/a");
  fleet.report("w1", "w1-1", "misversioned");
  assert.deepEqual(revokes(), ["j/a:worker_lost"]);
  assert.deepEqual(ledger.holds("w1", "w1-1"), []);
  offer("j/b");
  prove("w1", 1);
  assert.deepEqual(grants(), ["j/a>w1"]);
  fleet.mark("w1", "w1-1", "ready", null);
  assert.deepEqual(grants(), ["j/a>w1", "j/b>w1"]);
});

test("a lost or removed worker leaves the scheduler's books, and the ledger's", async () => {
  const { join, fleet, owner, ledger } = await createOwnerFixture();
  await join("w1");
  await join("w2");
  fleet.lose("w1", "exited");
  await fleet.remove("w2", "not needed");
  assert.deepEqual(owner.snapshot().slots, []);
  assert.deepEqual(ledger.holds("w1", "w1-1"), []);
  assert.deepEqual(ledger.holds("w2", "w2-1"), []);
});

test("a worker registered for other policies serves this one not, whatever it holds", async () => {
  const { join, offer, grants } = await createOwnerFixture();
  await join("w1", ["q"]);
  offer("j/a");
  assert.deepEqual(grants(), []);
  await join("w2", ["q", "p"]);
  assert.deepEqual(grants(), ["j/a>w2"]);
});

test("a paused, suspect or updating worker gets nothing until it is ready", async () => {
  const { join, offer, grants, fleet } = await createOwnerFixture();
  await join("w1");
  await fleet.pause("w1", "keep");
  offer("j/a");
  assert.deepEqual(grants(), []);
  fleet.mark("w1", "w1-1", "updating", "version 2");
  await fleet.resume("w1");
  assert.deepEqual(grants(), []);
  fleet.mark("w1", "w1-1", "ready", null);
  assert.deepEqual(grants(), ["j/a>w1"]);
});

test("an owner that takes over late finds workers, policies and versions", async () => {
  const { join, ledger, fleet, clock, owner } = await createOwnerFixture();
  await join("w1");
  owner.retire();
  const scheduler = createScheduler(clock, seededRandom(1));
  const next = createPlacementOwner({ scheduler, fleet, ledger, clock, epoch: EPOCH + 1 });
  const epochs: number[] = [];
  next.connect((reply) => reply.type === "grant" && epochs.push(reply.epoch));
  next.send({ type: "offer", card: card("j/a") });
  assert.deepEqual(epochs, [EPOCH + 1]);
});

test("caches are followed through wake-ups, until the owner is retired", async () => {
  const { join, offer, engine, clock, owner } = await createOwnerFixture();
  let closed = 0;
  const followCache = async () => ({ close: () => void closed++ });
  Object.assign(engine("w1"), { followCache });
  await join("w1");
  offer("j/a");
  owner.send({ type: "done", key: "j/a", attempt: 1, outcome: "lost" });
  await clock.advance(1_000);
  assert.equal(closed, 0, "the end of a suspicion closes nothing");
  owner.retire();
  assert.equal(closed, 1);
});

test("a retired owner grants nothing, whatever it hears", async () => {
  const { join, offer, owner, replies, fleet } = await createOwnerFixture();
  await join("w1");
  owner.retire();
  offer("j/a");
  fleet.lose("w1", "exited");
  assert.deepEqual(replies, []);
});

test("a step is one of the current run: an older run's label satisfies no min_step", async () => {
  const { join, ledger, offer, done, grants, replies, commit, prove } = await createOwnerFixture();
  const { epoch } = await ledger.openRun({ policy: "p", run: "old" });
  await join("w1");
  prove("w1", await commit({ runEpoch: epoch, label: { run: "old", step: 100 } }));
  const card = { constraint: { min_step: 90 } } as const;
  offer("j/a", card);
  assert.deepEqual(grants(), ["j/a>w1"]);
  done("j/a");
  const next = await ledger.openRun({ policy: "p", run: "new" });
  offer("j/b", card);
  assert.deepEqual(replies.at(-1), { type: "held", key: "j/b", reason: "version_unavailable" });
  offer("j/c");
  assert.deepEqual(grants(), ["j/a>w1", "j/c>w1"], "without a constraint the old version serves");
  done("j/c");
  prove("w1", await commit({ runEpoch: next.epoch, label: { run: "new", step: 90 } }));
  assert.deepEqual(grants(), ["j/a>w1", "j/c>w1", "j/b>w1"]);
});
