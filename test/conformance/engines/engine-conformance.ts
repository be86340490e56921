/** The one suite that every engine adapter passes: an engine brings a fixture, the cases are the same. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { ABORT_CASES } from "./abort-cases.ts";
import { run } from "./attempt.ts";
import { type Case, runCase } from "./case.ts";
import { CONTROL_CASES } from "./control-cases.ts";
import { FAULT_CASES, runFault } from "./fault-cases.ts";
import { type Bench, type EngineUnderTest, openBench } from "./fixture.ts";
import { GENERATE_CASES, REFUSAL_CASES } from "./generate-cases.ts";
import { SEED_CASES } from "./seed-cases.ts";
import { SIDE_CASES } from "./side-cases.ts";

/** Cases that leave the engine as they found it share one. */
const SHARED: Readonly<Record<string, readonly Case[]>> = {
  generate: [...GENERATE_CASES, ...REFUSAL_CASES],
  seeds: SEED_CASES,
  aborts: ABORT_CASES,
  "side data": SIDE_CASES,
};

/** `only`: one room of the cases that share an engine, for a second shape of one that has passed all. */
export function engineConformance(under: EngineUnderTest, only?: keyof typeof SHARED): void {
  for (const [room, cases] of Object.entries(SHARED)) {
    if (only !== undefined && room !== only) continue;
    describe(`engine ${under.name}: ${room}`, () => {
      let bench: Bench;
      before(async () => {
        bench = await openBench(under);
      });
      after(() => bench.stop());
      for (const one of cases) test(one.name, () => runCase(one, bench));
    });
  }

  if (only === undefined) describeControl(under);
  if (under.manners?.fresh !== false) describeBirth(under);
}

function describeControl(under: EngineUnderTest): void {
  describe(`engine ${under.name}: control and weights`, () => {
    for (const one of CONTROL_CASES) {
      test(one.name, () => withBench(under, (bench) => runCase(one, bench)));
    }
  });
}

/** Of engines that misbehave on command. `install` false: it holds what it was started with. */
export function engineFaults(under: EngineUnderTest, install = true): void {
  describe(`engine ${under.name}: what it does wrong`, () => {
    const undetectable = under.manners?.undetectable ?? [];
    for (const fault of FAULT_CASES) {
      if (undetectable.includes(fault.kind)) continue;
      const more = fault.options?.status === undefined ? "" : ` ${fault.options.status}`;
      test(`${fault.kind}${more}`, () =>
        withBench(under, (bench) => runFault(fault, bench), install));
    }
  });
}

async function withBench(
  under: EngineUnderTest,
  use: (bench: Bench) => Promise<void>,
  install = true,
): Promise<void> {
  const bench = await openBench(under, install);
  try {
    await use(bench);
  } finally {
    await bench.stop();
  }
}

function describeBirth(under: EngineUnderTest): void {
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
