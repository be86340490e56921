/** The one suite that every engine adapter passes: an engine brings a fixture, the cases are the same. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { run } from "./attempt.ts";
import { CONTROL_CASES } from "./control-cases.ts";
import { type Bench, type EngineUnderTest, openBench } from "./fixture.ts";
import { GENERATE_CASES } from "./generate-cases.ts";
import { SIDE_CASES } from "./side-cases.ts";

export function engineConformance(under: EngineUnderTest): void {
  describe(`engine ${under.name}: generate`, () => {
    let bench: Bench;
    before(async () => {
      bench = await openBench(under);
    });
    after(() => bench.stop());
    for (const { name, run } of GENERATE_CASES) test(name, () => run(bench));
  });

  describe(`engine ${under.name}: side data`, () => {
    let bench: Bench;
    before(async () => {
      bench = await openBench(under);
    });
    after(() => bench.stop());
    for (const { name, run } of SIDE_CASES) test(name, () => run(bench));
  });

  describe(`engine ${under.name}: control and weights`, () => {
    for (const { name, run } of CONTROL_CASES) {
      test(name, async () => {
        const bench = await openBench(under);
        try {
          await run(bench);
        } finally {
          await bench.stop();
        }
      });
    }
  });

  describe(`engine ${under.name}: birth`, () => {
    test("a fresh engine says what it can do, holds nothing and serves nothing", async () => {
      const bench = await openBench(under, false);
      try {
        assert.deepEqual(bench.description.capabilities, under.capabilities);
        assert.deepEqual(await bench.engine.weights?.held(AbortSignal.timeout(5_000)), []);
        assert.equal((await run(bench.engine, {})).error?.code, "version_unavailable");
      } finally {
        await bench.stop();
      }
    });

    test("two lives of an engine have two incarnations", async () => {
      const first = await openBench(under, false);
      const second = await openBench(under, false);
      await Promise.all([first.stop(), second.stop()]);
      assert.notEqual(first.description.incarnation, second.description.incarnation);
    });
  });
}
