/**
 * What can go wrong while a version is put into the fleet, over a whole server under load: it is committed or
 * it is not, nobody serves a version that it did not prove, and no rollout fails of it.
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { STEP_1, STEP_2 } from "../support/live-server.ts";
import { expect, withFleet } from "./simulated-fleet.ts";
import { assertServes, load, row } from "./versions-served.ts";

const abortedBy = [
  ["stage", "weights_rejected", /not staged, on command/],
  ["digest", "digest_mismatch", /digest_mismatch/],
] as const;

describe("before the commit a failure leaves the old version everywhere", () => {
  for (const [kind, cause, reason] of abortedBy) {
    test(`${kind} fails on one of two workers`, { timeout: 30_000 }, () =>
      withFleet({}, async (fleet) => {
        await fleet.engine("w-1").fault({ kind });
        const [during, { status, body }] = await Promise.all([load(fleet), fleet.publish(STEP_2)]);
        assert.equal(status, 409);
        assert.deepEqual([body.error.code, body.error.boundary], ["commit_aborted", "weights"]);
        assert.equal(body.error.details["cause"], cause);
        assert.deepEqual([...during.versions], [1]);
        assert.equal((await fleet.progress(2)).state, "aborted");
        const failed = await row(fleet, 2, "w-1");
        assert.equal(failed?.phase, "failed");
        assert.match(failed.reason ?? "", reason);
        await assertServes(fleet, 1, "w-1", "w-2");
        // The version is burnt; the next is a new one, and nothing of the failure stays.
        const { body: next } = await fleet.publish(STEP_2);
        assert.equal(next.version, 3);
        await assertServes(fleet, 3, "w-1", "w-2");
      }),
    );
  }

  test(
    "a worker that dies while it stages is no longer asked; its next life catches up",
    {
      timeout: 30_000,
    },
    () =>
      withFleet({ processes: ["w-1"] }, async (fleet) => {
        fleet.engine("w-1").signal("SIGSTOP");
        const publishing = fleet.publish(STEP_2);
        await fleet.server.until(
          (event) =>
            event["version"] === 2 && event["worker"] === "w-1" && event["type"] === "weights",
        );
        fleet.engine("w-1").signal("SIGKILL");
        const [reply] = await Promise.all([publishing, load(fleet)]);
        expect(200, reply);
        assert.equal((await row(fleet, 2, "w-1"))?.phase, "gone");
        await assertServes(fleet, 2, "w-2");
        await fleet.join("w-1");
        await assertServes(fleet, 2, "w-1", "w-2");
      }),
  );
});

describe("after the commit a failure poisons that worker alone", () => {
  test("a swap that fails once: committed, poisoned, healed", { timeout: 30_000 }, () =>
    withFleet({}, async (fleet) => {
      await fleet.engine("w-1").fault({ kind: "swap" });
      const [during, reply] = await Promise.all([load(fleet), fleet.publish(STEP_2)]);
      expect(200, reply);
      for (const version of during.versions) assert.ok(version === 1 || version === 2);
      await fleet.server.until((event) => event["worker"] === "w-1" && event["to"] === "poisoned");
      await assertServes(fleet, 2, "w-1", "w-2");
    }),
  );

  test("a swap that keeps failing: a newer version heals it", { timeout: 30_000 }, () =>
    withFleet({}, async (fleet) => {
      await fleet.engine("w-1").fault({ kind: "swap", count: 2 });
      expect(200, await fleet.publish(STEP_2));
      await fleet.server.until((event) => event["worker"] === "w-1" && event["to"] === "poisoned");
      assert.deepEqual((await fleet.worker("w-1")).versions, []);
      assert.match((await row(fleet, 2, "w-1"))?.reason ?? "", /half-way, on command/);
      assert.deepEqual([...(await load(fleet)).workers], ["w-2"]);
      expect(200, await fleet.publish(STEP_1));
      await assertServes(fleet, 3, "w-1", "w-2");
    }),
  );

  test(
    "a swap that always fails: nothing is placed there; a restart heals it",
    {
      timeout: 30_000,
    },
    () =>
      withFleet({ processes: ["w-1"] }, async (fleet) => {
        await fleet.engine("w-1").fault({ kind: "swap", count: 1_000 });
        expect(200, await fleet.publish(STEP_2));
        await fleet.server.until(
          (event) => event["worker"] === "w-1" && event["to"] === "poisoned",
        );
        await assertServes(fleet, 2, "w-2");
        fleet.engine("w-1").signal("SIGKILL");
        await fleet.join("w-1");
        await assertServes(fleet, 2, "w-1", "w-2");
      }),
  );
});

describe("who comes late holds the committed version before any traffic, or gets none", () => {
  test("a late joiner under load", { timeout: 30_000 }, () =>
    withFleet({}, async (fleet) => {
      expect(200, await fleet.publish(STEP_2));
      await assertServes(fleet, 2, "w-1", "w-2");
      await Promise.all([load(fleet), fleet.join("w-3")]);
      await assertServes(fleet, 2, "w-1", "w-2", "w-3");
      for (const id of ["w-1", "w-2"]) {
        expect(200, await fleet.server.call("POST", `/v1/workers/${id}/pause`, { mode: "keep" }));
      }
      assert.deepEqual([...(await load(fleet)).workers], ["w-3"]);
      const events = await fleet.events();
      const at = (type: string, phase?: string) =>
        events.findIndex(
          (event) =>
            event["worker"] === "w-3" &&
            event["type"] === type &&
            (phase === undefined || event["phase"] === phase),
        );
      // `installed` is told after the worker was opened, `swapping` before.
      assert.ok(at("weights", "swapping") >= 0);
      assert.ok(at("rollout_placed") > at("weights", "swapping"));
    }),
  );

  test("a late joiner that lies about what it read", { timeout: 30_000 }, () =>
    withFleet({}, async (fleet) => {
      await fleet.join("w-3", { kind: "digest" });
      await fleet.server.until((event) => event["worker"] === "w-3" && event["phase"] === "failed");
      assert.match((await row(fleet, 1, "w-3"))?.reason ?? "", /^digest_mismatch/);
      assert.deepEqual((await fleet.worker("w-3")).versions, []);
      await assertServes(fleet, 1, "w-1", "w-2");
      expect(200, await fleet.publish(STEP_2));
      await assertServes(fleet, 2, "w-1", "w-2", "w-3");
    }),
  );

  test("a source whose content has changed since it was published", {
    timeout: 30_000,
  }, async () => {
    const source = mkdtempSync(join(tmpdir(), "paceline-source-"));
    try {
      cpSync(STEP_2, source, { recursive: true });
      await withFleet({}, async (fleet) => {
        expect(200, await fleet.publish(source));
        await assertServes(fleet, 2, "w-1", "w-2");
        cpSync(STEP_1, source, { recursive: true });
        await fleet.join("w-3");
        await fleet.server.until(
          (event) => event["worker"] === "w-3" && event["phase"] === "failed",
        );
        assert.match((await row(fleet, 2, "w-3"))?.reason ?? "", /^digest_mismatch/);
        assert.deepEqual((await fleet.worker("w-3")).versions, []);
        await assertServes(fleet, 2, "w-1", "w-2");
        expect(200, await fleet.publish(source));
        await assertServes(fleet, 3, "w-1", "w-2", "w-3");
      });
    } finally {
      rmSync(source, { recursive: true });
    }
  });
});
