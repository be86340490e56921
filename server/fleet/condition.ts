/**
 * What is the matter with a worker, and what may change it: the only transition table of worker states.
 * Four questions with different owners are kept apart, so that the answer to one is not lost when
 * another changes (an operator's pause outlives a weight update); the public state is read off them.
 */
import type { WorkerState } from "../contract/worker.ts";

export interface Condition {
  /** Ours, by probes and evidence. */
  readonly life: "starting" | "alive" | "suspect" | "lost";
  /** Its weights are not what they should be; until someone proves them, or it restarts. */
  readonly poisoned: boolean;
  /** Claimed by the weights' coordinator or by a drain. */
  readonly claim: "updating" | "draining" | null;
  /** By an operator, here or at the engine itself. */
  readonly paused: boolean;
  /** Its memory was given back, by an operator here or at the engine itself. */
  readonly asleep: boolean;
}

export type Cause =
  | "answered"
  | "doubted"
  | "lost"
  | "reborn"
  | "updating"
  | "draining"
  | "poisoned"
  /** Whoever claimed or poisoned it says that it is well again. */
  | "lifted"
  | "paused"
  | "resumed"
  | "slept"
  | "woken";

export const BORN: Condition = {
  life: "starting",
  poisoned: false,
  claim: null,
  paused: false,
  asleep: false,
};

/** Cause → what it changes; `null` where it cannot happen or changes nothing. */
const TRANSITIONS: Readonly<Record<Cause, (condition: Condition) => Partial<Condition> | null>> = {
  answered: ({ life }) => (life === "starting" || life === "suspect" ? { life: "alive" } : null),
  doubted: ({ life }) => (life === "starting" || life === "alive" ? { life: "suspect" } : null),
  lost: ({ life }) => (life === "lost" ? null : { ...BORN, life: "lost" }),
  reborn: ({ life }) => (life === "lost" ? BORN : null),
  updating: ({ life, claim }) =>
    life === "lost" || claim === "updating" ? null : { claim: "updating" },
  draining: ({ life, claim }) =>
    life === "lost" || claim === "draining" ? null : { claim: "draining" },
  poisoned: ({ life, poisoned, claim }) =>
    life === "lost" || (poisoned && claim === null) ? null : { poisoned: true, claim: null },
  lifted: ({ life, claim, poisoned }) =>
    life === "lost" || (claim === null && !poisoned) ? null : { claim: null, poisoned: false },
  paused: ({ life, paused }) => (life === "lost" || paused ? null : { paused: true }),
  resumed: ({ life, paused }) => (life === "lost" || !paused ? null : { paused: false }),
  slept: ({ life, asleep }) => (life === "lost" || asleep ? null : { asleep: true, claim: null }),
  woken: ({ life, asleep }) => (life === "lost" || !asleep ? null : { asleep: false }),
};

/** The condition after `cause`, or null if it changes nothing. */
export function after(condition: Condition, cause: Cause): Condition | null {
  const change = TRANSITIONS[cause](condition);
  return change === null ? null : { ...condition, ...change };
}

/** The gravest answer wins: only a worker with nothing the matter is `ready`. */
export function stateOf({ life, poisoned, claim, paused, asleep }: Condition): WorkerState {
  if (life === "lost") return "lost";
  if (poisoned) return "poisoned";
  if (claim !== null) return claim;
  if (asleep) return "asleep";
  if (paused) return "paused";
  return life === "alive" ? "ready" : life;
}
