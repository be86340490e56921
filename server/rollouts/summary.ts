/**
 * What many rollouts took, and the least that the fleet could have taken.
 *
 * With n decode steps of a rollout, step time a + s·b seconds at batch b on a worker, B its slot's largest batch:
 *
 *     n        = output tokens made within the call − attempts      (a prefill yields each attempt's first token)
 *     LB_long  = max over rollouts n · min over workers (a + s)     (the longest rollout alone, on the fastest worker)
 *     LB_work  = Σ n / Σ over slots B / (a + s·B)                   (all work over all capacity)
 *     LB       = max(LB_long, LB_work),  ratio = makespan / LB,  ρ = LB_long / LB_work
 *
 * A bound of the model "one token a step, step times as fitted": prefill counts as nothing (a cache might have
 * held it), KV as endless, other jobs as absent, and every worker that could have served counts, whenever it was
 * there. One such worker without fitted rates might be of any speed, so then there is no bound: null.
 */
import type { Clock } from "../contract/clock.ts";
import type { Result } from "../contract/result.ts";
import { mayUsePool, type Rollout } from "../contract/rollout.ts";
import type { Fleet, WorkerRecord } from "../fleet/fleet.ts";

export interface Summary {
  readonly rollouts: number;
  readonly finished: number;
  readonly failed: number;
  /** Of all Results, tokens of an earlier call included. */
  readonly outputTokens: number;
  /** From the start to the last end. */
  readonly makespanMs: number;
  readonly lowerBoundMs: number | null;
  /** T/LB. Below 1 the rates or the model are wrong. */
  readonly ratio: number | null;
  readonly rho: number | null;
}

/** What is needed of a worker; rates in seconds. */
export interface Capacity {
  readonly step: { readonly a: number; readonly s: number } | null;
  /** Largest batch of each slot. */
  readonly batches: readonly number[];
}

/** Decode steps of the longest rollout, and of all. */
export interface Work {
  readonly longest: number;
  readonly total: number;
}

/** Both bounds in ms; null where a worker's rates are not known, or there is no worker. */
export function lowerBound(
  { longest, total }: Work,
  workers: readonly Capacity[],
): { readonly longMs: number; readonly workMs: number } | null {
  let fastest = Number.POSITIVE_INFINITY;
  let capacity = 0;
  for (const { step, batches } of workers) {
    if (step === null || step.a + step.s <= 0) return null;
    fastest = Math.min(fastest, step.a + step.s);
    for (const batch of batches) capacity += batch / (step.a + step.s * batch);
  }
  if (capacity === 0) return null;
  return { longMs: longest * fastest * 1000, workMs: (total / capacity) * 1000 };
}

export interface Tally {
  /** One more that the call asks for, before it is submitted. */
  asked(rollout: Rollout): void;
  /** `before`: output tokens that were there when it was submitted: continued, or made for an earlier caller. */
  finished(result: Result, before: number): void;
  failed(): void;
  /** Call once: stops watching the fleet. */
  close(): Summary;
}

/** Counts from now on, and watches who could have served meanwhile. */
export function createTally(fleet: Pick<Fleet, "list" | "listen">, clock: Clock): Tally {
  const startedAt = clock.now();
  const watched = watchCapacity(fleet);
  let endedAt = startedAt;
  let finished = 0;
  let failed = 0;
  let outputTokens = 0;
  let longest = 0;
  let total = 0;
  return {
    asked: watched.want,
    finished({ usage, routing }, before) {
      endedAt = clock.now();
      finished++;
      outputTokens += usage.outputTokens;
      const steps = Math.max(0, usage.outputTokens - before - routing.attempts);
      longest = Math.max(longest, steps);
      total += steps;
    },
    failed() {
      endedAt = clock.now();
      failed++;
    },
    close() {
      const makespanMs = endedAt - startedAt;
      const bound = lowerBound({ longest, total }, watched.close());
      const lowerBoundMs = bound && Math.max(bound.longMs, bound.workMs);
      return {
        rollouts: finished + failed,
        finished,
        failed,
        outputTokens,
        makespanMs,
        lowerBoundMs,
        ratio: lowerBoundMs ? makespanMs / lowerBoundMs : null,
        rho: bound?.workMs ? bound.longMs / bound.workMs : null,
      };
    },
  };
}

/** Workers in these states take no rollouts, so their speed sets no bound. */
const IDLE_STATES: ReadonlySet<WorkerRecord["state"]> = new Set([
  "starting",
  "lost",
  "poisoned",
  "asleep",
]);

interface CapacityWatch {
  want(rollout: Pick<Rollout, "policy" | "pool" | "pools">): void;
  close(): Capacity[];
}

/** Everyone who could have served a wanted rollout at some moment, with the last rates that were known. */
function watchCapacity(fleet: Pick<Fleet, "list" | "listen">): CapacityWatch {
  const wanted: Pick<Rollout, "policy" | "pool" | "pools">[] = [];
  const seen = new Map<string, Capacity>();
  const look = (worker: WorkerRecord): void => {
    const { id, policies, pool, state, description, rates } = worker;
    const serves = wanted.some(
      (one) => mayUsePool(one, pool) && (policies.length === 0 || policies.includes(one.policy)),
    );
    if (!serves || (IDLE_STATES.has(state) && !seen.has(id))) return;
    seen.set(id, {
      // A restarted process has none at first.
      step: rates.step ?? seen.get(id)?.step ?? null,
      batches: description.slots.map(({ maxRunning }) => maxRunning),
    });
  };
  const stop = fleet.listen((change) => {
    if (change.type !== "lost") look(change.worker);
  });
  return {
    want({ policy, pool, pools }) {
      const known = wanted.some(
        (one) => one.policy === policy && one.pool === pool && one.pools.join() === pools.join(),
      );
      if (known) return;
      wanted.push({ policy, pool, pools });
      for (const worker of fleet.list()) look(worker);
    },
    close() {
      stop();
      return [...seen.values()];
    },
  };
}
