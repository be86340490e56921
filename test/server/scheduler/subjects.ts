/** Schedulers that random histories are sent to: ours and, by name, every other rule. */
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
import { createScheduler } from "../../../server/scheduler/scheduler.ts";

export interface Subject {
  readonly create: typeof createScheduler;
  /** Whether it fills a slot no further than it can hold; other disciplines leave that to engines. */
  readonly bounded: boolean;
}

export const OURS: Subject = { create: createScheduler, bounded: true };

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

export const SUBJECTS: ReadonlyMap<string, Subject> = new Map([
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
]);
