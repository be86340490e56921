import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LIMITS } from "../../../server/limits.ts";
import { createLedger } from "../../../server/policy/durable-ledger.ts";
import type { Ledger, NewVersion, RunOpening } from "../../../server/policy/ledger.ts";
import { claimedEpoch } from "../../../server/policy/runs.ts";
import { createMemoryStore } from "../../../server/store/memory-store.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const VERSION: NewVersion = {
  policy: "p",
  label: null,
  runEpoch: null,
  source: { path: "/weights" },
  digest: "d".repeat(64),
  contentOf: null,
  onUpdate: "keep",
  updateGraceMs: 5,
};

async function openLedger(store = createMemoryStore()): Promise<Ledger> {
  const ledger = await createLedger(store, new VirtualClock());
  await ledger.declare({ policy: "p" });
  return ledger;
}

const open = (ledger: Ledger, run: string, opener?: string) =>
  ledger.openRun({ policy: "p", run, ...(opener === undefined ? {} : { opener }) });

async function commit(ledger: Ledger, version: number): Promise<void> {
  for (const state of ["transferring", "staged", "committed"] as const) {
    await ledger.transition("p", version, state);
  }
}

/** Openings one after the other: `name/opener`, and the epoch and by_name that each answers, or its error. */
const STORIES: readonly [
  story: string,
  openings: readonly [run: string, opener: string | undefined, answer: string][],
][] = [
  [
    "a retried opening answers the same",
    [
      ["a", undefined, "1 named"],
      ["a", undefined, "1 named"],
      ["b", undefined, "2 named"],
      ["b", undefined, "2 named"],
    ],
  ],
  [
    "another opener of the same name is a new run, which its name alone does not tell",
    [
      ["a", "x", "1"],
      ["a", "x", "1"],
      ["a", "y", "2"],
      ["a", "y", "2"],
      ["a", undefined, "3"],
    ],
  ],
  [
    "a name that comes back does not tell which of the two",
    [
      ["a", undefined, "1 named"],
      ["b", undefined, "2 named"],
      ["a", undefined, "3"],
      ["c", undefined, "4 named"],
    ],
  ],
  [
    "an opener that was fenced cannot open its run again",
    [
      ["a", "x", "1"],
      ["b", "y", "2"],
      ["a", "x", "run_fenced"],
      ["b", "y", "2"],
      ["c", "x", "3"],
    ],
  ],
];

describe("opening runs", () => {
  for (const [story, openings] of STORIES) {
    test(story, async () => {
      const ledger = await openLedger();
      for (const [run, opener, answer] of openings) {
        const answered = await open(ledger, run, opener).then(
          ({ epoch, byName }) => `${epoch}${byName ? " named" : ""}`,
          ({ code }) => code,
        );
        assert.equal(answered, answer, `${run} by ${opener}`);
      }
    });
  }

  test("a name that labels had before any run was opened does not tell either", async () => {
    const ledger = await openLedger();
    await ledger.open({ ...VERSION, label: { run: "a", step: 1 } });
    assert.equal((await open(ledger, "a")).byName, false);
    assert.equal((await open(ledger, "b")).byName, true);
  });

  test("runs survive a restart: the fence, the epochs and whose names are taken", async () => {
    const store = createMemoryStore();
    const first = await openLedger(store);
    await open(first, "a", "x");
    const current = await open(first, "b");
    const second = await openLedger(store);
    assert.deepEqual(second.policy("p").run, current);
    await assert.rejects(open(second, "a", "x"), { code: "run_fenced" });
    assert.deepEqual(await open(second, "b"), current);
    const again = await open(second, "a");
    assert.deepEqual([again.epoch, again.byName], [3, false]);
  });

  test("a bounded number of names is remembered, and epochs go on all the same", async () => {
    const store = createMemoryStore();
    const ledger = await openLedger(store);
    const count = LIMITS.runsKept + 2;
    for (let i = 1; i <= count; i++) await open(ledger, `r${i}`);
    assert.equal((await store.list("runs")).length, LIMITS.runsKept);
    const again = await openLedger(store);
    assert.equal((await open(again, "r1")).byName, true, "forgotten");
    assert.equal((await open(again, `r${count - 1}`)).byName, false);
    assert.equal(again.policy("p").run?.epoch, count + 2);
  });

  test("an unknown policy has no runs", async () => {
    const ledger = await openLedger();
    await assert.rejects(ledger.openRun({ policy: "q", run: "a" }), { code: "not_found" });
  });
});

const CLAIMS: readonly [
  opening: Omit<RunOpening, "policy"> | null,
  claim: Parameters<typeof claimedEpoch>[1],
  answer: number | null | string,
][] = [
  [null, {}, null],
  [null, { label: { run: "any", step: 1 } }, null],
  [null, { runEpoch: 1 }, "run_fenced"],
  [{ run: "a" }, {}, "run_fenced"],
  [{ run: "a" }, { label: { run: "a", step: 1 } }, 1],
  [{ run: "a" }, { label: { run: "b", step: 1 } }, "run_fenced"],
  [{ run: "a" }, { runEpoch: 1 }, 1],
  [{ run: "a" }, { runEpoch: 1, label: { run: "a", step: 1 } }, 1],
  [{ run: "a" }, { runEpoch: 1, label: { run: "b", step: 1 } }, "invalid_argument"],
  [{ run: "a" }, { runEpoch: 2 }, "run_fenced"],
  [{ run: "a" }, { runEpoch: 0, label: { run: "a", step: 1 } }, "run_fenced"],
  [{ run: "a", opener: "x" }, { label: { run: "a", step: 1 } }, "run_fenced"],
  [{ run: "a", opener: "x" }, { runEpoch: 1 }, 1],
];

describe("whose publication is taken", () => {
  for (const [opening, claim, answer] of CLAIMS) {
    test(`${JSON.stringify(claim)} in ${JSON.stringify(opening)}: ${answer}`, async () => {
      const ledger = await openLedger();
      if (opening !== null) await ledger.openRun({ policy: "p", ...opening });
      const claimed = (): number | null => claimedEpoch(ledger.policy("p"), claim);
      if (typeof answer === "string") assert.throws(claimed, { code: answer });
      else assert.equal(claimed(), answer);
    });
  }
});

describe("the fence", () => {
  test("what is of an older run is neither minted nor committed, whatever came first", async () => {
    const ledger = await openLedger();
    const before = await ledger.open(VERSION);
    const { epoch } = await open(ledger, "a");
    const during = await ledger.open({ ...VERSION, runEpoch: epoch });
    await ledger.transition("p", before.version, "transferring");
    await ledger.transition("p", before.version, "staged");
    await assert.rejects(ledger.transition("p", before.version, "committed"), {
      code: "run_fenced",
    });
    await ledger.transition("p", before.version, "aborted");
    await assert.rejects(ledger.open(VERSION), { code: "run_fenced" });
    await ledger.transition("p", during.version, "transferring");
    await ledger.transition("p", during.version, "staged");
    const [opened, committed] = await Promise.allSettled([
      open(ledger, "b"),
      ledger.transition("p", during.version, "committed"),
    ]);
    assert.equal(opened.status, "fulfilled");
    assert.equal(committed.status, "rejected", "the opening came first");
    assert.equal(ledger.policy("p").committedVersion, null);
  });

  test("labels of an older run do not count as the current run's", async () => {
    const ledger = await openLedger();
    const old = await ledger.open({ ...VERSION, label: { run: "a", step: 100 } });
    assert.equal(ledger.inCurrentRun(old), true);
    const { epoch } = await open(ledger, "b");
    assert.equal(ledger.inCurrentRun(old), false);
    const young = await ledger.open({
      ...VERSION,
      runEpoch: epoch,
      label: { run: "b", step: 90 },
    });
    assert.equal(ledger.inCurrentRun(young), true);
    assert.equal(ledger.inCurrentRun({ policy: "p", version: 99 }), false, "forgotten");
  });
});

describe("the same version once", () => {
  test("while it is under way or serves; one that is over is minted anew", async () => {
    const ledger = await openLedger();
    const label = { run: "a", step: 1 };
    const once = () =>
      ledger.openOnce({ ...VERSION, label }, (record) => record.label?.step === label.step);
    const both = await Promise.all([once(), once()]);
    assert.deepEqual(
      both.map(({ record, minted }) => [record.version, minted]),
      [
        [1, true],
        [1, false],
      ],
    );
    await commit(ledger, 1);
    assert.equal((await once()).record.version, 1);
    const next = await ledger.open(VERSION);
    await commit(ledger, next.version);
    assert.deepEqual([(await once()).record.version], [3], "1 is superseded");
    await ledger.transition("p", 3, "aborted");
    assert.deepEqual([(await once()).record.version], [4]);
  });
});
