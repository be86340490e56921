import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { PacelineError } from "../../../server/contract/errors.ts";
import type { HeldVersion, VersionState } from "../../../server/contract/policy.ts";
import { LIMITS } from "../../../server/limits.ts";
import { liveClock } from "../../../server/live-clock.ts";
import { createLedger } from "../../../server/policy/durable-ledger.ts";
import type { Ledger, LedgerChange } from "../../../server/policy/ledger.ts";
import { createMemoryStore } from "../../../server/store/memory-store.ts";
import { openSqliteStore } from "../../../server/store/sqlite-store.ts";
import type { Store } from "../../../server/store/store.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { VirtualClock } from "../../support/virtual-clock.ts";

const folder = mkdtempSync(join(tmpdir(), "paceline-ledger-"));
after(() => rmSync(folder, { recursive: true }));

const VERSION = {
  policy: "p",
  label: { run: "a", step: 1 },
  runEpoch: null,
  source: { path: "/weights" },
  digest: "d".repeat(64),
  contentOf: null,
  onUpdate: "keep",
  updateGraceMs: 5,
} as const;

async function openLedger(store: Store = createMemoryStore()): Promise<Ledger> {
  const ledger = await createLedger(store, new VirtualClock());
  await ledger.declare({ policy: "p" });
  return ledger;
}

async function walk(ledger: Ledger, version: number, ...states: VersionState[]): Promise<void> {
  for (const state of states) await ledger.transition("p", version, state);
}
const commit = (ledger: Ledger, version: number) =>
  walk(ledger, version, "transferring", "staged", "committed");

const held = (version: number, more: Partial<HeldVersion> = {}): HeldVersion => ({
  policy: "p",
  version,
  label: null,
  proof: "digest",
  load: 1,
  digest: VERSION.digest,
  ...more,
});

test("an adapter is proved on a base that its worker has proved, and moves with it", async () => {
  const ledger = await openLedger();
  await ledger.declare({ policy: "ad", kind: "lora", base: "p" });
  for (const policy of ["p", "ad"]) {
    await ledger.open({ ...VERSION, policy });
    for (const state of ["transferring", "staged", "committed"] as const) {
      await ledger.transition(policy, 1, state);
    }
  }
  const adapter = held(1, { policy: "ad", load: 0 });
  assert.throws(() => ledger.prove("w", "i", adapter), { code: "version_conflict" });
  ledger.prove("w", "i", held(1));
  ledger.prove("w", "i", adapter);
  const base = () => ledger.holds("w", "i").find(({ policy }) => policy === "ad")?.base;
  assert.deepEqual(base(), { policy: "p", version: 1, load: 1 });
  ledger.prove("w", "i", held(1, { load: 2 }));
  assert.deepEqual(base(), { policy: "p", version: 1, load: 2 });
  assert.deepEqual(ledger.proved("w", "i", "ad", 1)?.base, { policy: "p", version: 1, load: 2 });
  ledger.release("w", "i", "ad");
  assert.deepEqual(
    ledger.holds("w", "i").map(({ policy }) => policy),
    ["p"],
  );
  ledger.release("w", "i", "ad");
  ledger.release("w", "another life", "p");
  assert.equal(ledger.holds("w", "i").length, 1);
});

test("declares a policy once, changes what is named, never what it is", async () => {
  const ledger = await openLedger();
  assert.deepEqual(ledger.policy("p"), {
    policy: "p",
    kind: "full",
    base: null,
    commit: "all",
    onUpdate: "keep",
    updateGraceMs: 30_000,
    minProof: "receipt",
    committedVersion: null,
    lastVersion: 0,
    run: null,
  });
  await ledger.open(VERSION);
  const changed = await ledger.declare({ policy: "p", onUpdate: "finish" });
  assert.deepEqual(
    [changed.onUpdate, changed.updateGraceMs, changed.lastVersion],
    ["finish", 30_000, 1],
  );
  const lora = await ledger.declare({ policy: "q", kind: "lora", base: "p" });
  assert.equal(lora.base, "p");
  for (const [declaration, code] of [
    [{ policy: "p", kind: "lora", base: "q" }, "conflict"],
    [{ policy: "r", kind: "lora" }, "invalid_argument"],
    [{ policy: "r", kind: "lora", base: "none" }, "not_found"],
    [{ policy: "r", kind: "lora", base: "q" }, "invalid_argument"],
    [{ policy: "r", base: "p" }, "invalid_argument"],
    [{ policy: "a/b" }, "invalid_argument"],
  ] as const) {
    await assert.rejects(ledger.declare(declaration), { code });
  }
  assert.deepEqual(
    ledger.policies().map(({ policy }) => policy),
    ["p", "q"],
  );
});

test("a commit supersedes the one before it and moves the fleet's version, forward only", async () => {
  const ledger = await openLedger();
  for (let i = 0; i < 3; i++) await ledger.open(VERSION);
  await commit(ledger, 1);
  await walk(ledger, 1, "installed");
  await commit(ledger, 3);
  assert.equal(ledger.policy("p").committedVersion, 3);
  assert.deepEqual(
    ledger.versions("p").map(({ state }) => state),
    ["superseded", "open", "committed"],
  );
  await walk(ledger, 2, "transferring", "staged");
  await assert.rejects(ledger.transition("p", 2, "committed"), { code: "version_conflict" });
  await assert.rejects(ledger.transition("p", 3, "superseded"), { code: "version_conflict" });
  await assert.rejects(ledger.transition("p", 9, "aborted"), { code: "not_found" });
  assert.equal(ledger.policy("p").committedVersion, 3);
});

test("versions grow and are never used twice, whatever races, aborts and restarts", async () => {
  const random = seededRandom(testSeed("ledger"));
  const file = join(folder, "state.sqlite");
  const seen: number[] = [];
  for (let life = 0; life < 4; life++) {
    const store = await openSqliteStore(file, { clock: liveClock });
    const ledger = await openLedger(store);
    const opened = await Promise.all(Array.from({ length: 5 }, () => ledger.open(VERSION)));
    for (const { version } of opened) {
      seen.push(version);
      const fate = random.u32() % 4;
      if (fate === 0) await ledger.transition("p", version, "aborted");
      else if (fate === 1) await walk(ledger, version, "transferring");
      else if (fate === 2) await commit(ledger, version);
    }
    await store.close();
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 20 }, (_, i) => i + 1),
  );
});

test("after a restart the committed version stands and the undecided are aborted, durably", async () => {
  const store = createMemoryStore();
  const first = await openLedger(store);
  for (let i = 0; i < 5; i++) await first.open(VERSION);
  await commit(first, 1);
  await walk(first, 2, "transferring", "staged");
  await walk(first, 3, "transferring");
  await walk(first, 4, "gated");
  first.prove("w", "i", held(1));
  for (const ledger of [await openLedger(store), await openLedger(store)]) {
    assert.deepEqual(
      ledger.versions("p").map(({ state }) => state),
      ["committed", "aborted", "aborted", "aborted", "aborted"],
    );
    assert.equal(ledger.policy("p").committedVersion, 1);
    assert.deepEqual(ledger.holds("w", "i"), [], "proofs die with the process that saw them");
  }
});

test("nobody hears of what is not durable; a failed write leaves everything as it was", async () => {
  const inner = createMemoryStore();
  let broken = false;
  let release = () => {};
  const store: Store = {
    ...inner,
    async commit(changes) {
      if (broken) throw new PacelineError("store_unavailable", "no disk");
      await new Promise<void>((resolve) => {
        release = resolve;
        setImmediate(resolve);
      });
      return inner.commit(changes);
    },
  };
  const ledger = await openLedger(store);
  await ledger.open(VERSION);
  const heard: LedgerChange[] = [];
  ledger.listen((change) => {
    heard.push(change);
  });
  const step = ledger.transition("p", 1, "transferring");
  release();
  assert.equal(ledger.version("p", 1).state, "open");
  assert.equal(heard.length, 0);
  await step;
  assert.deepEqual(heard, [{ type: "version", version: ledger.version("p", 1) }]);
  broken = true;
  await assert.rejects(ledger.transition("p", 1, "staged"), { code: "store_unavailable" });
  await assert.rejects(ledger.open(VERSION), { code: "store_unavailable" });
  await assert.rejects(ledger.declare({ policy: "new" }), { code: "store_unavailable" });
  assert.equal(ledger.version("p", 1).state, "transferring");
  assert.equal(ledger.policy("p").lastVersion, 1);
  assert.equal(heard.length, 1);
  broken = false;
  assert.equal((await ledger.open(VERSION)).version, 2);
});

test("a ledger whose rows another server changed refuses to go on from what it knew", async () => {
  const store = createMemoryStore();
  const mine = await openLedger(store);
  const theirs = await openLedger(store);
  await theirs.open(VERSION);
  await assert.rejects(mine.open(VERSION), { code: "store_unavailable" });
});

test("keeps a bounded number of records, never forgetting one that can still be of use", async () => {
  const ledger = await openLedger();
  await ledger.open(VERSION);
  await commit(ledger, 1);
  for (let i = 0; i < LIMITS.versionsKept + 20; i++) {
    const { version } = await ledger.open(VERSION);
    if (version !== 3) await ledger.transition("p", version, "aborted");
  }
  const kept = ledger.versions("p").map(({ version }) => version);
  assert.ok(kept.length <= LIMITS.versionsKept + 1, `${kept.length}`);
  assert.deepEqual(kept.slice(0, 2), [1, 3], "the committed one and the open one stay");
  assert.throws(() => ledger.version("p", 2), { code: "not_found" });
});

test("a proof needs a committed version and its digest (I3)", async () => {
  const ledger = await openLedger();
  await ledger.open(VERSION);
  assert.throws(() => ledger.prove("w", "i1", held(1)), { code: "version_conflict" });
  await commit(ledger, 1);
  assert.throws(() => ledger.prove("w", "i1", held(1, { digest: "e".repeat(64) })), {
    code: "digest_mismatch",
  });
  assert.throws(() => ledger.prove("w", "i1", held(2)), { code: "not_found" });
  assert.deepEqual(ledger.holds("w", "i1"), []);
  ledger.prove("w", "i1", held(1));
  assert.deepEqual(ledger.holds("w", "i1"), [held(1, { label: VERSION.label })]);
});

test("what an incarnation proved holds for it alone; poisoning ends it, the past stays on record", async () => {
  const ledger = await openLedger();
  await ledger.declare({ policy: "other" });
  for (let i = 0; i < 2; i++) await ledger.open(VERSION);
  await commit(ledger, 1);
  const heard: [string, number[]][] = [];
  ledger.listen((change) => {
    if (change.type !== "holds") return;
    heard.push([change.incarnation, change.holds.map(({ version }) => version)]);
  });
  ledger.prove("w", "i1", held(1));
  await commit(ledger, 2);
  ledger.prove("w", "i1", held(2, { load: 2 }));
  assert.deepEqual(
    ledger.holds("w", "i1").map(({ version }) => version),
    [2],
  );
  assert.equal(ledger.proved("w", "i1", "p", 1)?.version, 1, "tokens made before the update");
  assert.equal(ledger.proved("w", "i1", "other", 1), null);
  assert.deepEqual(ledger.holds("w", "i2"), []);
  ledger.forget("w", "i2");
  assert.equal(ledger.holds("w", "i1").length, 1, "somebody else's death");
  ledger.forget("w", "i1");
  ledger.forget("w", "i1");
  assert.deepEqual(ledger.holds("w", "i1"), []);
  assert.equal(ledger.proved("w", "i1", "p", 2)?.load, 2);
  ledger.prove("w", "i1", held(2, { load: 3 }));
  ledger.prove("w", "i2", held(2));
  assert.equal(ledger.proved("w", "i1", "p", 2), null);
  assert.deepEqual(heard, [
    ["i1", [1]],
    ["i1", [2]],
    ["i1", []],
    ["i1", [2]],
    ["i1", []],
    ["i2", [2]],
  ]);
});
