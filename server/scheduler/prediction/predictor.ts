/**
 * How long rollouts will be, from what is known of the job, the prompt and the group, and how right that was so far.
 * Nothing here is trusted beyond that: who orders by it asks `sigmaErr` first.
 */
import type { Card } from "../card.ts";
import { Generations } from "../generations.ts";
import type { SchedulerOptions } from "../options.ts";
import { Calibration } from "./calibration.ts";
import { Histories, type PromptHistory } from "./histories.ts";
import type { Level } from "./level.ts";
import { type LogLength, meanLength } from "./normal.ts";
import { type Member, posterior, Siblings } from "./siblings.ts";

const UNKNOWN = { apart: 0, weight: 0 } as const;

export class Predictor {
  readonly calibration: Calibration;
  readonly #options: SchedulerOptions;
  readonly #histories: Histories;
  readonly #groups: Generations<string, Siblings>;
  /** What was predicted of each rollout without a group when it first began. */
  readonly #made: Generations<string, LogLength>;

  /** The last card whose siblings were asked for, and these. */
  #asked: Card | null = null;
  #answer: Siblings | null = null;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.calibration = new Calibration(options.calibrationWindow, options.coverage);
    this.#histories = new Histories(options);
    this.#groups = new Generations(options.groupLimit);
    this.#made = new Generations(options.groupLimit);
  }

  /** Of all its output; null while its job has finished too few to learn from. `siblings`: its group's, where the caller has them. */
  predict(card: Card, level: Level, siblings?: Siblings | null): LogLength | null {
    if (level.count < this.#options.estimateAfter) return null;
    const within = level.within(this.#options);
    const variances = { within, between: Math.max(0, level.variance - within) };
    const history = card.prompt === null ? UNKNOWN : (this.#histories.get(card.prompt) ?? UNKNOWN);
    return posterior(level, variances, history, siblings ?? this.#siblings(card));
  }

  /** Tokens still expected of a rollout that has made `outputTokens`, `length` being predicted of it; at least 1 while it may go on. */
  growth(card: Card, outputTokens: number, length: LogLength | null): number {
    const { defaultNewTokens, defaultShare, tailGrowth } = this.#options;
    const most = card.maxNewTokens;
    let total = card.expectedNewTokens;
    if (total === null) {
      const unknown = Math.max(defaultNewTokens, most * defaultShare);
      total = length === null ? unknown : meanLength(length, outputTokens, most);
    }
    const left = total > outputTokens ? total - outputTokens : outputTokens * tailGrowth;
    return Math.max(0, Math.min(most - outputTokens, Math.ceil(Math.max(left, 1))));
  }

  /** An attempt of it has begun; `length`: as predicted just now, where that was asked for. Answers what to tell of its progress. */
  began(card: Card, level: Level, length: LogLength | null = null): Member | null {
    level.limit = Math.max(level.limit, card.maxNewTokens);
    const prediction = card.outputTokens === 0 ? (length ?? this.predict(card, level)) : null;
    if (card.group === null) {
      if (prediction !== null) this.#made.set(card.key, prediction);
      return null;
    }
    let siblings = this.#siblings(card);
    if (siblings === null) {
      siblings = new Siblings();
      this.#groups.set(groupName(card, card.group.id), siblings);
      this.#asked = null;
    }
    const member = siblings.began(card.key, card.outputTokens);
    if (prediction !== null) member.predicted = prediction;
    return member;
  }

  /** It ended by itself, or by its limit. `siblings`: as for `predict`. */
  finished(
    card: Card,
    outputTokens: number,
    level: Level,
    siblings: Siblings | null = this.#siblings(card),
  ): void {
    const logLength = Math.log(Math.max(1, outputTokens));
    const made = siblings?.running.get(card.key)?.predicted ?? this.#made.get(card.key);
    if (made !== undefined) this.calibration.add(clipped(made, card.maxNewTokens), logLength);
    const known = siblings !== null && siblings.count > 0 ? siblings : null;
    level.add(logLength, known, this.#options);
    if (card.prompt !== null && level.count >= this.#options.estimateAfter) {
      this.#histories.add(card.prompt, logLength - level.mean);
    }
    siblings?.finished(logLength);
    this.#leave(card, siblings);
  }

  /** It was ended before its time: one that was past what its prompt promised tells of a long one all the same. */
  stopped(card: Card, outputTokens: number, level: Level): void {
    const logLength = Math.log(Math.max(1, outputTokens));
    const expected = this.predict(card, level);
    if (card.prompt !== null && expected !== null && logLength > expected.mean) {
      this.#histories.add(card.prompt, logLength - level.mean);
    }
    this.left(card);
  }

  left(card: Card): void {
    this.#leave(card, this.#siblings(card));
  }

  #leave({ key }: Card, siblings: Siblings | null): void {
    if (siblings === null) this.#made.delete(key);
    else siblings.running.delete(key);
  }

  /** Whether its errors were small enough of late to order by. */
  get trusted(): boolean {
    const { calibrationWindow, trustedSigma } = this.#options;
    const { count, sigmaErr } = this.calibration;
    return count >= calibrationWindow / 8 && sigmaErr <= trustedSigma;
  }

  recall(histories: readonly PromptHistory[]): void {
    this.#histories.recall(histories);
  }

  learned(limit: number): readonly PromptHistory[] {
    return this.#histories.learned(limit);
  }

  #siblings(card: Card): Siblings | null {
    const { group } = card;
    if (group === null) return null;
    // An event asks of one card several times.
    if (card !== this.#asked) {
      this.#asked = card;
      this.#answer = this.#groups.get(groupName(card, group.id)) ?? null;
    }
    return this.#answer;
  }
}

const groupName = ({ job }: Card, id: string): string => `${job}/${id}`;

/** What is longer than it may be is as long as that. */
const clipped = ({ mean, sigma }: LogLength, most: number): LogLength => ({
  mean: Math.min(mean, Math.log(Math.max(1, most))),
  sigma,
});
