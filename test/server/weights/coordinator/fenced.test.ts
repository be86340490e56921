/** A publisher that a newer run fenced: refused at the door, and ended wherever it was on its way to a commit. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Publication } from "../../../../server/weights/publisher.ts";
import { type Bench, createBench, failure, quiet } from "./bench.ts";

const label = (run: string, step: number) => ({ label: { run, step } });

async function running(run: string): Promise<Bench> {
  const bench = await createBench();
  for (const id of ["a", "b"]) bench.fleet.add(id);
  await bench.ledger.openRun({ policy: "p", run });
  await bench.publish("one", label(run, 100));
  await quiet();
  return bench;
}

const states = ({ ledger }: Bench) => ledger.versions("p").map(({ state }) => state);

describe("a fenced publisher", () => {
  test("is refused before anything is minted, however it says its run", async () => {
    const bench = await running("old");
    const { epoch } = await bench.ledger.openRun({ policy: "p", run: "new" });
    const claims: Partial<Publication>[] = [
      label("old", 101),
      { runEpoch: epoch - 1 },
      { runEpoch: epoch - 1, ...label("old", 101) },
      {},
    ];
    for (const claim of claims) {
      const { code, details } = await failure(bench.publish("two", claim));
      assert.equal(code, "run_fenced");
      assert.deepEqual([details["run"], details["epoch"]], ["new", epoch]);
    }
    assert.equal(bench.ledger.policy("p").lastVersion, 1);
  });

  test("loses what is being staged and what waits behind it; the new run goes on at once", async () => {
    const bench = await running("old");
    bench.fleet.of("b").faults.set("stage", "hang");
    const staging = await bench.publish("two", label("old", 101));
    const waiting = await bench.publish("three", label("old", 102));
    await quiet();
    const verdicts = [staging, waiting].map((v) => failure(bench.publisher.committed("p", v)));
    await bench.ledger.openRun({ policy: "p", run: "new" });
    for (const verdict of verdicts) assert.equal((await verdict).code, "run_fenced");
    bench.fleet.of("b").faults.clear();
    // From step 90 while the fleet is at 100.
    const next = await bench.publish("four", label("new", 90));
    await quiet();
    assert.equal(next, 4);
    assert.deepEqual(bench.holds(), { a: 4, b: 4 });
    assert.deepEqual(states(bench), ["superseded", "aborted", "aborted", "installed"]);
    assert.deepEqual(
      bench.events.filter(({ type }) => type === "trouble"),
      [],
    );
  });

  test("loses what is still being hashed", async () => {
    const bench = await createBench();
    bench.fleet.add("a");
    await bench.ledger.openRun({ policy: "p", run: "old" });
    const publishing = bench.publish("one", label("old", 1));
    const opening = bench.ledger.openRun({ policy: "p", run: "new" });
    assert.equal((await failure(publishing)).code, "run_fenced");
    await opening;
    assert.equal(bench.ledger.policy("p").lastVersion, 0);
  });

  test("loses a commit that the opening came before, by a write", async () => {
    const bench = await running("old");
    let opening: Promise<unknown> | null = null;
    bench.ledger.listen((change) => {
      // Between the two writes of the commit.
      if (change.type !== "version" || change.version.version !== 2) return;
      if (change.version.state === "staged") {
        opening = bench.ledger.openRun({ policy: "p", run: "new" });
      }
    });
    const version = await bench.publish("two", label("old", 101));
    const verdict = await failure(bench.publisher.committed("p", version));
    await opening;
    assert.equal(verdict.code, "run_fenced");
    await quiet();
    assert.deepEqual(bench.holds(), { a: 1, b: 1 });
    assert.deepEqual(states(bench), ["installed", "aborted"]);
    for (const id of ["a", "b"]) assert.equal(bench.fleet.of(id).staged, null, "given up");
  });

  test("keeps what was committed before: that goes on into every worker", async () => {
    const bench = await running("old");
    const release = Promise.withResolvers<void>();
    bench.fleet.turn = (_, call) => (call === "swap" ? release.promise : Promise.resolve());
    await bench.publish("two", label("old", 101));
    await quiet();
    await bench.ledger.openRun({ policy: "p", run: "new" });
    release.resolve();
    await quiet();
    assert.deepEqual(bench.holds(), { a: 2, b: 2 });
  });
});

describe("a retried publication", () => {
  test("is the one that runs, or that was committed; without a label each is its own", async () => {
    const bench = await running("r");
    bench.fleet.of("a").faults.set("stage", "hang");
    const first = await bench.publish("two", label("r", 101));
    await quiet();
    assert.equal(await bench.publish("two", label("r", 101)), first);
    const waits = bench.publisher.committed("p", first);
    bench.fleet.of("a").faults.clear();
    bench.fleet.kill("a");
    await waits;
    assert.equal(await bench.publish("two", label("r", 101)), first);
    assert.equal(await bench.publish("other", label("r", 101)), first + 1, "other content");
    await quiet();
    assert.equal(await bench.publish("other", label("r", 102)), first + 2, "another step");
    await quiet();
    const { epoch } = await bench.ledger.openRun({ policy: "p", run: "s" });
    assert.equal(await bench.publish("other", label("s", 102)), first + 3, "another run");
    await quiet();
    assert.equal(await bench.publish("other", { runEpoch: epoch }), first + 4);
    assert.equal(await bench.publish("other", { runEpoch: epoch }), first + 5);
  });

  test("two at the same time are one", async () => {
    const bench = await running("r");
    const both = await Promise.all([
      bench.publish("two", label("r", 101)),
      bench.publish("two", label("r", 101)),
    ]);
    assert.deepEqual(both, [2, 2]);
    await quiet();
    assert.deepEqual(bench.holds(), { a: 2, b: 2 });
    assert.equal(bench.ledger.policy("p").lastVersion, 2);
  });
});
