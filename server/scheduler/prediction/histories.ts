/**
 * What is remembered of prompts from step to step: how far their log lengths lie from the job's mean, averaged with more
 * weight on what is new. The distance and not the length, since lengths drift with training and ranks hardly do (tail rank
 * is stable over 30 checkpoints and more). Bounded: who is not seen for long is forgotten.
 */
import { Generations } from "../generations.ts";
import type { SchedulerOptions } from "../options.ts";

/** Plain data, as it is stored. */
export interface PromptHistory {
  readonly prompt: string;
  /** Mean distance from the job's mean log length. */
  readonly apart: number;
  /** Finished rollouts that it rests on, aged likewise. */
  readonly weight: number;
}

export class Histories {
  readonly #known: Generations<string, PromptHistory>;
  readonly #learned = new Map<string, PromptHistory>();
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#known = new Generations(options.historyLimit);
    this.#options = options;
  }

  get(prompt: string): PromptHistory | undefined {
    return this.#known.get(prompt);
  }

  add(prompt: string, apart: number): void {
    const { historyRate, historyLimit } = this.#options;
    const before = this.#known.get(prompt) ?? { prompt, apart: 0, weight: 0 };
    const weight = before.weight * (1 - historyRate) + 1;
    const after = { prompt, apart: before.apart + (apart - before.apart) / weight, weight };
    this.#known.set(prompt, after);
    // What nobody takes to be stored is bounded all the same.
    if (this.#learned.size < historyLimit) this.#learned.set(prompt, after);
  }

  /** What an earlier process learned; what this one knows already is newer. */
  recall(histories: readonly PromptHistory[]): void {
    for (const history of histories) {
      const { prompt, apart, weight } = history;
      if (!Number.isFinite(apart) || !(weight > 0) || this.#known.get(prompt)) continue;
      this.#known.set(prompt, history);
    }
  }

  /** What changed since it was last asked, to be stored; at most `limit`. */
  learned(limit: number): readonly PromptHistory[] {
    const taken: PromptHistory[] = [];
    for (const [prompt, history] of this.#learned) {
      if (taken.length >= limit) break;
      taken.push(history);
      this.#learned.delete(prompt);
    }
    return taken;
  }
}
