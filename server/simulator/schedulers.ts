/** Who may schedule a simulated run: what can serve, and rules that need an oracle or a KV pool, which nothing live has. */
import { rolloutKey } from "../contract/rollout.ts";
import {
  createDiscipline,
  type MakeRule,
  scheduleBy,
} from "../scheduler/disciplines/disciplines.ts";
import { longestFirst } from "../scheduler/disciplines/longest-first.ts";
import { DISCIPLINE_NAMES } from "../scheduler/disciplines/names.ts";
import type { Oracle } from "../scheduler/disciplines/oracle.ts";
import { seer } from "../scheduler/disciplines/seer.ts";
import { streamSkew } from "../scheduler/disciplines/stream-skew.ts";
import { tailSieve } from "../scheduler/disciplines/tail-sieve.ts";
import { thunderAgent } from "../scheduler/disciplines/thunder-agent.ts";
import { JOB } from "./journey.ts";
import type { SchedulerFactory } from "./simulate.ts";
import type { Workload } from "./workload.ts";

const ORACLED = {
  seer: () => (_, options) => seer(options),
  "tail-sieve": (oracle) => () => tailSieve(oracle),
  "stream-skew": (oracle) => (random, options) => streamSkew(oracle, random, options),
  "thunder-agent": () => () => thunderAgent(),
  "longest-first": (oracle) => (_, options) => longestFirst(oracle, options),
} satisfies Record<string, (oracle: Oracle) => MakeRule>;

type OracledName = keyof typeof ORACLED;
export type SchedulerName = (typeof DISCIPLINE_NAMES)[number] | OracledName;

const isOracled = (name: string): name is OracledName => Object.hasOwn(ORACLED, name);

export const SCHEDULER_NAMES: readonly SchedulerName[] = [
  ...DISCIPLINE_NAMES,
  ...Object.keys(ORACLED).filter(isOracled),
];

export function schedulerNamed(name: SchedulerName): {
  readonly name: SchedulerName;
  readonly create: SchedulerFactory;
} {
  return {
    name,
    create: (clock, random, workload) =>
      isOracled(name)
        ? scheduleBy(ORACLED[name](oracleOf(workload)), clock, random)
        : createDiscipline(name, clock, random),
  };
}

export function oracleOf({ rollouts, fleet }: Workload): Oracle {
  const all = rollouts.map(({ id, group, outputTokens }) => ({
    key: rolloutKey(JOB, id),
    group: group?.id ?? id,
    tokens: outputTokens,
  }));
  const lengths = new Map(all.map(({ key, tokens }) => [key, tokens]));
  const steps = new Map(fleet.workers.map(({ id, step }) => [id, step]));
  return {
    all,
    outputTokens: ({ key, maxNewTokens }) => lengths.get(key) ?? maxNewTokens,
    stepOf(worker) {
      const step = steps.get(worker);
      if (step === undefined) throw new RangeError(`no worker ${worker} in the workload`);
      return step;
    },
  };
}
