import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  decodeDeclaration,
  decodePublication,
  decodeRollback,
  decodeRunOpening,
  encodePolicy,
  encodePublication,
  encodeRun,
} from "../../../../server/api/codec/policy.ts";
import { policy, publicationProgress, run } from "../../../../server/contract/schema-policy.ts";
import type { PolicyRecord, VersionRecord } from "../../../../server/policy/ledger.ts";

const VERSION: VersionRecord = {
  policy: "p",
  version: 7,
  label: { run: "a", step: 3 },
  runEpoch: null,
  state: "installed",
  source: { path: "/models/7" },
  digest: "ab",
  contentOf: null,
  onUpdate: "keep",
  updateGraceMs: 30_000,
  createdAt: 1_700_000_000_000,
};

const POLICY: PolicyRecord = {
  policy: "p",
  kind: "full",
  base: null,
  commit: "all",
  onUpdate: "keep",
  updateGraceMs: 30_000,
  minProof: "receipt",
  committedVersion: 7,
  lastVersion: 8,
  run: null,
};

const held = (version: number) =>
  ({ policy: "p", version, label: null, proof: "digest", load: 1, digest: null }) as const;

suite("encodePolicy", () => {
  test("says what the schema says, with each worker's lag and the committed label", () => {
    const holders = [
      { worker: "w-1", held: held(5) },
      { worker: "w-2", held: held(8) },
    ];
    const wire = encodePolicy(POLICY, [VERSION], holders);
    assert.deepEqual(policy().parse(JSON.parse(JSON.stringify(wire))), wire);
    assert.deepEqual(wire.label, { run: "a", step: 3 });
    assert.deepEqual(
      wire.workers.map(({ lag }) => lag),
      [2, -1],
    );
  });

  test("knows no lag before the first commit", () => {
    const record = { ...POLICY, committedVersion: null };
    const wire = encodePolicy(record, [], [{ worker: "w-1", held: held(1) }]);
    assert.deepEqual([wire.label, wire.workers[0]?.lag], [null, null]);
  });
});

test("encodePublication says what the schema says", () => {
  const wire = encodePublication({
    version: VERSION,
    workers: [
      { worker: "w-1", phase: "installed", reason: null, pauseMs: 1.5, fence: null },
      { worker: "w-2", phase: "failed", reason: "disk full", pauseMs: null, fence: null },
      { worker: "w-3", phase: "gated", reason: null, pauseMs: null, fence: "f-1" },
    ],
    lapseMs: 1_000,
    installed: 1,
  });
  assert.deepEqual(publicationProgress().parse(JSON.parse(JSON.stringify(wire))), wire);
  assert.deepEqual([wire.version, wire.state, wire.installed], [7, "installed", 1]);
});

test("decodeDeclaration keeps what was given and nothing else", () => {
  assert.deepEqual(decodeDeclaration("p", {}), { policy: "p" });
  const body = { kind: "lora", base: "b", commit: "rolling", on_update: "finish" };
  assert.deepEqual(decodeDeclaration("p", { ...body, update_grace_ms: 0 }), {
    policy: "p",
    kind: "lora",
    base: "b",
    commit: "rolling",
    onUpdate: "finish",
    updateGraceMs: 0,
  });
});

test("decodePublication keeps what was given and nothing else", () => {
  const source = { path: "/models/8" };
  assert.deepEqual(decodePublication("p", { source }), { policy: "p", source });
  const body = { source, label: { run: "a", step: 8 }, format: "full", on_update: "reprefill" };
  const commit = { mode: "rolling", wave: 2, timeout_ms: 5_000 };
  const more = { commit, update_grace_ms: 10, run_epoch: 3 };
  assert.deepEqual(decodePublication("p", { ...body, ...more }), {
    policy: "p",
    source,
    label: { run: "a", step: 8 },
    runEpoch: 3,
    commit: { mode: "rolling", wave: 2, timeoutMs: 5_000 },
    onUpdate: "reprefill",
    updateGraceMs: 10,
  });
});

test("decodeRollback keeps what was given; no body asks for nothing", () => {
  assert.deepEqual(decodeRollback(undefined), {});
  assert.deepEqual(decodeRollback({ commit: { quorum: 2 }, label: { run: "a", step: 0 } }), {
    commit: { quorum: 2 },
    label: { run: "a", step: 0 },
  });
  assert.throws(() => decodeRollback({ source: { path: "/m" } }), { code: "invalid_argument" });
});

test("a run travels as the schema says, with or without its opener", () => {
  assert.deepEqual(decodeRunOpening("p", { run: "a" }), { policy: "p", run: "a" });
  const opening = decodeRunOpening("p", { run: "a", opener: "h.1" });
  assert.deepEqual(opening, { policy: "p", run: "a", opener: "h.1" });
  const wire = encodeRun({ ...opening, opener: null, epoch: 3, byName: true, openedAt: 1 });
  assert.deepEqual(run().parse(JSON.parse(JSON.stringify(wire))), wire);
  for (const body of [
    {},
    { run: "" },
    { run: "a b" },
    { run: "a", opener: "x/y" },
    { name: "a" },
  ]) {
    assert.throws(() => decodeRunOpening("p", body), { code: "invalid_argument" });
  }
});

suite("refuses", () => {
  const source = { path: "/m" };
  const WRONG: readonly [body: unknown, code: string, path: string][] = [
    [{}, "invalid_argument", "source"],
    [{ source: {} }, "invalid_argument", "source"],
    [{ source: { path: "/m", arena: "a" } }, "invalid_argument", "source"],
    [{ source: { path: "" } }, "invalid_argument", "source.path"],
    [{ source, label: { run: "a", step: -1 } }, "invalid_argument", "label.step"],
    [{ source, commit: { mode: "some" } }, "invalid_argument", "commit.mode"],
    [{ source, wait: "committed" }, "invalid_argument", "wait"],
    [{ source: { arena: "a" } }, "unsupported", "source.arena"],
    [{ source, format: "delta" }, "unsupported", "format"],
    [{ source, base_version: 3 }, "unsupported", "base_version"],
    [{ source, commit: { mode: "quorum", quorum: 0 } }, "invalid_argument", "commit.quorum"],
    [{ source, commit: { mode: "rolling", wave: 0 } }, "invalid_argument", "commit.wave"],
    [{ source, run_epoch: -1 }, "invalid_argument", "run_epoch"],
  ];
  for (const [body, code, path] of WRONG) {
    test(JSON.stringify(body), () => {
      assert.throws(() => decodePublication("p", body), { code, details: { path } });
    });
  }

  test("a policy-wide lag limit, which nothing here would keep", () => {
    assert.throws(() => decodeDeclaration("p", { max_lag: 1 }), { code: "unsupported" });
  });
});
