/** The one suite that every engine adapter passes: an engine brings a fixture, the cases are the same. */
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { ROOM } from "../evidence.ts";
import { Witness } from "../witness.ts";
import { ABORT_CASES } from "./abort-cases.ts";
import { run } from "./attempt.ts";
import { type Case, runCase } from "./case.ts";
import { CONTROL_CASES } from "./control-cases.ts";
import { FAULT_CASES, runFault } from "./fault-cases.ts";
import { type Bench, type EngineUnderTest, openBench } from "./fixture.ts";
import { GENERATE_CASES, REFUSAL_CASES } from "./generate-cases.ts";
import { LORA_CASES } from "./lora-cases.ts";
import { SEED_CASES } from "./seed-cases.ts";
import { SIDE_CASES } from "./side-cases.ts";

/** Cases that leave the engine as they found it share one. */
const SHARED: Readonly<Record<string, readonly Case[]>> = {
  generate: [...GENERATE_CASES, ...REFUSAL_CASES],
  seeds: SEED_CASES,
  aborts: ABORT_CASES,
  "side data": SIDE_CASES,
  adapters: LORA_CASES,
};

/** `only`: one room of the cases that share an engine, for a second shape of one that has passed all. */
export function engineConformance(under: EngineUnderTest, only?: keyof typeof SHARED): void {
  const witness = new Witness(under.counterpart, under.name);
  for (const [room, cases] of Object.entries(SHARED)) {
    if (only !== undefined && room !== only) continue;
    describeShared(under, witness, room, cases);
  }

  if (only === undefined) describeControl(under, witness);
  if (under.manners?.fresh !== false) describeBirth(under, witness);
}

/** Rows of one room, on one engine. `install` false: it holds what it was started with. */
export function describeShared(
  under: EngineUnderTest,
  witness: Witness,
  room: string,
  cases: readonly Case[],
  install = true,
): void {
  describe(`engine ${under.name}: ${room}`, () => {
    let bench: Bench;
    before(async () => {
      bench = await openBench(under, install);
      witness.found(bench.description.capabilities);
    });
    after(() => bench.stop());
    for (const one of cases) {
      witness.row(`${room} ${ROOM} ${one.name}`, () => runCase(one, bench));
    }
  });
}

function describeControl(under: EngineUnderTest, witness: Witness): void {
  const room = "control and weights";
  describe(`engine ${under.name}: ${room}`, () => {
    for (const one of CONTROL_CASES) {
      witness.row(`${room} ${ROOM} ${one.name}`, () =>
        withBench(under, (bench) => runCase(one, bench)),
      );
    }
  });
}

/** Of engines that misbehave on command. `install` false: it holds what it was started with. */
export function engineFaults(under: EngineUnderTest, install = true): void {
  const witness = new Witness(under.counterpart, `${under.name}: faults`);
  describe(`engine ${under.name}: what it does wrong`, () => {
    const undetectable = under.manners?.undetectable ?? [];
    for (const fault of FAULT_CASES) {
      if (undetectable.includes(fault.kind)) continue;
      const more = fault.options?.status === undefined ? "" : ` ${fault.options.status}`;
      witness.test(`${fault.kind}${more}`, () =>
        withBench(under, (bench) => runFault(fault, bench), install),
      );
    }
  });
}

async function withBench<T>(
  under: EngineUnderTest,
  use: (bench: Bench) => Promise<T>,
  install = true,
): Promise<T> {
  const bench = await openBench(under, install);
  try {
    return await use(bench);
  } finally {
    await bench.stop();
  }
}

function describeBirth(under: EngineUnderTest, witness: Witness): void {
  describe(`engine ${under.name}: birth`, () => {
    witness.test(
      `birth ${ROOM} a fresh engine says what it can do, holds nothing and serves nothing`,
      async () => {
        const bench = await openBench(under, false);
        try {
          assert.deepEqual(bench.description.capabilities, under.capabilities);
          assert.deepEqual(await bench.engine.weights?.held(AbortSignal.timeout(5_000)), []);
          assert.equal((await run(bench.engine, {})).error?.code, "version_unavailable");
        } finally {
          await bench.stop();
        }
      },
    );

    witness.test(`birth ${ROOM} two lives of an engine have two incarnations`, async () => {
      const first = await openBench(under, false);
      const second = await openBench(under, false);
      await Promise.all([first.stop(), second.stop()]);
      assert.notEqual(first.description.incarnation, second.description.incarnation);
    });
  });
}
