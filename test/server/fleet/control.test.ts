import assert from "node:assert/strict";
import { test } from "node:test";
import type { PacelineError } from "../../../server/contract/errors.ts";
import { settle } from "../../support/virtual-clock.ts";
import { createFixture, type FleetFixture, URL_1 } from "./fleet-fixture.ts";

async function withWorker(): Promise<FleetFixture & { state(): string }> {
  const fixture = createFixture();
  await fixture.fleet.register({ url: URL_1, engine: "simulated", id: "w" });
  return { ...fixture, state: () => fixture.fleet.get("w").state };
}

test("pause, resume and flush reach the engine; the worker is paused in between", async () => {
  const { fleet, engine, states, clock } = await withWorker();
  assert.equal((await fleet.pause("w", "keep")).state, "paused");
  await clock.advance(5_000);
  await fleet.flush("w");
  assert.equal((await fleet.resume("w")).state, "ready");
  assert.deepEqual(engine(URL_1).calls, ["pause keep", "flush", "resume"]);
  assert.deepEqual(states, ["ready", "paused", "ready"]);
});

test("a mode that the engine does not have is refused before it is asked", async () => {
  const { fleet, engine, state } = await withWorker();
  await assert.rejects(
    fleet.pause("w", "retract"),
    (error: PacelineError) => error.code === "unsupported",
  );
  assert.deepEqual(engine(URL_1).calls, []);
  assert.equal(state(), "ready");
  await assert.rejects(
    fleet.pause("nobody", "keep"),
    (error: PacelineError) => error.code === "not_found",
  );
});

test("a pause that fails is told, and a probe finds out whether the engine stands", async () => {
  const { fleet, engine, state, until } = await withWorker();
  engine(URL_1).mood = "garbage";
  const failed = assert.rejects(fleet.pause("w", "keep"));
  assert.equal(state(), "paused");
  await failed;
  engine(URL_1).mood = "well";
  await until(() => state() === "ready");
});

test("a pause at the engine itself is seen by the next probe, and its end too", async () => {
  const { engine, state, until } = await withWorker();
  engine(URL_1).description = { ...engine(URL_1).description, paused: true };
  await until(() => state() === "paused");
  engine(URL_1).description = { ...engine(URL_1).description, paused: false };
  await until(() => state() === "ready");
});

test("the pause of a weight update is no operator's", async () => {
  const { fleet, engine, states, clock } = await withWorker();
  fleet.mark("w", "i-1", "updating", "version 2");
  engine(URL_1).description = { ...engine(URL_1).description, paused: true };
  await clock.advance(3_000);
  engine(URL_1).description = { ...engine(URL_1).description, paused: false };
  fleet.mark("w", "i-1", "ready", null);
  await clock.advance(3_000);
  assert.deepEqual(states, ["ready", "updating", "ready"]);
});

test("the pause that a failed update leaves behind is no operator's either", async () => {
  const { fleet, engine, states, clock } = await withWorker();
  fleet.mark("w", "i-1", "updating", "version 2");
  engine(URL_1).description = { ...engine(URL_1).description, paused: true };
  fleet.mark("w", "i-1", "poisoned", "the swap failed");
  await clock.advance(3_000);
  // Whoever heals it lets it run again.
  fleet.mark("w", "i-1", "updating", "version 2 again");
  engine(URL_1).description = { ...engine(URL_1).description, paused: false };
  fleet.mark("w", "i-1", "ready", null);
  assert.deepEqual(states, ["ready", "updating", "poisoned", "ready"]);
});

test("an operator's pause outlives a weight update", async () => {
  const { fleet, states, state } = await withWorker();
  await fleet.pause("w", "keep");
  fleet.mark("w", "i-1", "updating", "version 2");
  assert.equal(state(), "updating");
  fleet.mark("w", "i-1", "ready", null);
  assert.deepEqual(states, ["ready", "paused", "updating", "paused"]);
});

test("a probe that a control call overlapped does not tell whether the worker is paused", async () => {
  const { fleet, engine, state, clock } = await withWorker();
  let open = (): void => {};
  engine(URL_1).gate = new Promise((resolve) => {
    open = resolve;
  });
  await clock.advance(1_200);
  await fleet.pause("w", "keep");
  open();
  engine(URL_1).gate = null;
  await clock.advance(50);
  assert.equal(state(), "paused");
});

test("a hung control call ends in a typed error, and the next one is not stuck behind it", async () => {
  const { fleet, engine, clock } = await withWorker();
  engine(URL_1).control.pause = () => new Promise(() => {});
  const hung = assert.rejects(
    fleet.pause("w", "keep"),
    (error: PacelineError) => error.code === "engine_unreachable",
  );
  const next = fleet.flush("w");
  await settle();
  await clock.advance(30_000);
  await hung;
  await next;
});

test("telemetry is polled while the worker is in use, and no more after", async () => {
  const { fleet, engine, clock, changes } = await withWorker();
  await clock.advance(5_000);
  assert.equal(engine(URL_1).polls, 0);
  fleet.engine("w", "i-1");
  engine(URL_1).load = { ...engine(URL_1).load, running: 2, kvUsedTokens: 100 };
  await clock.advance(5_000);
  assert.ok(engine(URL_1).polls >= 9, `${engine(URL_1).polls} polls`);
  assert.equal(fleet.get("w").load?.kvUsedTokens, 100);
  assert.ok(changes.some((change) => change.type === "telemetry"));
  engine(URL_1).load = { ...engine(URL_1).load, running: 0 };
  await clock.advance(1_000);
  const { polls } = engine(URL_1);
  await clock.advance(10_000);
  assert.equal(engine(URL_1).polls, polls);
});

test("a worker that dies in use is noticed by its telemetry", async () => {
  const { fleet, engine, state, until } = await withWorker();
  fleet.engine("w", "i-1");
  engine(URL_1).mood = "refused";
  await until(() => state() === "lost");
  assert.equal(fleet.get("w").load, null);
});
