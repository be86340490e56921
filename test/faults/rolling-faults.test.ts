/**
 * Rolls over a whole server under load: capacity stays, both versions are proven while it lasts, and whatever breaks
 * in a wave leaves the fleet at one of them. And publishers that are fenced midway, and rollbacks.
 */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { STEP_1, STEP_2 } from "../support/live-server.ts";
import { expect, type SimulatedFleet, withFleet } from "./simulated-fleet.ts";
import { assertServes, load, row } from "./versions-served.ts";

const ALL = ["w-1", "w-2", "w-3", "w-4"];
const rolling = (wave: number) => ({ commit: { mode: "rolling", wave } });

/** The workers told of in an error, `worker phase`. */
const answers = ({ error }: { error: { details: Record<string, unknown> } }) =>
  (error.details["workers"] as { worker: string; phase: string }[])
    .map(({ worker, phase }) => `${worker} ${phase}`)
    .sort();

/** Resolves when every worker has staged `version`: the first wave is being emptied. */
async function waveBegun(fleet: SimulatedFleet, version: number, count: number): Promise<void> {
  const staged = new Set<unknown>();
  await fleet.server.until((event) => {
    if (event["type"] === "weights" && event["version"] === version && event["phase"] === "staged")
      staged.add(event["worker"]);
    return staged.size === count;
  });
}

/** Rollouts that hold up whoever waits for them to finish. */
function long(fleet: SimulatedFleet, count: number) {
  const replies = Array.from({ length: count }, (_, i) =>
    fleet.server.call<{ output_token_ids: number[]; spans: { version: number }[] }>(
      "POST",
      "/v1/rollouts",
      {
        id: `long-${i}`,
        prompt_token_ids: [9, i],
        sampling: { max_new_tokens: 1_500, seed: i, ignore_eos: true },
      },
    ),
  );
  // Where the test fails before it asks for them, that failure is told and not that the server left.
  for (const reply of replies) reply.catch(() => undefined);
  return replies;
}

async function assertEndWell(running: ReturnType<typeof long>): Promise<void> {
  for (const reply of await Promise.all(running)) {
    expect(200, reply);
    assert.equal(reply.body.output_token_ids.length, 1_500);
  }
}

const placed = (fleet: SimulatedFleet, count: number) =>
  fleet.settled(async () => {
    const events = await fleet.events();
    return events.filter(({ type }) => type === "rollout_placed").length >= count;
  });

describe("a roll", () => {
  for (const wave of [1, 2]) {
    test(`of ${wave} at once keeps the others in service, under load`, { timeout: 60_000 }, () =>
      withFleet({ engines: 4 }, async (fleet) => {
        const [during, reply] = await Promise.all([
          load(fleet),
          fleet.publish(STEP_2, rolling(wave)),
        ]);
        expect(200, reply);
        for (const version of during.versions) assert.ok(version === 1 || version === 2);
        await assertServes(fleet, 2, ...ALL);
        const out = new Set<unknown>();
        let begun = false;
        for (const { type, worker, version, from, to } of await fleet.events()) {
          // The first version met a fleet that served nothing.
          begun ||= type === "weights" && version === 2;
          if (!begun || type !== "worker") continue;
          if (to === "updating") out.add(worker);
          else if (from === "updating") out.delete(worker);
          assert.ok(out.size <= wave, `${[...out].join(" and ")} are out of service`);
        }
        assert.equal(out.size, 0);
      }),
    );
  }

  test(
    "whose first wave fails stops, says what each worker answered, and heals",
    {
      timeout: 60_000,
    },
    () =>
      withFleet({ engines: 4 }, async (fleet) => {
        await fleet.engine("w-1").fault({ kind: "swap" });
        const [during, { status, body }] = await Promise.all([
          load(fleet),
          fleet.publish(STEP_2, rolling(1)),
        ]);
        assert.deepEqual([status, body.error.code], [409, "commit_aborted"]);
        assert.equal(body.error.details["cause"], "engine_error");
        assert.deepEqual(answers(body), ["w-1 poisoned", "w-2 failed", "w-3 failed", "w-4 failed"]);
        assert.deepEqual([...during.versions], [1], "no token of what was not committed");
        await assertServes(fleet, 1, ...ALL);
        expect(200, await fleet.publish(STEP_2, rolling(1)));
        await assertServes(fleet, 3, ...ALL);
      }),
  );

  test("in which a later worker fails goes on without it", { timeout: 60_000 }, () =>
    withFleet({ engines: 4 }, async (fleet) => {
      await fleet.engine("w-3").fault({ kind: "swap" });
      const [, reply] = await Promise.all([load(fleet), fleet.publish(STEP_2, rolling(1))]);
      expect(200, reply);
      await fleet.server.until((event) => event["worker"] === "w-3" && event["to"] === "poisoned");
      await assertServes(fleet, 2, ...ALL);
    }),
  );

  test("goes on with the next worker when one is killed in its wave", { timeout: 60_000 }, () =>
    withFleet({ engines: 4, processes: ["w-1"] }, async (fleet) => {
      const running = long(fleet, 8);
      await placed(fleet, 8);
      const publishing = fleet.publish(STEP_2, { ...rolling(1), on_update: "finish" });
      await waveBegun(fleet, 2, 4);
      fleet.engine("w-1").signal("SIGKILL");
      expect(200, await publishing);
      assert.equal((await row(fleet, 2, "w-1"))?.phase, "gone");
      await assertEndWell(running);
      await assertServes(fleet, 2, "w-2", "w-3", "w-4");
      await fleet.join("w-1");
      await assertServes(fleet, 2, ...ALL);
    }),
  );

  test("leaves a late joiner what is committed when it comes", { timeout: 60_000 }, () =>
    withFleet({ engines: 2 }, async (fleet) => {
      const running = long(fleet, 8);
      await placed(fleet, 8);
      const publishing = fleet.publish(STEP_2, { ...rolling(1), on_update: "finish" });
      await waveBegun(fleet, 2, 2);
      await fleet.join("w-3");
      await fleet.settled(async () => (await fleet.worker("w-3")).versions.length > 0);
      const [joined] = (await fleet.worker("w-3")).versions;
      const { state } = await fleet.progress(2);
      if (state === "transferring") assert.equal(joined?.version, 1);
      expect(200, await publishing);
      await assertEndWell(running);
      await assertServes(fleet, 2, "w-1", "w-2", "w-3");
    }),
  );
});

describe("a publisher fenced midway", () => {
  const runs = "/v1/policies/default/runs";

  test("while a worker still reads: nothing of it is committed", { timeout: 60_000 }, () =>
    withFleet({ processes: ["w-2"] }, async (fleet) => {
      expect(200, await fleet.server.call("POST", runs, { run: "old" }));
      fleet.engine("w-2").signal("SIGSTOP");
      const publishing = fleet.publish(STEP_2, { label: { run: "old", step: 100 } });
      await waveBegun(fleet, 2, 1);
      expect(200, await fleet.server.call("POST", runs, { run: "new" }));
      const { status, body } = await publishing;
      fleet.engine("w-2").signal("SIGCONT");
      assert.deepEqual([status, body.error.code], [409, "run_fenced"]);
      assert.equal((await fleet.progress(2)).state, "aborted");
      await assertServes(fleet, 1, "w-1", "w-2");
    }),
  );

  test("while its first wave is emptied: the new run goes on at once", { timeout: 60_000 }, () =>
    withFleet({}, async (fleet) => {
      const running = long(fleet, 8);
      await placed(fleet, 8);
      expect(200, await fleet.server.call("POST", runs, { run: "old" }));
      const label = { run: "old", step: 100 };
      const publishing = fleet.publish(STEP_2, { label, ...rolling(1), on_update: "finish" });
      await waveBegun(fleet, 2, 2);
      expect(200, await fleet.server.call("POST", runs, { run: "new" }));
      const { status, body } = await publishing;
      assert.deepEqual([status, body.error.code], [409, "run_fenced"]);
      assert.equal((await fleet.publish(STEP_2, { label })).body.error.code, "run_fenced");
      const next = await fleet.publish(STEP_2, { label: { run: "new", step: 90 } });
      expect(200, next);
      await assertEndWell(running);
      await assertServes(fleet, next.body.version, "w-1", "w-2");
    }),
  );
});

test("a rollback of a rollback, under load", { timeout: 60_000 }, () =>
  withFleet({}, async (fleet) => {
    expect(200, await fleet.publish(STEP_2));
    const back = async (version: number) => {
      const path = `/v1/policies/default/versions/${version}/rollback?wait=committed`;
      const reply = await fleet.server.call<{
        version: number;
        content_of: number;
        digest: string;
      }>("POST", path, { commit: { mode: "rolling", wave: 1 } });
      expect(200, reply);
      return reply.body;
    };
    const [first] = await Promise.all([back(1), load(fleet)]);
    assert.deepEqual([first.version, first.content_of], [3, 1]);
    const [second] = await Promise.all([back(2), load(fleet)]);
    const [third] = await Promise.all([back(first.version), load(fleet)]);
    assert.deepEqual([third.version, third.content_of], [5, 3]);
    assert.equal(third.digest, first.digest);
    assert.notEqual(second.digest, first.digest);
    await assertServes(fleet, 5, "w-1", "w-2");
    assert.deepEqual(
      (await fleet.worker("w-1")).versions.map(({ digest }) => digest),
      [first.digest],
    );
    expect(200, await fleet.publish(STEP_1));
    await assertServes(fleet, 6, "w-1", "w-2");
  }),
);
