/**
 * KV that slots have left beside what runs there and is expected of it. Without a hint of the caller a length is expected to be
 * all that the job's rollouts have made, those that still run included, over the number that have finished: the mean of
 * what finished alone would be that of the short ones, as long as the long ones run. Never more than half of its limit.
 */
import type { Card } from "../card.ts";
import { Generations } from "../generations.ts";
import type { SchedulerOptions } from "../options.ts";
import type { Place } from "./books.ts";

const FIRST_SHARE = 0.5;
/** Of what is expected to come: they are not all at their ends at once. Best of 0.1, 0.25 and 0.5 on moonlight and vl72b. */
const SHARE = 0.25;

interface Finished {
  count: number;
  tokens: number;
}

export class Rooms {
  readonly #finished: Generations<string, Finished>;
  readonly #options: SchedulerOptions;
  readonly #known: ((card: Card) => number) | null;

  /** `known`: the whole length, where somebody knows. */
  constructor(options: SchedulerOptions, known: ((card: Card) => number) | null = null) {
    this.#options = options;
    this.#known = known;
    this.#finished = new Generations(options.idleJobLimit);
  }

  finished({ job }: Card, outputTokens: number): void {
    const known = this.#finished.get(job) ?? { count: 0, tokens: 0 };
    this.#finished.set(job, known);
    known.count++;
    known.tokens += outputTokens;
  }

  /** The slot with the most room of those with enough, or null. */
  roomiest(card: Card, places: readonly Place[]): Place | null {
    const mean = this.#mean(card, places);
    const needed = this.#tokens(card, card.outputTokens, mean);
    let best: Place | null = null;
    let most = Number.NEGATIVE_INFINITY;
    for (const place of places) {
      if (place.running >= place.maxRunning) continue;
      const room = place.kvTokens * (1 - this.#options.kvHeadroom) - this.#taken(place, mean);
      if (place.running > 0 && room < needed) continue;
      if (room > most) [best, most] = [place, room];
    }
    return best;
  }

  #mean({ job }: Card, places: readonly Place[]): number | null {
    const finished = this.#finished.get(job);
    if (finished === undefined) return null;
    let tokens = finished.tokens;
    for (const { runs } of places) {
      for (const { card, outputTokens } of runs) if (card.job === job) tokens += outputTokens;
    }
    return tokens / finished.count;
  }

  #taken({ runs }: Place, mean: number | null): number {
    let tokens = 0;
    for (const { card, outputTokens } of runs) tokens += this.#tokens(card, outputTokens, mean);
    return tokens;
  }

  #tokens(card: Card, outputTokens: number, mean: number | null): number {
    const { promptTokens, maxNewTokens, expectedNewTokens } = card;
    if (this.#known !== null) {
      const left = Math.max(0, this.#known(card) - outputTokens);
      return promptTokens + outputTokens + SHARE * left;
    }
    const first = FIRST_SHARE * maxNewTokens;
    const total = expectedNewTokens ?? Math.min(mean ?? first, first);
    const grown = outputTokens * (1 + this.#options.tailGrowth);
    const end = Math.min(maxNewTokens, Math.max(total, grown));
    return promptTokens + outputTokens + SHARE * (end - outputTokens);
  }
}
