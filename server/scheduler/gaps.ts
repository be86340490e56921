/**
 * How long the next turn of a session takes to come, how much longer its prompt is then, and whether there is one: each job's
 * tools have their own ways. Log gaps are about normal (§2.3), so mean and variance of their logarithms are followed as turns come; until then published ones count.
 */
import { Generations } from "./generations.ts";
import type { SchedulerOptions } from "./options.ts";
import { type LogLength, survivalPast } from "./prediction/normal.ts";

interface Law {
  readonly gap: { mean: number; variance: number };
  seen: number;
  /** Tokens from one turn's prompt to the next one's. */
  growth: number;
  /** Share of turns that another followed. */
  follows: number;
}

export class Gaps {
  readonly #laws: Generations<string, Law>;
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#laws = new Generations(options.idleJobLimit);
    this.#options = options;
  }

  /** A turn came, so long after the one before, and by so many tokens longer. */
  came(job: string, ms: number, grown: number): void {
    const law = this.#law(job);
    const { gap } = law;
    // The first few weigh as much as each other and the prior.
    const rate = Math.max(this.#options.gapRate, 1 / (2 + law.seen++));
    const off = Math.log(Math.max(1, ms)) - gap.mean;
    gap.mean += rate * off;
    gap.variance = (1 - rate) * (gap.variance + rate * off * off);
    law.growth += rate * (Math.max(0, grown) - law.growth);
    law.follows += rate * (1 - law.follows);
  }

  /** A session ended, and no turn comes any more. */
  over(job: string): void {
    const law = this.#law(job);
    law.follows *= 1 - this.#options.gapRate;
  }

  /** Share of turns that another follows. */
  follows(job: string): number {
    return this.#laws.get(job)?.follows ?? 1;
  }

  /** Tokens by which a prompt is longer than the turn's before. */
  growth(job: string): number {
    return this.#laws.get(job)?.growth ?? 0;
  }

  /** P(the turn comes within `within` | it has not for `past`), both ms. */
  returns(job: string, past: number, within: number): number {
    const beyond = survivalPast(this.law(job), past);
    return beyond === null ? 0 : 1 - beyond(within);
  }

  /** Of gaps in ms. */
  law(job: string): LogLength {
    const gap = this.#laws.get(job)?.gap ?? this.#prior();
    return { mean: gap.mean, sigma: Math.sqrt(gap.variance) };
  }

  #law(job: string): Law {
    let law = this.#laws.get(job);
    if (law === undefined) {
      law = { gap: this.#prior(), seen: 0, growth: 0, follows: 1 };
      this.#laws.set(job, law);
    }
    return law;
  }

  #prior(): Law["gap"] {
    const { medianSeconds, sigma } = this.#options.gapPrior;
    return { mean: Math.log(1_000 * medianSeconds), variance: sigma * sigma };
  }
}
