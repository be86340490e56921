/** Versions from a path on engines that show no digest: their label, and what they compute, stand for it. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Proof } from "../../../../server/contract/policy.ts";
import { type Bench, createBench, failure, quiet } from "./bench.ts";

async function begin(shows: Proof, ...ids: readonly string[]): Promise<Bench> {
  const bench = await createBench();
  for (const id of ids) bench.fleet.add(id, { shows });
  return bench;
}

const proofs = ({ fleet, ledger }: Bench) =>
  fleet.list().map(({ id, description }) => {
    const [held] = ledger.holds(id, description.incarnation);
    return held === undefined ? `${id}: nothing` : `${id}: ${held.version} ${held.proof}`;
  });

describe("an engine that shows no digest", () => {
  test("is proven by its label and a canary, after everything left it", async () => {
    const bench = await begin("receipt", "a", "b");
    bench.fleet.kept.set("a", ["r-1"]);
    await bench.publisher.committed("p", await bench.publish("one"));
    await quiet();
    assert.deepEqual(proofs(bench), ["a: 1 receipt", "b: 1 receipt"]);
    const steps = bench.fleet.log.filter((line) =>
      /^a:(kv|swap|held|resume|canary|open)/.test(line),
    );
    assert.equal(
      steps.join(" ").replace(/(a:canary ?)+/, "a:canaries "),
      "a:kv=drop a:swap a:held a:resume a:canaries a:resume a:open",
    );
    assert.equal(bench.ledger.version("p", 1).state, "installed");
    assert.deepEqual(bench.ledger.holds("a", "a.1")[0]?.digest, null);
  });

  test("keeps its rollouts in place where the policy takes a label alone", async () => {
    const bench = await begin("receipt", "a", "b");
    await bench.ledger.declare({ policy: "p", minProof: "reported" });
    bench.fleet.kept.set("a", ["r-1"]);
    await bench.publisher.committed("p", await bench.publish("one"));
    await quiet();
    assert.deepEqual(proofs(bench), ["a: 1 reported", "b: 1 receipt"]);
    assert.ok(bench.fleet.log.includes("a:kv=keep"));
    assert.ok(!bench.fleet.log.includes("a:canary"));
  });

  test("with a label alone serves only where the policy takes that", async () => {
    const bench = await begin("reported", "a");
    await bench.publisher.committed("p", await bench.publish("one"));
    await quiet();
    assert.deepEqual(proofs(bench), ["a: nothing"]);
    assert.match(bench.reason(1, "a") ?? "", /no more than reported, and the policy takes receipt/);
    await bench.ledger.declare({ policy: "p", minProof: "reported" });
    await quiet();
    assert.deepEqual(proofs(bench), ["a: 1 reported"]);
  });

  test("but a checksum keeps its rollouts in place, and is asked while it stands still", async () => {
    const bench = await createBench();
    for (const id of ["a", "b"]) bench.fleet.add(id, { shows: "receipt", checksums: true });
    bench.fleet.kept.set("a", ["r-1"]);
    await bench.publisher.committed("p", await bench.publish("one"));
    await quiet();
    assert.deepEqual(proofs(bench), ["a: 1 receipt", "b: 1 receipt"]);
    const steps = bench.fleet.log.filter((line) =>
      /^a:(kv|pause|swap|held|resume|canary|checksum|open)/.test(line),
    );
    assert.equal(steps.join(" "), "a:pause a:kv=keep a:swap a:held a:checksum a:resume a:open");
  });

  for (const [what, workers, liar, poisoned, checksums] of [
    ["one that computes with other weights than two before it", 3, "c", ["c"], false],
    ["of two that differ nobody", 2, "b", ["a", "b"], false],
    ["one whose checksum is not that of two before it", 3, "c", ["c"], true],
  ] as const) {
    test(`${what} is not believed`, async () => {
      const bench = await createBench();
      for (const id of ["a", "b", "c"].slice(0, workers)) {
        bench.fleet.add(id, { shows: "receipt", checksums });
      }
      bench.fleet.of(liar).faults.set("swap", "lie");
      await bench.publish("one");
      await quiet();
      const states = bench.fleet.list().filter(({ state }) => state === "poisoned");
      assert.deepEqual(
        states.map(({ id }) => id),
        poisoned,
      );
      assert.match(bench.reason(1, liar) ?? "", checksums ? /checksum/ : /canary/);
      for (const id of poisoned) assert.deepEqual(bench.ledger.holds(id, `${id}.1`), []);
      // Once it loads what it says, it is well.
      bench.fleet.of(liar).faults.clear();
      for (let round = 0; round < 8; round++) {
        await bench.clock.advance(10_000);
        await quiet();
      }
      assert.deepEqual(
        proofs(bench),
        ["a", "b", "c"].slice(0, workers).map((id) => `${id}: 1 receipt`),
      );
    });
  }

  test("alone, is found out where it loaded nothing; the same content again is no fault", async () => {
    const bench = await begin("receipt", "a");
    await bench.publisher.committed("p", await bench.publish("one"));
    await quiet();
    bench.fleet.of("a").faults.set("swap", "lie");
    await bench.publisher.committed("p", await bench.publish("two"));
    await quiet();
    assert.equal(bench.fleet.of("a").state, "poisoned");
    assert.match(bench.reason(2, "a") ?? "", /nothing was loaded/);
    bench.fleet.of("a").faults.clear();
    await bench.clock.advance(10_000);
    await quiet();
    assert.deepEqual(proofs(bench), ["a: 2 receipt"]);
    await bench.publisher.committed("p", await bench.publish("two"));
    await quiet();
    assert.deepEqual(proofs(bench), ["a: 3 receipt"]);
  });

  test("that fails its swap computes nothing before it has loaded again", async () => {
    const bench = await begin("receipt", "a");
    bench.fleet.of("a").faults.set("swap", "fail");
    await bench.publish("one");
    await quiet();
    assert.equal(bench.fleet.of("a").state, "poisoned");
    assert.ok(!bench.fleet.log.includes("a:canary") && !bench.fleet.log.includes("a:resume"));
  });

  test("is held against those that were believed, when it comes later", async () => {
    const bench = await begin("receipt", "a", "b", "c");
    await bench.publisher.committed("p", await bench.publish("one"));
    await quiet();
    bench.fleet.add("late", { shows: "receipt" }).faults.set("swap", "lie");
    await quiet();
    assert.equal(bench.fleet.of("late").state, "poisoned");
    assert.match(bench.reason(1, "late") ?? "", /differs from that of 3 of 4 workers/);
    assert.equal(bench.fleet.of("a").state, "ready");
  });

  test("after a restart of the server, a label is believed only where it is enough", async () => {
    for (const [minProof, swaps] of [
      ["receipt", 1],
      ["reported", 0],
    ] as const) {
      const bench = await createBench();
      await bench.ledger.declare({ policy: "p", minProof });
      await bench.publisher.committed("p", await bench.publish("one"));
      const worker = bench.fleet.add("a", { shows: "receipt" });
      worker.held = { policy: "p", version: 1, digest: "", load: 7 };
      await quiet();
      assert.equal(bench.fleet.log.filter((line) => line === "a:swap").length, swaps);
      assert.deepEqual(proofs(bench), [`a: 1 ${minProof}`]);
    }
  });

  test("that promised a digest and shows none is refused", async () => {
    const bench = await begin("digest", "a");
    const { weights } = bench.fleet.of("a").engine;
    Object.assign(weights ?? {}, { stage: async () => ({ digest: null }) });
    const version = await bench.publish("one");
    const error = await failure(bench.publisher.committed("p", version));
    assert.equal(error.code, "commit_aborted");
    assert.match(error.message, /shows no digest/);
  });
});
