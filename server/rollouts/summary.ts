/**
 * What many rollouts took, and the least that the fleet could have taken: the bound of `server/scheduler/bound`, for the
 * model "one token a step, step times as fitted".
 *
 *     n      = output tokens made within the call − attempts   (a prefill yields each attempt's first token)
 *     ratio  = makespan / LB,   ρ = LB_long / LB_work
 *
 * Prefill counts as nothing and prompts as shared (a cache may have held them before the call), other jobs as absent, and every
 * worker that could have served counts, whenever it was there. One such worker without fitted rates might be of any speed, so
 * then there is no bound: null.
 */
import type { Clock } from "../contract/clock.ts";
import type { Result } from "../contract/result.ts";
import { mayUsePool, type Rollout } from "../contract/rollout.ts";
import type { Slot } from "../contract/worker.ts";
import type { Fleet, Rates, WorkerRecord } from "../fleet/fleet.ts";
import { createRunningBound, type Made } from "../scheduler/bound/bound.ts";
import type { BoundSlot } from "../scheduler/bound/rates.ts";
import { createEnds } from "./ends.ts";

/** The tail is what ends after this share of the rollouts has. */
const TAIL_FROM = 0.9;

export interface Summary extends Distance {
  /** Those that ended, and those that were kept. */
  readonly rollouts: number;
  readonly finished: number;
  readonly failed: number;
  /** Of all Results, tokens of an earlier call included. */
  readonly outputTokens: number;
  /** From the start to the last end. */
  readonly makespanMs: number;
  readonly lowerBoundMs: number | null;
}

/** How far from the best a run was, or is by now; null where not known. */
export interface Distance {
  /** T/LB. */
  readonly ratio: number | null;
  /** Share of itself that the bound may be off, as far as it is the fitted rates that are: two standard errors. */
  readonly boundError: number | null;
  readonly rho: number | null;
  /** Share of the time in which the last tenth of the rollouts ended. */
  readonly tailShare: number | null;
}

/** Below 1 by more than the rates' own uncertainty: the rates or the model are wrong. */
export const belowBound = ({ ratio, boundError }: Distance): boolean =>
  ratio !== null && ratio < 1 - (boundError ?? 0);

export interface Tally {
  /** One more that the call asks for, before it is submitted. */
  asked(rollout: Rollout): void;
  /** `before`: output tokens that were there when it was submitted: continued, or made for an earlier caller. */
  finished(result: Result, before: number): void;
  failed(): void;
  /** It is over for this call, and goes on in another. `made`: within the call. */
  kept(made: Made): void;
  /** By now. `running`: what those that have not ended have made within the call. */
  distance(running: readonly Made[]): Distance;
  /** Call once: stops watching the fleet. */
  close(): Summary;
}

/** Counts from now on, and watches who could have served meanwhile. */
export function createTally(fleet: Pick<Fleet, "list" | "listen">, clock: Clock): Tally {
  const startedAt = clock.now();
  const watched = watchCapacity(fleet);
  const bound = createRunningBound();
  const ends = createEnds();
  let finished = 0;
  let failed = 0;
  let kept = 0;
  let outputTokens = 0;

  const measure = (
    makespanMs: number,
    running: readonly Made[],
  ): Distance & { readonly lowerBoundMs: number | null } => {
    const capacity = watched.capacity();
    const least = capacity && bound.bound(capacity.slots, running);
    const lowerBoundMs = least && least.seconds * 1000;
    const tail = ends.at(TAIL_FROM, finished + failed + kept + running.length);
    return {
      lowerBoundMs,
      ratio: lowerBoundMs ? makespanMs / lowerBoundMs : null,
      boundError: lowerBoundMs ? (capacity?.error ?? null) : null,
      rho: least?.workSeconds ? least.rho : null,
      tailShare: tail === null || makespanMs === 0 ? null : (makespanMs - tail) / makespanMs,
    };
  };

  return {
    asked: watched.want,
    finished({ usage, routing }, before) {
      ends.add(clock.now() - startedAt);
      finished++;
      outputTokens += usage.outputTokens;
      // One that was run anew has none of them left.
      const made = Math.max(0, usage.outputTokens - before);
      bound.add({ outputTokens: made, attempts: routing.attempts });
    },
    failed() {
      ends.add(clock.now() - startedAt);
      failed++;
    },
    kept(made) {
      ends.add(clock.now() - startedAt);
      kept++;
      bound.add(made);
    },
    distance(running) {
      const { lowerBoundMs: _, ...distance } = measure(clock.now() - startedAt, running);
      return distance;
    },
    close() {
      const makespanMs = ends.last;
      const measured = measure(makespanMs, []);
      watched.stop();
      return {
        rollouts: finished + failed + kept,
        finished,
        failed,
        outputTokens,
        makespanMs,
        ...measured,
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
  /** Null while one of them is not measured. */
  capacity(): { readonly slots: readonly BoundSlot[]; readonly error: number | null } | null;
  stop(): void;
}

/** Everyone who could have served a wanted rollout at some moment, with the last rates that were known. */
function watchCapacity(fleet: Pick<Fleet, "list" | "listen">): CapacityWatch {
  const wanted: Pick<Rollout, "policy" | "pool" | "pools">[] = [];
  const seen = new Map<string, { step: Rates["step"]; slots: readonly Slot[] }>();
  const look = (worker: WorkerRecord): void => {
    const { id, policies, pool, state, description, rates } = worker;
    const serves = wanted.some(
      (one) => mayUsePool(one, pool) && (policies.length === 0 || policies.includes(one.policy)),
    );
    if (!serves || (IDLE_STATES.has(state) && !seen.has(id))) return;
    // A restarted process has no rates at first.
    const step = rates.step ?? seen.get(id)?.step ?? null;
    seen.set(id, { step, slots: description.slots });
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
    capacity() {
      const all: BoundSlot[] = [];
      let error: number | null = null;
      for (const { step, slots } of seen.values()) {
        if (step === null) return null;
        if (step.error !== undefined) error = Math.max(error ?? 0, 2 * step.error);
        for (const { kvTokens, maxRunning } of slots) {
          all.push({ step, prefillTokensPerSecond: null, kvTokens, maxRunning });
        }
      }
      return { slots: all, error };
    },
    stop,
  };
}
