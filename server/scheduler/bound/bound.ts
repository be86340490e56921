/**
 * The least time in which a fleet could have made a set of rollouts, whoever had scheduled it with full knowledge:
 * T / LB is how far a run was from the best, and never below 1 where the model holds.
 *
 * Model (assumptions): a slot works in steps; a step in which b sequences get a token takes at least a + s·b seconds,
 * b ≤ B; while it runs, the slot holds the KV of each of them, at most C tokens in all, a part that several share once.
 * A sequence gets at most one token a step. A step that prefills q tokens takes at least q / P seconds, at the same time.
 * The first token of each attempt may come from its prefill and counts as nothing, as do moves, cuts and evictions.
 *
 * Long. A rollout with n = output − attempts tokens to decode takes at least n·min(a + s), after its own prefill, after its
 * arrival; a session that of all its turns and gaps, one after the other.
 *
 * Work. Take any set S of rollouts, k of them, and price the token that is decoded at context c (private tokens only:
 * shared ones may be there anyway) at 1 + βc, β ≥ 0. A step with b of S earns at most b + β·min(C, b·u), u being the longest
 * context in S. So a slot with b of S earns at most r(b) = (b + β·min(C, b·u)) / (a + s·b) a second, and the fleet at most
 * R = max Σ r_j(b_j) over Σ b_j ≤ k, b_j ≤ B_j: for S must earn Σ_S Σ_tokens (1 + βc),
 *     T ≥ Σ_S Σ_tokens (1 + βc) / R(β, k),  for each S and each β.
 * With S = all and slots alike this is the dual of the LP that mixes step shapes; S = the longest ones covers the tail, in
 * which no batch is large. R is bounded by k·μ + Σ_j max_b (r_j(b) − μ·b), true for each μ ≥ 0, so a search that stops early
 * only loosens the bound.
 *
 * Prefill. Tokens that no cache could have spared (each shared block once in the fleet, what a session said itself never
 * again) / Σ P; beside decoding, so by maximum and not by sum.
 */
import { type BoundRollout, type Charge, createCharges } from "./charges.ts";
import { type BoundSlot, fleetRates } from "./rates.ts";
import { createTally, type Tally } from "./tally.ts";
import { workSeconds } from "./work.ts";

export interface LowerBound {
  /** The longest rollout, or session, alone. */
  readonly longSeconds: number;
  /** All work over all capacity. */
  readonly workSeconds: number;
  /** The greatest of these and of what the longest ones together need. */
  readonly seconds: number;
  /** Long over work: above 1 no order of work helps much. 0 where there is no work. */
  readonly rho: number;
}

/** Of a whole run that began with empty caches; `blockTokens`: of prefixes, default a card's. Null without a slot. */
export function lowerBound(
  rollouts: readonly BoundRollout[],
  slots: readonly BoundSlot[],
  blockTokens?: number,
): LowerBound | null {
  const tally = createTally();
  const charges = createCharges(rollouts, blockTokens);
  for (const rollout of rollouts) tally.add(charges.of(rollout));
  return boundOf(tally, slots);
}

/** Tokens that a rollout has made in this run, and attempts that each may have made one by prefill. */
export interface Made {
  readonly outputTokens: number;
  readonly attempts: number;
}

/** What is known so far of a run whose caches may have held any prompt before it. */
export interface RunningBound {
  add(made: Made): void;
  /** `running`: what is not added yet, as it stands now. */
  bound(slots: readonly BoundSlot[], running?: Iterable<Made>): LowerBound | null;
}

export function createRunningBound(): RunningBound {
  const tally = createTally();
  return {
    add: (made) => tally.add(decodeOnly(made)),
    bound(slots, running = []) {
      const charges = [...running].map(decodeOnly);
      for (const charge of charges) tally.add(charge);
      const bound = boundOf(tally, slots);
      for (const charge of charges) tally.remove(charge);
      return bound;
    },
  };
}

function decodeOnly({ outputTokens, attempts }: Made): Charge {
  const steps = Math.max(0, outputTokens - attempts);
  const path = { seconds: 0, steps, prefillTokens: 0 };
  return { steps, privateTokens: 0, prefillTokens: 0, path };
}

function boundOf(tally: Tally, slots: readonly BoundSlot[]): LowerBound | null {
  const rates = fleetRates(slots);
  if (rates === null) return null;
  const { fastestStep, fastestPrefill, prefill } = rates;
  let longSeconds = 0;
  for (const { seconds, steps, prefillTokens } of tally.paths) {
    const path = seconds + steps * fastestStep + prefillTokens / fastestPrefill;
    longSeconds = Math.max(longSeconds, path);
  }
  const work = workSeconds(tally, rates.classes);
  const prefillSeconds = tally.prefillTokens / prefill;
  const all = Math.max(work.all, prefillSeconds);
  return {
    longSeconds,
    workSeconds: all,
    seconds: Math.max(longSeconds, all, work.longest),
    rho: all > 0 ? longSeconds / all : 0,
  };
}
