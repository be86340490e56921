import assert from "node:assert/strict";
import { test } from "node:test";
import type { PacelineError } from "../../../server/contract/errors.ts";
import { settle } from "../../support/virtual-clock.ts";
import { createFixture, URL_1, URL_2 } from "./fleet-fixture.ts";

const simulated = (url: string, id?: string) =>
  ({ url, engine: "simulated", ...(id === undefined ? {} : { id }) }) as const;

const code = (expected: string) => (error: PacelineError) => error.code === expected;

test("a worker is probed before it is registered, and told as ready", async () => {
  const { fleet, changes, states } = createFixture();
  const worker = await fleet.register({ ...simulated(URL_1), pool: "p" });
  assert.equal(worker.id, "simulated-1");
  assert.equal(worker.pool, "p");
  assert.equal(worker.state, "ready");
  assert.equal(worker.leaseMs, 10_000);
  assert.deepEqual(states, ["ready"]);
  assert.deepEqual(
    changes.map((change) => change.type),
    ["worker"],
  );
});

test("a paused engine is registered as paused", async () => {
  const { fleet, engine } = createFixture();
  engine(URL_1).description = { ...engine(URL_1).description, paused: true };
  assert.equal((await fleet.register(simulated(URL_1))).state, "paused");
});

for (const ours of [true, false]) {
  const who = ours ? "us is let run and registered" : "somebody else is refused and left as it is";
  test(`an engine that can say nothing while it is paused by ${who}`, async () => {
    const { fleet, engine } = createFixture({}, (incarnation) => ours && incarnation === "i-1");
    const fake = engine(URL_1);
    fake.shy = true;
    fake.description = { ...fake.description, paused: true };
    if (ours) assert.equal((await fleet.register(simulated(URL_1))).state, "ready");
    else await assert.rejects(fleet.register(simulated(URL_1)), code("engine_error"));
    assert.deepEqual(fake.calls, ours ? ["resume"] : []);
    if (ours) return;
    // Whoever let it run registers it again.
    fake.description = { ...fake.description, paused: false };
    assert.equal((await fleet.register(simulated(URL_1))).state, "ready");
  });
}

test("keys reach the engine and nobody else; a later registration may bring others", async () => {
  const { fleet, changes, keysOf } = createFixture();
  const record = await fleet.register({ ...simulated(URL_1), apiKey: "k-1", adminApiKey: "a-1" });
  const shown = () => ({ api: keysOf(URL_1)?.api, admin: keysOf(URL_1)?.admin });
  assert.deepEqual(shown(), { api: "k-1", admin: "a-1" });
  await fleet.register(simulated(URL_1));
  assert.deepEqual(shown(), { api: "k-1", admin: "a-1" });
  await fleet.register({ ...simulated(URL_1), apiKey: "k-2" });
  assert.deepEqual(shown(), { api: "k-2", admin: null });
  const told = JSON.stringify([record, fleet.list(), changes]);
  assert.doesNotMatch(told, /k-1|a-1|k-2/);
});

test("an engine that cannot be probed is not registered and its sockets are closed", async () => {
  for (const [mood, expected] of [
    ["refused", "engine_unreachable"],
    ["garbage", "engine_error"],
    ["silent", "engine_unreachable"],
  ] as const) {
    const { fleet, engine, clock } = createFixture();
    engine(URL_1).mood = mood;
    const refused = assert.rejects(fleet.register(simulated(URL_1)), code(expected));
    await settle();
    await clock.advance(30_000);
    await refused;
    assert.deepEqual(fleet.list(), []);
    assert.ok(engine(URL_1).closed);
  }
});

test("what cannot be an id or a url is refused", async () => {
  const { fleet } = createFixture();
  for (const bad of [
    simulated("not a url"),
    simulated("ftp://host"),
    simulated(URL_1, "with space"),
    simulated(URL_1, "x".repeat(129)),
  ]) {
    await assert.rejects(fleet.register(bad), code("invalid_argument"));
  }
});

test("registering a url again answers the same worker, renewed, and may move its pool", async () => {
  const { fleet, clock, changes } = createFixture({ probeMs: 9_000 });
  const first = await fleet.register(simulated(`${URL_1}/`));
  await clock.advance(2_000);
  const again = await fleet.register({ ...simulated(URL_1), pool: "other" });
  assert.equal(again.id, first.id);
  assert.equal(again.pool, "other");
  assert.equal(again.leaseMs, 10_000);
  assert.equal(fleet.list().length, 1);
  assert.ok(!changes.some((change) => change.type === "lost"));
});

test("registrations of one url at the same time make one worker", async () => {
  const { fleet } = createFixture();
  const workers = await Promise.all([1, 2, 3].map(() => fleet.register(simulated(URL_1))));
  assert.deepEqual(new Set(workers.map(({ id }) => id)), new Set(["simulated-1"]));
  assert.equal(fleet.list().length, 1);
});

test("registering a url whose process restarted is the death of the old one", async () => {
  const { fleet, engine, changes } = createFixture();
  await fleet.register(simulated(URL_1, "w"));
  engine(URL_1).restart("i-2");
  const worker = await fleet.register(simulated(URL_1, "w"));
  assert.equal(worker.description.incarnation, "i-2");
  assert.deepEqual(
    changes.map((change) => (change.type === "lost" ? change.incarnation : change.worker.state)),
    ["ready", "i-1", "lost", "ready"],
  );
  assert.equal(fleet.engine("w", "i-1"), null);
  assert.notEqual(fleet.engine("w", "i-2"), null);
});

test("an id in use is a conflict while its worker lives, free once it is dead", async () => {
  const { fleet, engine } = createFixture();
  await fleet.register(simulated(URL_1, "w"));
  await assert.rejects(fleet.register(simulated(URL_2, "w")), code("conflict"));
  engine(URL_1).mood = "refused";
  const moved = await fleet.register(simulated(URL_2, "w"));
  assert.equal(moved.url, URL_2);
  assert.deepEqual(
    fleet.list().map(({ url }) => url),
    [URL_2],
  );
  assert.ok(engine(URL_1).closed);
});

test("two workers that race for one id: one gets it", async () => {
  const { fleet, engine } = createFixture();
  engine(URL_2).description = { ...engine(URL_2).description, incarnation: "j-1" };
  const both = await Promise.allSettled([
    fleet.register(simulated(URL_1, "w")),
    fleet.register(simulated(URL_2, "w")),
  ]);
  assert.deepEqual(both.map(({ status }) => status).sort(), ["fulfilled", "rejected"]);
  assert.equal(fleet.list().length, 1);
});

test("a url in use under another name is a conflict; a dead worker's url may be taken", async () => {
  const { fleet, engine } = createFixture();
  await fleet.register(simulated(URL_1, "a"));
  await assert.rejects(fleet.register(simulated(URL_1, "b")), code("conflict"));
  fleet.lose("a", "exited");
  engine(URL_1).restart("i-2");
  const worker = await fleet.register(simulated(URL_1, "b"));
  assert.equal(worker.id, "b");
  assert.deepEqual(
    fleet.list().map(({ id }) => id),
    ["b"],
  );
});

test("the fleet is bounded; the worker lost for longest makes room", async () => {
  const { fleet } = createFixture({ workers: 2 });
  await fleet.register(simulated(URL_1, "a"));
  await fleet.register(simulated(URL_2, "b"));
  const third = simulated("http://127.0.0.1:9003", "c");
  await assert.rejects(fleet.register(third), code("overloaded"));
  fleet.lose("a", "exited");
  await fleet.register(third);
  assert.deepEqual(
    fleet.list().map(({ id }) => id),
    ["b", "c"],
  );
});

test("remove tells the death, closes the sockets, and the worker is unknown", async () => {
  const { fleet, engine, changes } = createFixture();
  await fleet.register(simulated(URL_1, "w"));
  await fleet.remove("w", "no longer needed");
  const lost = changes.find((change) => change.type === "lost");
  assert.equal(lost?.reason, "no longer needed");
  assert.ok(engine(URL_1).closed);
  assert.throws(() => fleet.get("w"), code("not_found"));
  assert.equal(fleet.find("w"), null);
  await assert.rejects(fleet.remove("w", "again"), code("not_found"));
});

test("a closed fleet takes nobody and leaves no timer", async () => {
  const { fleet, clock } = createFixture();
  const { description } = await fleet.register(simulated(URL_1, "w"));
  fleet.engine("w", description.incarnation);
  await fleet.close();
  await settle();
  assert.equal(clock.timers, 0);
  await assert.rejects(fleet.register(simulated(URL_2)), code("shutting_down"));
});

test("how many token ids there are is what the workers of today say, to each that may use them", async () => {
  const { fleet, engine } = createFixture();
  const asking = (policy: string, pool: string | null, ...pools: string[]) =>
    fleet.vocabularyFor({ policy, pool, pools });
  assert.equal(asking("a", null), null);
  const of = (vocabSize: number, url: string) => {
    engine(url).description = { ...engine(url).description, vocabSize };
  };
  of(100, URL_1);
  of(200, URL_2);
  await fleet.register({ ...simulated(URL_1, "one"), pool: "p" });
  assert.equal(asking("a", null), 100);
  await fleet.register({ ...simulated(URL_2, "two"), pool: "q", policies: ["b"] });
  assert.deepEqual([asking("a", null), asking("b", null)], [100, 200]);
  assert.deepEqual([asking("b", "p"), asking("b", "q"), asking("a", "q")], [100, 200, null]);
  assert.deepEqual([asking("b", null, "p", "q"), asking("b", null, "r")], [200, null]);
  await fleet.remove("two", "test");
  assert.deepEqual([asking("b", null), asking("b", "q")], [100, null]);
});

test("a lost worker counts until it is forgotten, which nobody is told of", async () => {
  const { fleet } = createFixture();
  const { id, description } = await fleet.register(simulated(URL_1));
  const asking = { policy: "a", pool: null, pools: [] };
  fleet.lose(id, "test");
  assert.equal(fleet.vocabularyFor(asking), description.vocabSize);
  await fleet.remove(id, "test");
  assert.equal(fleet.vocabularyFor(asking), null);
});
