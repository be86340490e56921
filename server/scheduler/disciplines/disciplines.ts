/** Scheduling rules of other systems, by name, over the same events as ours: to serve with, and to compare against. */
import type { Clock, Random } from "../../contract/clock.ts";
import type { Scheduler } from "../events.ts";
import { DEFAULT_OPTIONS, type SchedulerOptions } from "../options.ts";
import { createScheduler } from "../scheduler.ts";
import { cacheAware } from "./cache-aware.ts";
import { consistentHash } from "./consistent-hash.ts";
import { dynamo } from "./dynamo.ts";
import { Frame } from "./frame.ts";
import { leastRequests } from "./least-requests.ts";
import type { DisciplineName } from "./names.ts";
import { powerOfTwo } from "./power-of-two.ts";
import { pullFcfs } from "./pull-fcfs.ts";
import type { Rule } from "./rule.ts";
import { stickyLeastLoaded } from "./sticky-least-loaded.ts";
import { groupRoundRobin, requestRoundRobin } from "./turns.ts";

export type MakeRule = (random: Random, options: SchedulerOptions) => Rule;

const RULES = {
  "group-round-robin": (_, { sessionLimit }) => groupRoundRobin(sessionLimit),
  "request-round-robin": () => requestRoundRobin(),
  "power-of-two": (random) => powerOfTwo(random),
  "least-requests": () => leastRequests(),
  "consistent-hash": () => consistentHash(),
  "sticky-least-loaded": (_, { sessionLimit }) => stickyLeastLoaded(sessionLimit),
  "cache-aware": (_, { prefixLimit }) => cacheAware(prefixLimit),
  dynamo: (random, { prefixLimit }) => dynamo(random, prefixLimit),
  "pull-fcfs": (_, options) => pullFcfs(options),
} satisfies Record<Exclude<DisciplineName, "paceline">, MakeRule>;

/** `paceline`: the scheduler itself. Options left out have their defaults. */
export function createDiscipline(
  name: DisciplineName,
  clock: Pick<Clock, "now">,
  random: Random,
  options: Partial<SchedulerOptions> = {},
): Scheduler {
  if (name === "paceline") return createScheduler(clock, random, options);
  return scheduleBy(RULES[name], clock, random, options);
}

export function scheduleBy(
  make: MakeRule,
  clock: Pick<Clock, "now">,
  random: Random,
  options: Partial<SchedulerOptions> = {},
): Scheduler {
  const all = { ...DEFAULT_OPTIONS, ...options };
  return new Frame(make(random, all), clock, all);
}
