/** Versions of adapters beside the weights in service: no worker stands still for one, and none claims one that it has not. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PacelineError } from "../../../../server/contract/errors.ts";
import { cacheNamespace } from "../../../../server/contract/policy.ts";
import type { AdapterUse } from "../../../../server/placement/adapters-port.ts";
import { loadable } from "../../../../server/weights/coordinator/assignments.ts";
import type { FakeFleet } from "../fake-fleet.ts";
import { type Bench, createBench, failure, quiet } from "./bench.ts";

const never = new AbortController().signal;

interface Tuned extends Bench {
  /** Publishes a version of the adapter; answers its number. */
  tune(digest: string, policy?: string): Promise<number>;
}

/** Two workers that hold `p`, with room for `room` adapters each. */
async function createTuned(room: number, workers = ["a", "b"]): Promise<Tuned> {
  const bench = await createBench();
  for (const id of workers) bench.fleet.add(id, { shows: "receipt", room });
  for (const policy of ["ad", "other"]) {
    await bench.ledger.declare({ policy, kind: "lora", base: "p" });
  }
  await bench.publish("one");
  await quiet();
  bench.fleet.log.length = 0;
  return {
    ...bench,
    async tune(digest, policy = "ad") {
      const version = await bench.publish(digest, { policy });
      await quiet();
      return version;
    },
  };
}

/** A rollout under the fleet's version of it. */
function use({ publisher, ledger }: Bench, worker: string, policy: string): AdapterUse {
  const version = ledger.policy(policy).committedVersion ?? 1;
  const made = publisher.enter({ worker, incarnation: `${worker}.1`, version }, policy);
  assert.ok(made);
  return made;
}

const adaptersOf = (fleet: FakeFleet, id: string): string[] =>
  [...fleet.of(id).adapters.keys()].sort();

/** What one call of the publication has come to on each worker. */
const phases = ({ publisher }: Bench, version: number, policy = "ad") =>
  Object.fromEntries(
    publisher.progress(policy, version).workers.map(({ worker, phase }) => [worker, phase]),
  );

describe("an adapter is put beside its base", () => {
  test("without a pause: read, listed, computed, proved", async () => {
    const bench = await createTuned(2);
    const version = await bench.tune("v1");
    assert.deepEqual(phases(bench, version), { a: "installed", b: "installed" });
    assert.deepEqual(bench.holds("ad"), { a: 1, b: 1 });
    const calls = new Set(bench.fleet.log.map((line) => line.replace(/^\w:/, "")));
    assert.deepEqual([...calls].sort(), ["canary", "held", "load"]);
    const [base, adapter] = bench.ledger.holds("a", "a.1");
    assert.ok(base && adapter);
    assert.deepEqual(adapter.base, { policy: "p", version: 1, load: base.load });
    assert.equal(adapter.proof, "receipt");
    assert.equal(cacheNamespace(adapter), `ad@1#0+p@1#${base.load}`);
    assert.equal(bench.ledger.version("ad", version).state, "installed");
  });

  test("a version leaves behind the last rollout under it, wherever a newer one serves", async () => {
    const bench = await createTuned(2);
    await bench.tune("v1");
    const ended = Promise.withResolvers<void>();
    bench.fleet.turn = (worker, call) =>
      worker === "a" && call === "unload" ? ended.promise : Promise.resolve();
    await bench.tune("v2");
    assert.deepEqual(bench.holds("ad"), { a: 2, b: 2 });
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["ad@1", "ad@2"]);
    assert.deepEqual(adaptersOf(bench.fleet, "b"), ["ad@2"]);
    assert.equal(bench.ledger.proved("a", "a.1", "ad", 1)?.version, 1);
    ended.resolve();
    await quiet();
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["ad@2"]);
  });

  test("where there is room for one alone, the worker is emptied and the old one makes way", async () => {
    const bench = await createTuned(1, ["a"]);
    await bench.tune("v1");
    bench.fleet.log.length = 0;
    await bench.tune("v2");
    assert.deepEqual(bench.holds("ad"), { a: 2 });
    const calls = bench.fleet.log.filter((line) => !line.endsWith(":held"));
    assert.deepEqual(calls.slice(0, 3), ["a:close", "a:unload", "a:load"]);
    assert.equal(calls.at(-1), "a:open");
    assert.equal(bench.fleet.closed.size, 0);
  });

  test("another adapter finds no room: one worker makes some, so that it is tried, and the others keep what they have", async () => {
    const bench = await createTuned(1);
    await bench.tune("v1");
    const version = await bench.tune("w1", "other");
    assert.deepEqual(phases(bench, version, "other"), { a: "installed", b: "failed" });
    assert.deepEqual(bench.holds("other"), { a: 1, b: null });
    assert.deepEqual(bench.holds("ad"), { a: null, b: 1 });
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["other@1"]);
  });

  test("where all that are there are in use, none makes room", async () => {
    const bench = await createTuned(1, ["a"]);
    await bench.tune("v1");
    use(bench, "a", "ad");
    const version = await bench.tune("w1", "other");
    assert.deepEqual(phases(bench, version, "other"), { a: "failed" });
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["ad@1"]);
    assert.deepEqual(bench.holds("ad"), { a: 1 });
  });

  test("another that comes before the first is proved finds no room either: an engine would drop the first without a word", async () => {
    const bench = await createTuned(1, ["a"]);
    const computed = Promise.withResolvers<void>();
    bench.fleet.turn = (_, call) => (call === "canary" ? computed.promise : Promise.resolve());
    await bench.tune("v1");
    const version = await bench.tune("w1", "other");
    computed.resolve();
    await quiet();
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["ad@1"]);
    assert.deepEqual(bench.holds("ad"), { a: 1 });
    assert.deepEqual(bench.holds("other"), { a: null });
    assert.deepEqual(phases(bench, version, "other"), { a: "failed" });
    assert.equal(bench.fleet.closed.size, 0);
  });

  test("two adapters at once: a worker takes one after the other", async () => {
    const bench = await createTuned(2);
    await Promise.all([bench.tune("v1"), bench.tune("w1", "other")]);
    await quiet();
    assert.deepEqual(bench.holds("ad"), { a: 1, b: 1 });
    assert.deepEqual(bench.holds("other"), { a: 1, b: 1 });
  });
});

describe("what lies beneath it", () => {
  test("a new version of its base: the adapter lies on that one from then on", async () => {
    const bench = await createTuned(2);
    await bench.tune("v1");
    await bench.publish("two");
    await quiet();
    const [base, adapter] = bench.ledger.holds("a", "a.1");
    assert.ok(base && adapter);
    assert.equal(base.version, 2);
    assert.deepEqual(adapter.base, { policy: "p", version: 2, load: base.load });
    assert.equal(bench.ledger.proved("a", "a.1", "ad", 1)?.base?.version, 2);
  });

  test("it goes to no worker before its base, and to a newcomer behind it", async () => {
    const bench = await createTuned(2);
    await bench.tune("v1");
    bench.fleet.add("c", { shows: "receipt", room: 2 });
    await quiet();
    assert.deepEqual(bench.holds("ad"), { a: 1, b: 1, c: 1 });
    const order = bench.fleet.log.filter((line) => line === "c:swap" || line === "c:load");
    assert.deepEqual(order, ["c:swap", "c:load"]);
  });

  test("a worker that comes back has neither until it has both", async () => {
    const bench = await createTuned(2);
    await bench.tune("v1");
    bench.fleet.kill("a");
    assert.deepEqual(bench.ledger.holds("a", "a.1"), []);
    bench.fleet.add("a", { shows: "receipt", room: 2, incarnation: "a.2" });
    await quiet();
    assert.deepEqual(bench.holds("ad"), { a: 1, b: 1 });
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["ad@1"]);
  });

  test("an engine that takes no adapters is none of those that count", async () => {
    const bench = await createTuned(2, ["a"]);
    bench.fleet.add("plain", { shows: "receipt" });
    await quiet();
    const version = await bench.tune("v1");
    assert.deepEqual(phases(bench, version), { a: "installed", plain: "failed" });
    assert.equal(bench.ledger.version("ad", version).state, "installed");
  });
});

describe("more adapters than there is room for", () => {
  test("who needs one gets it: the one that nobody has used for longest makes way, and is loaded again when it is asked for", async () => {
    const bench = await createTuned(2, ["a"]);
    await bench.tune("v1");
    await bench.tune("w1", "other");
    await bench.ledger.declare({ policy: "third", kind: "lora", base: "p" });
    use(bench, "a", "ad").leave();
    await bench.tune("x1", "third");
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["ad@1", "third@1"]);
    bench.fleet.log.length = 0;
    const other = use(bench, "a", "other");
    const held = await other.ready(never);
    assert.equal(held?.policy, "other");
    assert.equal(held?.proof, "receipt");
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["other@1", "third@1"]);
    const calls = bench.fleet.log.filter((line) => !line.endsWith(":held"));
    assert.deepEqual(calls.slice(0, 3), ["a:unload", "a:load", "a:canary"]);
    assert.deepEqual(bench.holds("ad"), { a: null });
  });

  test("nothing that is used is unloaded: who finds all in use waits for the first that is not", async () => {
    const bench = await createTuned(1, ["a"]);
    await bench.tune("v1");
    const first = use(bench, "a", "ad");
    await bench.tune("w1", "other");
    const second = use(bench, "a", "other");
    let ready = false;
    const waited = second.ready(never).then((held) => {
      ready = true;
      return held;
    });
    await quiet();
    assert.equal(ready, false);
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["ad@1"]);
    first.leave();
    assert.equal((await waited)?.policy, "other");
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["other@1"]);
  });

  test("many that need the same one wait for one load, and one that leaves does not end it", async () => {
    const bench = await createTuned(1, ["a"]);
    await bench.tune("v1");
    await bench.tune("w1", "other");
    bench.fleet.log.length = 0;
    const control = new AbortController();
    const [one, two] = [use(bench, "a", "ad"), use(bench, "a", "ad")];
    const [left, stayed] = [one.ready(control.signal), two.ready(never)];
    control.abort(new PacelineError("cancelled", "left"));
    await assert.rejects(left, /left/);
    assert.equal((await stayed)?.version, 1);
    assert.equal(bench.fleet.log.filter((line) => line === "a:load").length, 1);
  });

  test("a load that fails is typed, and not tried again at once", async () => {
    const bench = await createTuned(1, ["a"]);
    await bench.tune("v1");
    await bench.tune("w1", "other");
    bench.fleet.of("a").faults.set("load", "reject");
    bench.fleet.log.length = 0;
    for (let i = 0; i < 2; i++) {
      const error = await failure(use(bench, "a", "ad").ready(never));
      assert.equal(error.code, "version_unavailable");
      assert.equal(error.details["cause"], "weights_rejected");
    }
    assert.equal(bench.fleet.log.filter((line) => line === "a:load").length, 1);
    bench.fleet.of("a").faults.clear();
    await bench.clock.advance(120_000);
    await quiet();
    assert.equal((await use(bench, "a", "ad").ready(never))?.version, 1);
  });

  test("one that computes otherwise than elsewhere is not believed there", async () => {
    const bench = await createTuned(1, ["a", "b", "c"]);
    await bench.tune("v1");
    await bench.tune("w1", "other");
    bench.fleet.of("a").faults.set("load", "lie");
    const error = await failure(use(bench, "a", "ad").ready(never));
    assert.equal(error.code, "version_unavailable");
    assert.deepEqual(bench.holds("ad"), { a: null, b: 1, c: 1 });
  });

  test("while an update has the worker closed another place is asked for; afterwards it lies on the new base", async () => {
    const bench = await createTuned(1, ["a"]);
    await bench.tune("v1");
    await bench.tune("w1", "other");
    const swapped = Promise.withResolvers<void>();
    bench.fleet.turn = (_, call) => (call === "swap" ? swapped.promise : Promise.resolve());
    await bench.publish("two");
    await quiet();
    assert.equal(await use(bench, "a", "ad").ready(never), null);
    swapped.resolve();
    await quiet();
    assert.equal((await use(bench, "a", "ad").ready(never))?.base?.version, 2);
  });

  test("an update waits for a load that runs", async () => {
    const bench = await createTuned(1, ["a"]);
    await bench.tune("v1");
    await bench.tune("w1", "other");
    const loaded = Promise.withResolvers<void>();
    bench.fleet.turn = (_, call) => (call === "load" ? loaded.promise : Promise.resolve());
    const held = use(bench, "a", "ad").ready(never);
    await quiet();
    await bench.publish("two");
    await quiet();
    assert.ok(!bench.fleet.log.includes("a:pause"), bench.fleet.log.join());
    loaded.resolve();
    assert.equal((await held)?.base?.version, 1);
    await quiet();
    assert.equal(
      bench.ledger.holds("a", "a.1").find(({ policy }) => policy === "ad")?.base?.version,
      2,
    );
  });

  test("what rollouts may be granted beside what is loaded: the fleet's versions on the base that is there", async () => {
    const bench = await createTuned(1, ["a"]);
    await bench.tune("v1");
    await bench.tune("w1", "other");
    const worker = bench.fleet.get("a");
    const offers = loadable(bench.ledger, worker, bench.ledger.holds("a", "a.1"));
    assert.deepEqual(
      offers.map(({ policy, version, base }) => [policy, version, base?.version]),
      [["ad", 1, 1]],
    );
    assert.deepEqual(loadable(bench.ledger, worker, []), []);
  });
});

describe("what goes wrong", () => {
  test("an adapter that cannot be read is not committed, and leaves nothing behind", async () => {
    const bench = await createTuned(2);
    await bench.tune("v1");
    bench.fleet.of("b").faults.set("load", "reject");
    const version = await bench.tune("v2");
    const error = await failure(bench.publisher.committed("ad", version));
    assert.equal(error.code, "commit_aborted");
    assert.deepEqual(bench.holds("ad"), { a: 1, b: 1 });
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["ad@1"]);
  });

  test("one that computes otherwise than the others is not believed; its base is", async () => {
    const bench = await createTuned(2, ["a", "b", "c"]);
    bench.fleet.of("c").faults.set("load", "lie");
    const version = await bench.tune("v1");
    assert.equal(phases(bench, version)["c"], "poisoned");
    assert.equal(bench.holds("p")["c"], 1);
    assert.equal(bench.holds("ad")["c"], null);
    bench.fleet.of("c").faults.clear();
    await bench.clock.advance(120_000);
    await quiet();
    assert.deepEqual(bench.holds("ad"), { a: 1, b: 1, c: 1 });
  });

  test("an adapter that an engine lost is put there again", async () => {
    const bench = await createTuned(2);
    await bench.tune("v1");
    const worker = bench.fleet.of("a");
    worker.adapters.clear();
    bench.fleet.tell(worker);
    await quiet();
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["ad@1"]);
    assert.deepEqual(bench.holds("ad"), { a: 1, b: 1 });
    assert.equal(worker.state, "ready");
  });

  test("what a former server left under a name of ours is removed first, what is another's is not", async () => {
    const bench = await createTuned(2, ["a"]);
    bench.fleet.of("a").adapters.set("ad@9", { policy: "ad", version: 9 });
    bench.fleet.of("a").adapters.set("theirs@1", { policy: "theirs", version: 1 });
    await bench.tune("v1");
    assert.deepEqual(adaptersOf(bench.fleet, "a"), ["ad@1", "theirs@1"]);
    assert.ok(!bench.fleet.log.includes("a:close"));
  });
});
