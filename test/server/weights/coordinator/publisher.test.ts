import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PacelineError } from "../../../../server/contract/errors.ts";
import { LIMITS } from "../../../../server/limits.ts";
import { createMemoryStore } from "../../../../server/store/memory-store.ts";
import type { Store } from "../../../../server/store/store.ts";
import type { PublicationProgress } from "../../../../server/weights/publisher.ts";
import { createBench, failure, quiet } from "./bench.ts";

const forever = new AbortController().signal;

async function installed(digest: string, workers: readonly string[]) {
  const bench = await createBench();
  for (const id of workers) bench.fleet.add(id);
  await bench.publish(digest);
  await quiet();
  bench.fleet.log.length = 0;
  return bench;
}

describe("publishing", () => {
  test("a version is minted, staged, committed and proven on every worker", async () => {
    const bench = await createBench();
    for (const id of ["a", "b"]) bench.fleet.add(id);
    const version = await bench.publish("one", { label: { run: "r", step: 9 } });
    assert.equal(version, 1);
    await bench.publisher.committed("p", 1);
    await quiet();
    const { version: record, installed } = bench.publisher.progress("p", 1);
    assert.deepEqual([record.state, installed], ["installed", 2]);
    assert.equal(bench.ledger.policy("p").committedVersion, 1);
    const [held] = bench.ledger.holds("a", "a.1");
    assert.deepEqual(held, {
      policy: "p",
      version: 1,
      label: { run: "r", step: 9 },
      proof: "digest",
      load: 1,
      digest: "one",
    });
    assert.deepEqual([...bench.fleet.closed], []);
    await bench.publisher.close();
    assert.equal(bench.clock.timers, 0);
  });

  test("the engine stands still from before the swap until the ledger has the proof", async () => {
    const bench = await installed("one", ["a"]);
    bench.fleet.kept.set("a", ["default/r-1"]);
    bench.ledger.listen((change) => {
      if (change.type === "holds")
        bench.fleet.log.push(`holds ${change.holds.map((h) => h.version)}`);
      if (change.type === "version") bench.fleet.log.push(change.version.state);
    });
    await bench.publish("two");
    await quiet();
    assert.deepEqual(bench.fleet.log, [
      "open",
      "transferring",
      "a:stage",
      "staged",
      "committed",
      "superseded",
      "a:close",
      "a:updating",
      "a:pause",
      "a:kv=keep",
      "a:swap",
      "a:held",
      "holds 2",
      "a:resume",
      "a:ready",
      "a:open",
      "installed",
    ]);
    bench.fleet.kept.clear();
    await bench.publish("three");
    await quiet();
    assert.ok(bench.fleet.log.includes("a:kv=drop"), "nothing lives on: no KV is worth keeping");
  });

  test("what each step took, and how long generation stood still, is told", async () => {
    const bench = await installed("one", ["a"]);
    bench.fleet.turn = (_, call) =>
      call === "swap"
        ? new Promise((resolve) => void bench.clock.timer(40, resolve))
        : Promise.resolve();
    bench.events.length = 0;
    await bench.publish("two");
    await quiet();
    await bench.clock.advance(40);
    await quiet();
    const phases = bench.events.flatMap((event) => (event.type === "phase" ? event.phase : []));
    const order = ["digest", "stage", "commit", "gate", "pause", "swap", "verify", "resume"];
    assert.deepEqual(phases, order);
    const pauses = bench.events.flatMap((event) => (event.type === "pause" ? event.seconds : []));
    assert.deepEqual(pauses, [0.04]);
    assert.equal(bench.publisher.progress("p", 2).workers[0]?.pauseMs, 40);
  });

  test("what cannot be published is refused before anything is minted", async () => {
    const bench = await createBench();
    await bench.ledger.declare({ policy: "lora", kind: "lora", base: "p" });
    const source = { path: "x" };
    for (const [publication, code] of [
      [{ policy: "none", source }, "not_found"],
      [{ policy: "lora", source: { external: {} } }, "unsupported"],
      [{ policy: "lora", source, onUpdate: "reprefill" }, "unsupported"],
      [{ policy: "p", source, commit: { mode: "quorum" } }, "invalid_argument"],
      [{ policy: "p", source, commit: { mode: "quorum", quorum: 0 } }, "invalid_argument"],
      [{ policy: "p", source, commit: { quorum: 1 } }, "invalid_argument"],
      [{ policy: "p", source, commit: { mode: "all", wave: 1 } }, "invalid_argument"],
      [{ policy: "p", source, commit: { mode: "rolling", wave: 0.5 } }, "invalid_argument"],
      [{ policy: "p", source, commit: { mode: "all", timeoutMs: 0 } }, "invalid_argument"],
      [{ policy: "p", source, updateGraceMs: -1 }, "invalid_argument"],
    ] as const) {
      assert.equal((await failure(bench.publisher.publish(publication))).code, code);
    }
    assert.equal(bench.ledger.policy("p").lastVersion, 0);
    assert.throws(() => bench.publisher.progress("p", 1), { code: "not_found" });
    const watch = bench.publisher.watch("none", 1, forever);
    await assert.rejects(watch[Symbol.asyncIterator]().next(), { code: "not_found" });
  });

  test("one after the other, in the order of versions, a bounded number behind", async () => {
    const bench = await installed("one", ["a"]);
    const waits: (() => void)[] = [];
    bench.fleet.turn = (_, call) =>
      call === "stage" ? new Promise((resolve) => void waits.push(resolve)) : Promise.resolve();
    const room = LIMITS.publicationsWaiting + 1;
    const versions: number[] = [];
    for (let i = 0; i < room; i++) versions.push(await bench.publish(`d${i}`));
    await quiet();
    assert.equal((await failure(bench.publish("more"))).code, "overloaded");
    assert.deepEqual(
      bench.ledger.versions("p").map(({ state }) => state),
      ["installed", "transferring", ...Array(room - 1).fill("open")],
    );
    await bench.publisher.abort("p", versions[2] ?? 0);
    const dropped = await failure(bench.publisher.committed("p", versions[2] ?? 0));
    assert.equal(dropped.code, "commit_aborted");
    while (waits.length > 0) {
      waits.shift()?.();
      await quiet();
    }
    assert.deepEqual(
      bench.ledger.versions("p").map(({ state }) => state),
      ["superseded", "superseded", "superseded", "aborted", "superseded", "installed"],
    );
    assert.deepEqual(bench.holds(), { a: 6 });
  });

  test("a watcher sees how far each worker is, and the end", async () => {
    const bench = await installed("one", ["a"]);
    const version = await bench.publish("two");
    const seen: PublicationProgress[] = [];
    for await (const progress of bench.publisher.watch("p", version, forever)) seen.push(progress);
    assert.equal(seen.at(-1)?.version.state, "installed");
    assert.equal(seen.at(-1)?.installed, 1);
    const phases = seen.map(({ workers }) => workers[0]?.phase ?? null);
    assert.deepEqual(phases.filter((phase, i) => phase !== phases[i - 1]).slice(-3), [
      "staged",
      "swapping",
      "installed",
    ]);
    const leaving = new AbortController();
    bench.fleet.of("a").faults.set("stage", "hang");
    const watch = bench.publisher.watch("p", await bench.publish("three"), leaving.signal);
    const reader = watch[Symbol.asyncIterator]();
    await reader.next();
    await quiet();
    await reader.next();
    const last = reader.next();
    leaving.abort();
    assert.equal((await last).done, true);
  });
});

describe("the store and the end", () => {
  test("a commit that could not be written did not happen, and says so", async () => {
    const inner = createMemoryStore();
    let broken = false;
    const store: Store = {
      ...inner,
      async commit(changes) {
        if (broken) throw new PacelineError("store_unavailable", "no disk");
        return inner.commit(changes);
      },
    };
    const bench = await createBench(store);
    bench.fleet.add("a");
    await bench.publish("one");
    await quiet();
    bench.fleet.turn = async (_, call) => {
      if (call === "stage") broken = true;
    };
    const version = await bench.publish("two");
    assert.equal(
      (await failure(bench.publisher.committed("p", version))).code,
      "store_unavailable",
    );
    assert.deepEqual(bench.holds(), { a: 1 });
    assert.ok(bench.events.some(({ type }) => type === "trouble"));
    let last: PublicationProgress | null = null;
    for await (const progress of bench.publisher.watch("p", version, forever)) last = progress;
    assert.equal(last?.version.state, "transferring", "the watch ends all the same");
  });

  test("closing aborts what is not committed and ends every watch and wait", async () => {
    const bench = await installed("one", ["a"]);
    bench.fleet.of("a").faults.set("stage", "hang");
    const version = await bench.publish("two");
    const queued = await bench.publish("three");
    await quiet();
    const verdicts = [version, queued].map((v) => failure(bench.publisher.committed("p", v)));
    await bench.publisher.close();
    for (const verdict of verdicts) assert.equal((await verdict).code, "commit_aborted");
    assert.deepEqual(
      bench.ledger.versions("p").map(({ state }) => state),
      ["installed", "aborted", "aborted"],
    );
    assert.equal((await failure(bench.publish("four"))).code, "shutting_down");
    assert.equal(bench.clock.timers, 0);
  });
});
