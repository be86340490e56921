/** The cases that every engine adapter passes, and facts that the adapter rests on, against real SGLang. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Engine } from "../../../adapters/engine.ts";
import { createSglangEngine } from "../../../adapters/sglang/engine.ts";
import { deadline, run } from "../../conformance/engines/attempt.ts";
import { engineConformance } from "../../conformance/engines/engine-conformance.ts";
import { SGLANG_MANNERS } from "../../conformance/engines/manners.ts";
import { openSglang, SGLANG_VERSION, type SglangProcess } from "../engines/sglang.ts";

const sglang = await openSglang();

for (const [name, flags] of [
  ["incremental streams", ["--incremental-streaming-output"]],
  ["streams that repeat themselves", []],
] as const) {
  describe(`SGLang ${SGLANG_VERSION}, ${name}`, () => {
    let server: SglangProcess;
    before(async () => {
      server = await sglang.start([...flags, "--load-snapshot-publish-interval", "1"]);
    });
    after(() => server.kill());

    const open = (): Engine => createSglangEngine(server.url);

    test("the probe finds what it was started with", async () => {
      const engine = open();
      const found = await engine.probe(deadline());
      assert.deepEqual(
        [found.engineVersion, found.vocabSize, found.eosTokenIds, found.maxModelLen],
        [SGLANG_VERSION, 2_048, [2], 2_046],
      );
      assert.deepEqual(found.capabilities.logprobModes, ["tempered"]);
      await engine.close();
    });

    test("a load that fails leaves the old weights and their label", async () => {
      const engine = open();
      await engine.probe(deadline());
      const good = { policy: "default", version: 1, path: sglang.models[0] };
      await engine.weights?.stage(good, deadline());
      await engine.weights?.swap({ ...good, kv: "drop" }, deadline());
      const before = await run(engine, { sampling: { temperature: 0 } });
      const bad = { policy: "default", version: 2, path: "/none" };
      await engine.weights?.stage(bad, deadline());
      const swap = engine.weights?.swap({ ...bad, kv: "drop" }, deadline());
      await assert.rejects(swap ?? Promise.resolve(), { code: "weights_rejected" });
      const [held] = (await engine.weights?.held(deadline())) ?? [];
      assert.equal(held?.version, 1);
      assert.deepEqual((await run(engine, { sampling: { temperature: 0 } })).ids, before.ids);
      await engine.close();
    });

    engineConformance({
      name: `sglang, ${name}`,
      counterpart: { engine: "sglang", against: "real", version: SGLANG_VERSION },
      async start() {
        const engine = open();
        return { engine, url: server.url, slowly: server.slowly, stop: () => engine.close() };
      },
      capabilities: {} as never,
      versions: sglang.models,
      // Of bfloat16 in batches of another size.
      manners: { ...SGLANG_MANNERS, tolerance: 0.06, fresh: false, loadLags: true },
    });
  });
}
