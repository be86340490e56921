import assert from "node:assert/strict";
import { test } from "node:test";
import { createOverviewReader } from "../../../../server/api/dashboard/overview-reader.ts";
import { createFakeFleet, createFakeLedger, workerRecord } from "../../../support/front-fakes.ts";
import { VirtualClock } from "../../../support/virtual-clock.ts";

function reading() {
  const clock = new VirtualClock();
  const fleet = createFakeFleet(workerRecord());
  const counts = { waiting: 0, running: 0 };
  const reader = createOverviewReader({
    clock,
    fleet,
    ledger: createFakeLedger(),
    snapshot: () => ({ ...counts, jobs: [] }),
  });
  const produce = (outputTokens: number): void => {
    const worker = fleet.get("w-1");
    assert.ok(worker.load);
    fleet.workers.set("w-1", { ...worker, load: { ...worker.load, outputTokens } });
  };
  return { clock, fleet, counts, reader, produce };
}

test("shows who holds what, how full, how fast", async () => {
  const { clock, counts, reader, produce } = reading();
  counts.waiting = 4;
  produce(1_200);
  await clock.advance(1_000);
  const overview = reader.read();
  assert.equal(overview.waiting, 4);
  assert.equal(overview.tokens_per_second, 200);
  assert.equal(overview.uptime_ms, 1_000);
  const [worker] = overview.workers;
  assert.deepEqual(worker?.versions, [{ policy: "default", version: 7, proof: "digest" }]);
  assert.deepEqual([worker?.kv_used_tokens, worker?.kv_total_tokens], [16_384, 65_536]);
  const [policy] = overview.policies;
  assert.equal(policy?.committed_version, 7);
  assert.deepEqual(
    policy?.versions.map(({ version, holders }) => [version, holders]),
    [[7, 1]],
  );
  assert.deepEqual(overview.history.tokens_per_second, [0, 200]);
  assert.deepEqual(overview.history.waiting, [0, 4]);
});

test("keeps two minutes, not more", async () => {
  const { clock, reader } = reading();
  await clock.advance(300_000);
  assert.equal(reader.read().history.running.length, 120);
});

test("forgets workers that left", async () => {
  const { clock, fleet, reader, produce } = reading();
  produce(2_000);
  await clock.advance(1_000);
  fleet.workers.clear();
  await clock.advance(1_000);
  const { workers, tokens_per_second, policies } = reader.read();
  assert.deepEqual(workers, []);
  assert.equal(tokens_per_second, 0);
  assert.equal(policies[0]?.versions[0]?.holders, 0);
});

test("stops when told to", () => {
  const { clock, reader } = reading();
  assert.equal(clock.timers, 1);
  reader.close();
  assert.equal(clock.timers, 0);
});
