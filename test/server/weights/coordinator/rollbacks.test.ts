import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createBench, failure, quiet } from "./bench.ts";

/** Versions 1, 2, 3 of run `r`, steps 1, 2, 3, the last of them installed. */
async function three() {
  const bench = await createBench();
  for (const id of ["a", "b"]) bench.fleet.add(id);
  await bench.ledger.openRun({ policy: "p", run: "r" });
  for (const [i, digest] of ["one", "two", "three"].entries()) {
    await bench.publish(digest, { label: { run: "r", step: i + 1 } });
    await quiet();
  }
  const rollback = async (version: number, options = {}) => {
    const { version: record } = await bench.publisher.rollback("p", version, options);
    await quiet();
    return record;
  };
  return { ...bench, rollback };
}

describe("a rollback", () => {
  test("is a new version of the old content, which every worker proves anew", async () => {
    const bench = await three();
    const record = await bench.rollback(1);
    assert.deepEqual(
      [record.version, record.contentOf, record.digest, record.label],
      [4, 1, "one", { run: "r", step: 1 }],
    );
    assert.deepEqual(bench.holds(), { a: 4, b: 4 });
    for (const id of ["a", "b"]) assert.equal(bench.fleet.of(id).held?.digest, "one");
    assert.equal(bench.ledger.policy("p").committedVersion, 4);
  });

  test("of a rollback, and back again, are versions as any other", async () => {
    const bench = await three();
    await bench.rollback(1);
    await bench.rollback(3);
    const again = await bench.rollback(4);
    assert.deepEqual([again.version, again.contentOf, again.digest], [6, 4, "one"]);
    assert.deepEqual(bench.holds(), { a: 6, b: 6 });
  });

  test("that is called again is the one that is there; later it is a new one", async () => {
    const bench = await three();
    const both = await Promise.all([
      bench.publisher.rollback("p", 1, {}),
      bench.publisher.rollback("p", 1, {}),
    ]);
    assert.deepEqual(
      both.map(({ version }) => version.version),
      [4, 4],
    );
    await quiet();
    assert.equal((await bench.rollback(1)).version, 4, "it is the fleet's");
    await bench.publish("five", { label: { run: "r", step: 5 } });
    await quiet();
    assert.equal((await bench.rollback(1)).version, 6);
  });

  test("across runs has no label, unless its caller gives it one of this run", async () => {
    const bench = await three();
    const { epoch } = await bench.ledger.openRun({ policy: "p", run: "s" });
    const bare = await bench.rollback(2);
    assert.deepEqual([bare.label, bare.runEpoch], [null, epoch]);
    const label = { run: "s", step: 0 };
    assert.deepEqual((await bench.rollback(1, { label })).label, label);
    const old = { label: { run: "r", step: 2 } };
    assert.equal((await failure(bench.rollback(3, old))).code, "invalid_argument");
    assert.equal((await failure(bench.rollback(3, { runEpoch: epoch - 1 }))).code, "run_fenced");
  });

  test("needs a version that was committed and is not the fleet's, and its source as it was", async () => {
    const bench = await three();
    bench.fleet.of("a").faults.set("stage", "fail");
    await bench.publish("four", { label: { run: "r", step: 4 } });
    await quiet();
    bench.fleet.files.set("one", "changed");
    bench.fleet.files.delete("two");
    for (const [version, code] of [
      [9, "not_found"],
      [4, "version_conflict"],
      [3, "version_conflict"],
      [1, "digest_mismatch"],
      [2, "digest_mismatch"],
    ] as const) {
      assert.equal((await failure(bench.rollback(version))).code, code, `${version}`);
    }
    assert.equal(bench.ledger.policy("p").lastVersion, 4);
    assert.deepEqual(bench.holds(), { a: 3, b: 3 });
  });
});
