import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, suite, test } from "node:test";
import { PacelineError } from "../../../server/contract/errors.ts";
import { DEFAULT_JOB, type JobSettings } from "../../../server/contract/job.ts";
import { createResult } from "../../../server/contract/result.ts";
import type { FinishType } from "../../../server/contract/rollout.ts";
import { createJobs } from "../../../server/jobs/jobs.ts";
import { LIMITS } from "../../../server/limits.ts";
import { liveClock } from "../../../server/live-clock.ts";
import { createLedger } from "../../../server/policy/durable-ledger.ts";
import { createMemoryStore } from "../../../server/store/memory-store.ts";
import { openSqliteStore } from "../../../server/store/sqlite-store.ts";
import type { Store } from "../../../server/store/store.ts";
import { createFakeFleet, workerRecord } from "../../support/front-fakes.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { settle, VirtualClock } from "../../support/virtual-clock.ts";

const folder = mkdtempSync(join(tmpdir(), "paceline-jobs-"));
after(() => rmSync(folder, { recursive: true }));

/** 10 ms a step and one more for each of at most two at a time. */
const RATED = workerRecord({
  rates: { step: { a: 0.01, s: 0.001 }, prefillTokensPerSecond: 1_000 },
  description: {
    ...workerRecord().description,
    slots: [{ index: 0, kvTokens: 1_000, maxRunning: 2 }],
  },
});

/** Jobs over a ledger whose policy `default` has versions 1 to 3 open, none committed. */
async function open(store: Store = createMemoryStore()) {
  const clock = new VirtualClock();
  const ledger = await createLedger(store, clock);
  await ledger.declare({ policy: "default" });
  const missing = 3 - ledger.policy("default").lastVersion;
  for (let i = 0; i < missing; i++) {
    const source = { path: "/weights" };
    const fate = { onUpdate: "keep", updateGraceMs: 0, runEpoch: null } as const;
    await ledger.open({
      policy: "default",
      label: null,
      source,
      digest: "d",
      contentOf: null,
      ...fate,
    });
  }
  const applied: [string, number][] = [];
  const made = new Map<string, { outputTokens: number; attempts: number }[]>();
  const stretches: [job: string, rollouts: number, ratio: number | null][] = [];
  const jobs = await createJobs({
    store,
    clock,
    ledger,
    fleet: createFakeFleet(RATED),
    scheduled: () => [{ job: "a", waiting: 3, running: 2 }],
    made: () => made,
    summarised: (job, { rollouts, ratio }) => stretches.push([job, rollouts, ratio]),
    applied: (job, { weight }) => applied.push([job, weight]),
    failed: (error) => {
      throw error;
    },
  });
  const commit = async (version: number): Promise<void> => {
    for (const state of ["transferring", "staged", "committed"] as const) {
      await ledger.transition("default", version, state);
    }
  };
  return { jobs, ledger, clock, commit, applied, made, stretches };
}

const settings = (over: Partial<JobSettings> = {}): JobSettings => ({ ...DEFAULT_JOB, ...over });
const rollout = (id: string, over = {}) => sampleRollout({ id, job: "a", ...over });
/** Two tokens of a version, ended so. */
function ended(type: FinishType, version = 1) {
  const part = { start: 0, end: 2 };
  const { group, session, policy } = sampleRollout({});
  const result = createResult({
    ...{ id: "r", job: "a", policy, group, session },
    outputTokenIds: Uint32Array.of(1, 2),
    logprobs: Float32Array.of(-1, -2),
    logprobMode: "processed",
    finishReason: { type, cause: type === "abort" ? "client" : "eos", matched: null },
    spans: [{ ...part, version, label: null, baseVersion: null, kv: "pure", attested: "engine" }],
    segments: [
      {
        ...part,
        ...{ worker: "w", slot: 0, incarnation: "i", attempt: 1, resume: "none" },
        logprobMode: "processed",
        numerics: { dtype: "float32" },
      },
    ],
    routing: {
      worker: "w",
      ...{ queueMs: 0, prefillMs: 1, decodeMs: 2, cachedTokens: 0, attempts: 1, moves: 0 },
    },
    usage: { promptTokens: 3, outputTokens: 2, wastedTokens: 0 },
    stale: null,
    side: null,
  });
  return { result };
}
const report = (step: number, version = 1) => ({
  version,
  step,
  batchGroups: null,
  rejectedGroups: 0,
});

suite("jobs", () => {
  test("one that was never declared works with the defaults and is known while it has rollouts", async () => {
    const { jobs } = await open();
    assert.equal(jobs.settings("a"), DEFAULT_JOB);
    assert.throws(() => jobs.get("a"), { code: "not_found" });
    jobs.enter(rollout("r"));
    assert.ok(jobs.admits(rollout("r"), assert.fail));
    const { declared, load } = jobs.get("a");
    assert.equal(declared, false);
    assert.deepEqual(load, {
      inFlight: 1,
      held: 0,
      waiting: 3,
      running: 2,
      finished: 0,
      aborted: 0,
      failed: 0,
      outputTokens: 0,
    });
  });

  test("settings are the whole of what is declared", async () => {
    const { jobs, applied } = await open();
    await jobs.declare("a", settings({ weight: 4, resume: "never" }));
    await jobs.declare("a", settings({ policy: "default" }));
    assert.deepEqual(jobs.settings("a"), settings({ policy: "default" }));
    assert.deepEqual(applied, [
      ["a", 4],
      ["a", 1],
    ]);
  });

  test("a run that is opened on its policy begins its staleness bound anew", async () => {
    const { jobs, ledger } = await open();
    await jobs.declare("a", settings({ eta: 0, batchGroups: 1 }));
    const first = rollout("1");
    jobs.enter(first);
    assert.ok(jobs.admits(first, assert.fail));
    jobs.left(first, ended("stop"), 0);
    assert.equal(jobs.get("a").staleness?.admitted, 1);
    await ledger.declare({ policy: "other" });
    await ledger.openRun({ policy: "other", run: "x" });
    assert.equal(jobs.get("a").staleness?.admitted, 1);
    await ledger.openRun({ policy: "default", run: "x" });
    assert.equal(jobs.get("a").staleness?.admitted, 0);
    await settle();
  });

  test("count how rollouts ended, and the largest lag since the trainer's last report", async () => {
    const { jobs, commit } = await open();
    await commit(3);
    const endings = [
      ended("stop", 2),
      ended("length", 1),
      ended("abort", 3),
      { error: new PacelineError("engine_error", "broke") },
    ];
    for (const [at, ending] of endings.entries()) {
      jobs.enter(rollout(`r${at}`));
      jobs.left(rollout(`r${at}`), ending, 0);
    }
    const { load, lag } = jobs.get("a");
    assert.deepEqual([load.inFlight, load.finished, load.aborted, load.failed], [0, 2, 1, 1]);
    assert.equal(lag, 2);
    assert.equal((await jobs.report("a", report(1, 3))).lag, null);
  });

  test("tell the distance to the bound of their last stretch, once they are declared", async () => {
    const { jobs, clock, stretches } = await open();
    const run = async (ids: string[]): Promise<void> => {
      for (const id of ids) jobs.enter(rollout(id));
      await clock.advance(22);
      for (const id of ids) jobs.left(rollout(id), ended("stop"), 0);
    };
    await run(["1"]);
    assert.equal(jobs.get("a").distance.ratio, null);
    assert.deepEqual(jobs.distances(), [], "labels are of declared jobs alone");
    await jobs.declare("a", settings());
    await run(["1", "2"]);
    // One step each after the first token: alone 11 ms, both together 12 ms.
    const { ratio, rho, tailShare } = jobs.get("a").distance;
    assert.deepEqual([ratio?.toFixed(3), rho?.toFixed(3), tailShare], ["1.833", "0.917", 0]);
    assert.deepEqual(jobs.distances(), [{ job: "a", ...jobs.get("a").distance }]);
    assert.deepEqual(stretches, [["a", 2, ratio]]);
  });

  test("tell it while they run, by what has been made so far", async () => {
    const { jobs, clock, made } = await open();
    await jobs.declare("a", settings());
    for (const id of ["1", "2"]) jobs.enter(rollout(id));
    await clock.advance(110);
    assert.equal(jobs.get("a").distance.ratio, null, "nothing made, nothing bounded");
    made.set("a", [
      { outputTokens: 6, attempts: 1 },
      { outputTokens: 3, attempts: 1 },
    ]);
    const { ratio, rho, tailShare } = jobs.get("a").distance;
    // Five steps alone, 55 ms; seven together, 42 ms.
    assert.deepEqual([ratio?.toFixed(3), rho?.toFixed(3), tailShare], ["2.000", "1.310", null]);
    jobs.left(rollout("1"), ended("stop"), 0);
    assert.ok((jobs.list()[0]?.distance.ratio ?? 0) > 1);
  });

  test("beyond max_in_flight a rollout is refused, and the next end makes room", async () => {
    const { jobs } = await open();
    await jobs.declare("a", settings({ quota: { maxInFlight: 1, maxRunning: null } }));
    jobs.enter(rollout("1"));
    assert.throws(
      () => jobs.enter(rollout("2")),
      (error: PacelineError) => {
        assert.deepEqual([error.code, error.details["limit"]], ["quota_exceeded", 1]);
        assert.ok(error.retryAfterMs);
        return true;
      },
    );
    jobs.left(rollout("1"), ended("stop"), 0);
    jobs.enter(rollout("2"));
    jobs.enter(sampleRollout({ job: "b" }));
  });

  test("count nothing of what something else refused", async () => {
    const { jobs } = await open();
    await jobs.declare("a", settings({ quota: { maxInFlight: 1, maxRunning: null } }));
    jobs.enter(rollout("1"));
    jobs.refused(rollout("1"));
    jobs.enter(rollout("1"));
    const { inFlight, failed } = jobs.get("a").load;
    assert.deepEqual([inFlight, failed], [1, 0]);
  });

  test("hold what is beyond the staleness bound until the step's version is committed", async () => {
    const { jobs, commit } = await open();
    await jobs.declare("a", settings({ eta: 0, batchGroups: 1 }));
    const opened: string[] = [];
    const enter = (id: string): boolean => {
      jobs.enter(rollout(id));
      return jobs.admits(rollout(id), () => opened.push(id));
    };
    assert.deepEqual(["1", "2"].map(enter), [true, false]);
    jobs.left(rollout("1"), ended("stop"), 0);
    const told = await jobs.report("a", report(1, 2));
    assert.deepEqual(told.staleness, { limit: 1, admitted: 1, held: 1, waitsForVersion: 2 });
    assert.deepEqual(opened, []);
    await commit(2);
    assert.deepEqual(opened, ["2"]);
    assert.deepEqual(jobs.get("a").load.held, 0);
  });

  const REFUSED: readonly (readonly [
    name: string,
    over: Partial<JobSettings>,
    code: string,
    path: string | undefined,
  ])[] = [
    ["eta without batches", { eta: 1 }, "invalid_argument", "batch_groups"],
    [
      "more running than in flight",
      { quota: { maxInFlight: 1, maxRunning: 2 } },
      "invalid_argument",
      "quota.max_running",
    ],
    ["a pool twice", { pools: ["p", "q", "p"] }, "invalid_argument", "pools[2]"],
    ["a policy of nobody", { policy: "none" }, "not_found", undefined],
  ];
  for (const [name, over, code, path] of REFUSED) {
    test(`refuse ${name}`, async () => {
      const { jobs } = await open();
      await assert.rejects(jobs.declare("a", settings(over)), (error: PacelineError) => {
        assert.deepEqual([error.code, error.details["path"]], [code, path]);
        return true;
      });
      assert.throws(() => jobs.get("a"), { code: "not_found" });
    });
  }

  test("refuse a report of a version that was never minted", async () => {
    const { jobs } = await open();
    await assert.rejects(jobs.report("a", report(90, 90)), { code: "invalid_argument" });
  });

  test("are bounded: beyond the limit a declaration is refused, and idle undeclared ones are forgotten", async () => {
    const { jobs } = await open();
    for (let i = 0; i < LIMITS.jobs; i++) await jobs.declare(`j${i}`, settings());
    await assert.rejects(jobs.declare("more", settings()), { code: "overloaded" });
    await jobs.declare("j0", settings({ weight: 2 }));
    for (let i = 0; i < LIMITS.idleJobs + 10; i++) {
      const passing = sampleRollout({ job: `idle-${i}` });
      jobs.enter(passing);
      jobs.left(passing, ended("stop"), 0);
    }
    assert.equal(jobs.list().length, LIMITS.jobs + LIMITS.idleJobs);
    assert.throws(() => jobs.get("idle-0"), { code: "not_found" });
  });

  test("survive a restart: settings, the trainer's report and what was accepted", async () => {
    const path = join(folder, "jobs.db");
    const store = await openSqliteStore(path, { clock: liveClock });
    const { jobs } = await open(store);
    await jobs.declare("a", settings({ eta: 1, batchGroups: 2, weight: 3 }));
    await jobs.declare("b", settings());
    await jobs.report("a", { ...report(5), batchGroups: 3 });
    for (const id of ["1", "2", "3"]) {
      jobs.enter(rollout(id));
      assert.ok(jobs.admits(rollout(id), assert.fail));
    }
    jobs.left(rollout("1"), ended("stop"), 0);
    jobs.left(rollout("2"), ended("stop"), 0);
    // In turn behind what is still to be written.
    await jobs.declare("a", jobs.settings("a"));
    await store.close();

    const again = await openSqliteStore(path, { clock: liveClock });
    const { jobs: after, applied } = await open(again);
    assert.deepEqual(applied, [
      ["a", 3],
      ["b", 1],
    ]);
    const { trainer, staleness } = after.get("a");
    assert.deepEqual([trainer?.step, trainer?.batchGroups, staleness?.admitted], [5, 3, 2]);
    await again.close();
  });

  test("a report that cannot be written has no effect", async () => {
    const store = createMemoryStore();
    const { jobs } = await open(store);
    await jobs.declare("a", settings({ eta: 0, batchGroups: 1 }));
    await store.close();
    await assert.rejects(jobs.report("a", report(1)), { code: "store_unavailable" });
    assert.equal(jobs.get("a").trainer, null);
    await settle();
  });
});
