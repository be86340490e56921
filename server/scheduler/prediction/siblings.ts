/**
 * What a group's members tell of one another. Log length = the job's mean + the prompt's effect + chance. The effect has a
 * prior from the prompt's history; each finished sibling is an observation of it; one that runs is a censored one, whose
 * length is only known to be beyond what it has made: it counts as its expected value, with the share of an observation
 * that it is worth (the step of expectation maximisation for a normal sample cut off from below).
 */
import type { Level } from "./level.ts";
import { hazard, type LogLength } from "./normal.ts";

/** One that runs, or will go on. */
export class Member {
  readonly key: string;
  readonly siblings: Siblings;
  /** Of all its output, when it first began. */
  predicted: LogLength | null = null;

  constructor(key: string, siblings: Siblings) {
    this.key = key;
    this.siblings = siblings;
  }
}

export class Siblings {
  /** Finished: how many, and the mean of their log lengths. */
  count = 0;
  mean = 0;
  /** Those that run, and beside them the logarithms of what they have made: a prediction reads these and touches no member. */
  readonly #running: Member[] = [];
  readonly #made: number[] = [];

  get made(): readonly number[] {
    return this.#made;
  }

  began(key: string, outputTokens: number): Member {
    const member = new Member(key, this);
    this.#running.push(member);
    this.#made.push(Math.log(outputTokens));
    return member;
  }

  /** Of an earlier attempt; null: it has none here. */
  known(key: string): Member | null {
    return this.#running.find((member) => member.key === key) ?? null;
  }

  progressed(member: Member, outputTokens: number): void {
    const at = this.#running.indexOf(member);
    if (at >= 0) this.#made[at] = Math.log(outputTokens);
  }

  finished(logLength: number): void {
    this.count++;
    this.mean += (logLength - this.mean) / this.count;
  }

  left(member: Member): void {
    const at = this.#running.indexOf(member);
    if (at < 0) return;
    this.#running.splice(at, 1);
    this.#made.splice(at, 1);
  }
}

export interface Variances {
  readonly within: number;
  readonly between: number;
}

/** How long a further member will be. `apart`, `weight`: the prompt's history, 0 and 0 without one. */
export function posterior(
  level: Pick<Level, "mean">,
  { within, between }: Variances,
  history: { readonly apart: number; readonly weight: number },
  siblings: Siblings | null,
): LogLength {
  if (between <= 0) return { mean: level.mean, sigma: Math.sqrt(within) };
  const chance = Math.max(within, 1e-6);
  // In observations: so many siblings would tell as much as knowing the job does.
  const prior = chance / between;
  let weight = prior + history.weight;
  let effect = (history.apart * history.weight) / weight;
  if (siblings !== null) {
    effect += ((siblings.mean - level.mean - effect) * siblings.count) / (weight + siblings.count);
    weight += siblings.count;
    if (siblings.made.length > 0) {
      [effect, weight] = censored(level.mean, chance, effect, weight, siblings);
    }
  }
  return { mean: level.mean + effect, sigma: Math.sqrt(chance + chance / weight) };
}

function censored(
  levelMean: number,
  chance: number,
  effect: number,
  weight: number,
  { made }: Siblings,
): [effect: number, weight: number] {
  const sigma = Math.sqrt(chance + chance / weight);
  const mean = levelMean + effect;
  let sum = effect * weight;
  let total = weight;
  for (const log of made) {
    // Of one token or none.
    if (log <= 0) continue;
    const at = (log - mean) / sigma;
    const h = hazard(at);
    // What its variance lost by the cut: nothing far below what was expected, all of it far beyond.
    const share = Math.min(1, Math.max(0, h * (h - at)));
    sum += (effect + sigma * h) * share;
    total += share;
  }
  return [sum / total, total];
}
