/** Random histories: nothing lost, nothing twice, eligibility and capacity never broken (I3, I7). */
import { test } from "node:test";
import fc from "fast-check";
import {
  createDiscipline,
  type MakeRule,
  scheduleBy,
} from "../../../server/scheduler/disciplines/disciplines.ts";
import { longestFirst } from "../../../server/scheduler/disciplines/longest-first.ts";
import { DISCIPLINE_NAMES } from "../../../server/scheduler/disciplines/names.ts";
import type { Oracle } from "../../../server/scheduler/disciplines/oracle.ts";
import { seer } from "../../../server/scheduler/disciplines/seer.ts";
import { streamSkew } from "../../../server/scheduler/disciplines/stream-skew.ts";
import { tailSieve } from "../../../server/scheduler/disciplines/tail-sieve.ts";
import { thunderAgent } from "../../../server/scheduler/disciplines/thunder-agent.ts";
import { testSeed } from "../../support/seeded-random.ts";
import { histories, report } from "./history-steps.ts";
import { ModelFleet, OURS, type Subject } from "./model-fleet.ts";

/** Knows no rollout of these histories: what rules do with a card that they have no plan for. */
const ORACLE: Oracle = {
  all: [],
  outputTokens: () => 50,
  stepOf: () => ({ a: 0.01, s: 0.001 }),
};
const RULES: readonly (readonly [name: string, make: MakeRule])[] = [
  ["seer", (_, options) => seer(options)],
  ["tail-sieve", () => tailSieve(ORACLE)],
  ["stream-skew", (random, options) => streamSkew(ORACLE, random, options)],
  ["thunder-agent", () => thunderAgent()],
  ["longest-first", (_, options) => longestFirst(ORACLE, options)],
];

const SUBJECTS: readonly (readonly [string, Subject])[] = [
  ...DISCIPLINE_NAMES.map((name): readonly [string, Subject] => [
    name,
    name === "paceline"
      ? OURS
      : { create: (...parts) => createDiscipline(name, ...parts), bounded: false },
  ]),
  ...RULES.map(([name, make]): readonly [string, Subject] => [
    name,
    { create: (...parts) => scheduleBy(make, ...parts), bounded: false },
  ]),
];

for (const [name, subject] of SUBJECTS) {
  test(`${name}: random histories keep every rule, and whoever can be served is served in the end`, () => {
    const seed = testSeed(`scheduler histories of ${name}`);
    const all = Number(process.env["PACELINE_HISTORIES"] ?? 2_000);
    fc.assert(
      fc.property(histories, (history) => {
        new ModelFleet(subject).live(history.map(([, act]) => act));
      }),
      // The disciplines share their frame, so together they get half as many as ours.
      { seed, numRuns: subject === OURS ? all : Math.ceil(all / 16), reporter: report },
    );
  });
}
