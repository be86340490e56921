/**
 * What a rollout will still make and hold: of all its output, and within the segment that it may be granted. What a slot
 * reserves is the latter: after a cut its KV is the next slot's, or rests elsewhere.
 */
import type { Card } from "./card.ts";
import type { Job } from "./fairness.ts";
import { type Ahead, peakTokensOf } from "./kv-profile.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Predictor } from "./prediction/predictor.ts";
import type { Siblings } from "./prediction/siblings.ts";
import type { Segments } from "./segments.ts";

export interface Outlook extends Ahead {
  /** Expected of the attempt, tokens. */
  readonly growth: number;
}

/** Of a card that asks for a place. */
export interface Wish extends Outlook {
  /** The most that it will hold by itself, by forecast, tokens. */
  readonly peakTokens: number;
}

export class Forecast {
  readonly #predictor: Predictor;
  readonly #segments: Segments;

  readonly #margin: number;

  constructor(predictor: Predictor, segments: Segments, { forecastMargin }: SchedulerOptions) {
    this.#predictor = predictor;
    this.#segments = segments;
    this.#margin = forecastMargin;
  }

  /** Of a card that waits. */
  ahead(card: Card, job: Job, siblings: Siblings | null): Wish {
    const segment = this.#segments.tokens(card);
    const cutAt = segment === null ? null : card.outputTokens + segment;
    const outlook = this.of(card, card.outputTokens, cutAt, job, siblings);
    return { ...outlook, peakTokens: peakTokensOf(outlook) };
  }

  /** `cutAt`: output tokens at which its segment ends; `ceiling`: what it holds at most, tokens. */
  of(
    card: Card,
    outputTokens: number,
    cutAt: number | null,
    job: Job,
    siblings: Siblings | null,
    ceiling = Number.POSITIVE_INFINITY,
  ): Outlook {
    const contextTokens = card.promptTokens + outputTokens;
    const length =
      card.expectedNewTokens === null ? this.#predictor.predict(card, job.level, siblings) : null;
    const all = this.#predictor.growth(card, outputTokens, length);
    const most = Math.max(0, (cutAt ?? card.maxNewTokens) - outputTokens);
    const growth = Math.min(all, most);
    const margin = length !== null && cutAt === null ? this.#margin : 1;
    return { contextTokens, outputTokens, growth, likely: growth, most, length, margin, ceiling };
  }
}
