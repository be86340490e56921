/** What an operator tells workers and pools: a sleeper is emptied first, a pool answers for each of its workers. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PacelineError } from "../../../server/contract/errors.ts";
import { createWorkerControl } from "../../../server/placement/worker-control.ts";
import { createFakeFleet, workerRecord } from "../../support/front-fakes.ts";

const withPools = () => {
  const fleet = createFakeFleet(
    workerRecord({ id: "a1", pool: "a" }),
    workerRecord({ id: "a2", pool: "a" }),
    workerRecord({ id: "a3", pool: "a", state: "lost" }),
    workerRecord({ id: "b1", pool: "b" }),
  );
  const control = createWorkerControl({
    fleet,
    owner: {
      async drain() {},
      async whileEmpty(worker, _ms, run) {
        fleet.calls.push(`empty ${worker}`);
        return run();
      },
    },
  });
  return { fleet, control };
};

test("a worker is emptied before it sleeps, and not when it sleeps already", async () => {
  const { fleet, control } = withPools();
  assert.equal((await control.one("a1", { action: "sleep" })).state, "asleep");
  await control.one("a1", { action: "sleep" });
  assert.deepEqual(fleet.calls, ["empty a1", "sleep a1", "sleep a1"]);
});

test("a pool's order reaches all of it but the lost, and nobody else", async () => {
  const { fleet, control } = withPools();
  const workers = await control.pool("a", { action: "pause", mode: "keep" });
  assert.deepEqual(
    workers.map(({ id, state }) => `${id} ${state}`),
    ["a1 paused", "a2 paused"],
  );
  assert.deepEqual(fleet.calls, ["pause a1 keep", "pause a2 keep"]);
});

test("a pool of which some fail is an error that lists what each answered", async () => {
  const { fleet, control } = withPools();
  fleet.flush = async (id) => {
    if (id === "a1") throw new PacelineError("engine_unreachable", "socket lost");
    return fleet.get(id);
  };
  await assert.rejects(control.pool("a", { action: "flush" }), (error: PacelineError) => {
    assert.equal(error.code, "engine_unreachable");
    assert.match(error.message, /flush of pool a: 1 of 2 workers failed/);
    const lost = new PacelineError("engine_unreachable", "socket lost").toBody();
    assert.deepEqual(error.details["workers"], [
      { worker: "a1", error: lost },
      { worker: "a2", state: "ready" },
    ]);
    return true;
  });
});

test("a pool without a worker is not found", async () => {
  const { control } = withPools();
  await assert.rejects(
    control.pool("c", { action: "wake" }),
    (error: PacelineError) => error.code === "not_found",
  );
});
