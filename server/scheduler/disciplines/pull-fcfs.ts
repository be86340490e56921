/**
 * One queue, and whoever has room takes its head (ROLL Flash's queue scheduling, 2510.11345, with prompt replication: siblings are
 * requests of their own). Room is KV: what runs and what is expected of it, by the mean length of what the job has finished,
 * by half of the limit before that; an empty slot takes anything.
 */
import type { Card } from "../card.ts";
import { LengthEstimate } from "../forecast.ts";
import type { SchedulerOptions } from "../options.ts";
import type { Place } from "./books.ts";
import type { Rule } from "./rule.ts";

const FIRST_SHARE = 0.5;

/** KV that a slot has left beside what runs there and is expected of it. */
export class Rooms {
  readonly #lengths = new Map<string, LengthEstimate>();
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  finished({ job }: Card, outputTokens: number): void {
    const lengths = this.#lengths.get(job) ?? new LengthEstimate();
    // A job that is forgotten learns again.
    if (this.#lengths.size >= this.#options.idleJobLimit) this.#lengths.clear();
    this.#lengths.set(job, lengths);
    lengths.add(outputTokens, this.#options);
  }

  /** The slot with the most room of those with enough, or null. */
  roomiest(card: Card, places: readonly Place[]): Place | null {
    let best: Place | null = null;
    let most = 0;
    for (const place of places) {
      if (place.running >= place.maxRunning) continue;
      const room = place.kvTokens * (1 - this.#options.kvHeadroom) - this.#expected(place);
      const enough = place.running === 0 || room >= this.#tokens(card, card.outputTokens);
      if (enough && (best === null || room > most)) [best, most] = [place, room];
    }
    return best;
  }

  #expected({ runs }: Place): number {
    let tokens = 0;
    for (const { card, outputTokens } of runs) tokens += this.#tokens(card, outputTokens);
    return tokens;
  }

  #tokens(card: Card, outputTokens: number): number {
    const { promptTokens, maxNewTokens, expectedNewTokens, job } = card;
    const mean = this.#lengths.get(job)?.mean(this.#options) ?? null;
    const total = expectedNewTokens ?? mean ?? FIRST_SHARE * maxNewTokens;
    const grown = outputTokens * (1 + this.#options.tailGrowth);
    return promptTokens + Math.min(maxNewTokens, Math.max(total, grown));
  }
}

export function pullFcfs(options: SchedulerOptions): Rule {
  const rooms = new Rooms(options);
  return {
    pick: (card, places) => rooms.roomiest(card, places),
    ended({ card, outputTokens }, finished) {
      if (finished) rooms.finished(card, outputTokens);
    },
  };
}
