import assert from "node:assert/strict";
import { test } from "node:test";
import type { PacelineError } from "../../../server/contract/errors.ts";
import { settle } from "../../support/virtual-clock.ts";
import { createFixture, type FleetFixture, URL_1 } from "./fleet-fixture.ts";

async function withWorker(
  options: Parameters<typeof createFixture>[0] = {},
): Promise<FleetFixture & { state(): string }> {
  const fixture = createFixture(options);
  await fixture.fleet.register({ url: URL_1, engine: "simulated", id: "w" });
  return { ...fixture, state: () => fixture.fleet.get("w").state };
}

test("successful probes renew the lease of a worker without an agent", async () => {
  const { clock, state, states, engine } = await withWorker();
  await clock.advance(60_000);
  assert.equal(state(), "ready");
  assert.deepEqual(states, ["ready"]);
  assert.ok(engine(URL_1).probes > 50);
});

test("a refused connection is suspect at once and lost after three strikes", async () => {
  const { until, state, engine, states, clock, changes } = await withWorker();
  engine(URL_1).mood = "refused";
  await until(() => state() === "lost");
  assert.deepEqual(states, ["ready", "suspect", "lost"]);
  assert.ok(clock.now() < 2_000, `lost after ${clock.now()} ms`);
  const deaths = changes.filter((change) => change.type === "lost");
  assert.deepEqual(
    deaths.map(({ incarnation }) => incarnation),
    ["i-1"],
  );
});

test("a worker that answers again before the last strike was only suspect", async () => {
  const { until, state, engine, states, clock } = await withWorker();
  engine(URL_1).mood = "silent";
  await until(() => state() === "suspect");
  engine(URL_1).mood = "well";
  await until(() => state() === "ready");
  await clock.advance(20_000);
  assert.deepEqual(states, ["ready", "suspect", "ready"]);
});

test("a hung worker is lost within its lease", async () => {
  const { until, state, engine, clock } = await withWorker();
  engine(URL_1).mood = "silent";
  await until(() => state() === "lost");
  assert.ok(clock.now() <= 10_000, `lost after ${clock.now()} ms`);
});

test("an answer that lay unread while we stood still ourselves counts, however long that was", async () => {
  const { state, states, engine, clock } = await withWorker();
  const { promise, resolve } = Promise.withResolvers<void>();
  engine(URL_1).gate = promise;
  await clock.advance(1_200);
  clock.stall(60_000);
  await clock.advance(1);
  engine(URL_1).gate = null;
  resolve();
  await settle();
  assert.equal(state(), "ready");
  assert.deepEqual(states, ["ready"]);
});

test("an engine that stays silent after we stood still is doubted all the same", async () => {
  const { state, engine, clock } = await withWorker();
  engine(URL_1).mood = "silent";
  await clock.advance(1_200);
  clock.stall(3_000);
  await clock.advance(3_000);
  assert.equal(state(), "suspect");
});

test("a lapsed lease ends a worker however many strikes are allowed", async () => {
  const { until, state, engine, clock } = await withWorker({ strikes: 1_000 });
  engine(URL_1).mood = "refused";
  await until(() => state() === "lost");
  assert.ok(clock.now() >= 9_000 && clock.now() < 12_000, `lost after ${clock.now()} ms`);
});

test("a lost socket is a loss at once if the probe fails, and nothing if it does not", async () => {
  const { fleet, state, engine, states } = await withWorker();
  fleet.report("w", "i-1", "socket_lost");
  await settle();
  assert.deepEqual(states, ["ready"]);
  engine(URL_1).mood = "refused";
  fleet.report("w", "i-1", "socket_lost");
  await settle();
  assert.equal(state(), "lost");
  assert.deepEqual(states, ["ready", "lost"]);
});

test("a lost socket and another incarnation: the old one is dead, the new one serves", async () => {
  const { fleet, engine, changes } = await withWorker();
  engine(URL_1).restart("i-2");
  fleet.report("w", "i-1", "socket_lost");
  await settle();
  assert.deepEqual(
    changes.map((change) => (change.type === "lost" ? change.incarnation : change.worker.state)),
    ["ready", "i-1", "lost", "ready"],
  );
  assert.equal(fleet.get("w").description.incarnation, "i-2");
});

test("evidence during a probe asks for another: the running one may be from before", async () => {
  const { fleet, engine, state, clock } = await withWorker();
  let open = (): void => {};
  engine(URL_1).gate = new Promise((resolve) => {
    open = resolve;
  });
  await clock.advance(1_200);
  const before = engine(URL_1).probes;
  fleet.report("w", "i-1", "socket_lost");
  engine(URL_1).gate = null;
  open();
  await settle();
  assert.equal(engine(URL_1).probes, before + 1);
  assert.equal(state(), "ready");
});

test("a stuck stream is a loss only with a failed probe", async () => {
  const { fleet, engine, state, clock } = await withWorker({ probeMs: 60_000, leaseMs: 600_000 });
  fleet.report("w", "i-1", "stuck");
  await settle();
  assert.equal(state(), "ready");
  engine(URL_1).mood = "silent";
  fleet.report("w", "i-1", "stuck");
  await clock.advance(2_000);
  assert.equal(state(), "lost");
});

test("evidence about an incarnation that is gone changes nothing", async () => {
  const { fleet, engine, state } = await withWorker();
  const { probes } = engine(URL_1);
  for (const evidence of ["socket_lost", "misversioned", "stuck"] as const) {
    fleet.report("w", "i-0", evidence);
    fleet.report("nobody", "i-1", evidence);
  }
  await settle();
  assert.equal(state(), "ready");
  assert.equal(engine(URL_1).probes, probes);
});

test("broken answers close a worker for a while, twice as long when they come again", async () => {
  const { fleet, state, until, clock, states } = await withWorker();
  const closedFor = async (): Promise<number> => {
    assert.equal(state(), "suspect");
    const from = clock.now();
    await until(() => state() === "ready");
    return clock.now() - from;
  };
  fleet.report("w", "i-1", "misaligned");
  fleet.report("w", "i-1", "engine_error");
  assert.equal(state(), "ready");
  fleet.report("w", "i-1", "engine_error");
  const first = await closedFor();
  fleet.report("w", "i-1", "engine_error");
  const second = await closedFor();
  assert.ok(first >= 1_000 && second >= 2_000, `closed for ${first} and ${second} ms`);
  assert.deepEqual(states, ["ready", "suspect", "ready", "suspect", "ready"]);
});

test("good answers outweigh broken ones", async () => {
  const { fleet, state } = await withWorker();
  for (let i = 0; i < 20; i++) {
    fleet.report("w", "i-1", "engine_error");
    fleet.report("w", "i-1", "ok");
  }
  assert.equal(state(), "ready");
});

test("a worker whose tokens claim an unproven version is poisoned until lifted or restarted", async () => {
  const { fleet, state, clock, engine, until } = await withWorker();
  fleet.report("w", "i-1", "misversioned");
  assert.equal(state(), "poisoned");
  await clock.advance(30_000);
  assert.equal(state(), "poisoned");
  fleet.mark("w", "i-1", "ready", null);
  assert.equal(state(), "ready");
  fleet.report("w", "i-1", "misversioned");
  engine(URL_1).restart("i-2");
  await until(() => state() === "ready");
  assert.equal(fleet.get("w").description.incarnation, "i-2");
});

test("a lost worker is probed again with back-off, and comes back under another incarnation", async () => {
  const { fleet, state, engine, until, clock, changes } = await withWorker();
  engine(URL_1).mood = "refused";
  await until(() => state() === "lost");
  const before = engine(URL_1).probes;
  await clock.advance(120_000);
  const tries = engine(URL_1).probes - before;
  assert.ok(tries >= 5 && tries <= 9, `${tries} probes of a dead worker in two minutes`);
  engine(URL_1).mood = "well";
  await until(() => state() === "ready");
  // The process never died, but its death was told: it may not come back under the same name.
  assert.equal(fleet.get("w").description.incarnation, "i-1~1");
  assert.equal(fleet.engine("w", "i-1"), null);
  fleet.renew("w", "i-1");
  assert.equal(changes.filter((change) => change.type === "lost").length, 1);
});

test("a worker whose process is known to be dead is not probed, and not revived by an old answer", async () => {
  const { fleet, state, engine, clock } = await withWorker();
  let open = (): void => {};
  engine(URL_1).gate = new Promise((resolve) => {
    open = resolve;
  });
  await clock.advance(1_200);
  fleet.lose("w", "exited with code 1");
  open();
  engine(URL_1).gate = null;
  await settle();
  const { probes } = engine(URL_1);
  await clock.advance(120_000);
  assert.equal(state(), "lost");
  assert.equal(fleet.get("w").reason, "exited with code 1");
  assert.equal(engine(URL_1).probes, probes);
  await fleet.register({ url: URL_1, engine: "simulated", id: "w" });
  assert.equal(state(), "ready");
});

test("silence is forgiven while weights are swapped, a refused connection never", async () => {
  const { fleet, state, engine, clock, until } = await withWorker();
  fleet.mark("w", "i-1", "updating", "version 2");
  engine(URL_1).mood = "silent";
  await clock.advance(30_000);
  assert.equal(state(), "updating");
  engine(URL_1).mood = "refused";
  await until(() => state() === "lost");
  assert.ok(clock.now() < 40_000);
});

test("forgiveness ends", async () => {
  const { fleet, state, engine, clock } = await withWorker({ graceMs: 20_000 });
  fleet.mark("w", "i-1", "updating", "version 2");
  engine(URL_1).mood = "silent";
  await clock.advance(30_000);
  assert.equal(state(), "lost");
});

test("an agent's lease: probes do not renew it, and its end is not the engine's", async () => {
  const { fleet, clock, state } = await withWorker();
  await clock.advance(500);
  fleet.renew("w", "i-1");
  await clock.advance(5_000);
  assert.equal(fleet.get("w").leaseMs, 5_000);
  await clock.advance(10_000);
  assert.equal(state(), "ready");
  assert.ok(fleet.get("w").leaseMs > 5_000, "probes keep the lease after the agent is gone");
});

test("renewing a lease that is not one's own is refused", async () => {
  const { fleet } = await withWorker();
  const lost = (error: PacelineError) => error.code === "lease_lost";
  assert.throws(() => fleet.renew("w", "i-0"), lost);
  fleet.lose("w", "exited");
  assert.throws(() => fleet.renew("w", "i-1"), lost);
});

test("a wall clock that jumps by hours neither ends a lease nor prolongs one", async () => {
  const HOURS = 5 * 3_600_000;
  const lostAt: number[] = [];
  for (const jump of [0, HOURS, -HOURS]) {
    const { clock, state, engine, until, states } = await withWorker();
    for (let second = 0; second < 30; second++) {
      clock.jumpWall(second % 2 === 0 ? jump : -2 * jump);
      await clock.advance(1_000);
    }
    assert.deepEqual(states, ["ready"]);
    engine(URL_1).mood = "silent";
    clock.jumpWall(-jump);
    await until(() => state() === "lost");
    lostAt.push(clock.now());
  }
  assert.equal(new Set(lostAt).size, 1, `lost at ${lostAt.join(", ")} ms`);
});
