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
import { posterior, Siblings } from "./siblings.ts";

const UNKNOWN = { apart: 0, weight: 0 } as const;

export class Predictor {
  readonly calibration: Calibration;
  readonly #options: SchedulerOptions;
  readonly #histories: Histories;
  readonly #groups: Generations<string, Siblings>;
  /** What was predicted of each rollout when it first began. */
  readonly #made: Generations<string, LogLength>;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.calibration = new Calibration(options.calibrationWindow, options.coverage);
    this.#histories = new Histories(options);
    this.#groups = new Generations(options.groupLimit);
    this.#made = new Generations(options.groupLimit);
  }

  /** Of all its output; null while its job has finished too few to learn from. */
  predict(card: Card, level: Level): LogLength | null {
    if (level.count < this.#options.estimateAfter) return null;
    const within = level.within(this.#options);
    const variances = { within, between: Math.max(0, level.variance - within) };
    const history = card.prompt === null ? UNKNOWN : (this.#histories.get(card.prompt) ?? UNKNOWN);
    return posterior(level, variances, history, this.#siblings(card));
  }

  /** Tokens still expected of a rollout that has made `outputTokens`; at least 1 while it may go on. */
  growth(card: Card, outputTokens: number, level: Level): number {
    const { defaultNewTokens, defaultShare, tailGrowth } = this.#options;
    const most = card.maxNewTokens;
    let total = card.expectedNewTokens;
    if (total === null) {
      const length = this.predict(card, level);
      const unknown = Math.max(defaultNewTokens, most * defaultShare);
      total = length === null ? unknown : meanLength(length, outputTokens, most);
    }
    const left = total > outputTokens ? total - outputTokens : outputTokens * tailGrowth;
    return Math.max(0, Math.min(most - outputTokens, Math.ceil(Math.max(left, 1))));
  }

  /** What else it is to be, its first attempt has begun. */
  began(card: Card, level: Level): void {
    level.limit = Math.max(level.limit, card.maxNewTokens);
    const prediction = card.outputTokens === 0 ? this.predict(card, level) : null;
    if (prediction !== null) this.#made.set(card.key, prediction);
    if (card.group === null) return;
    const name = groupName(card, card.group.id);
    let siblings = this.#groups.get(name);
    if (siblings === undefined) {
      siblings = new Siblings();
      this.#groups.set(name, siblings);
    }
    siblings.running.set(card.key, card.outputTokens);
  }

  progressed(card: Card, outputTokens: number): void {
    const siblings = this.#siblings(card);
    if (siblings?.running.has(card.key)) siblings.running.set(card.key, outputTokens);
  }

  /** It ended by itself, or by its limit. */
  finished(card: Card, outputTokens: number, level: Level): void {
    const logLength = Math.log(Math.max(1, outputTokens));
    const made = this.#made.get(card.key);
    if (made !== undefined) this.calibration.add(clipped(made, card.maxNewTokens), logLength);
    const siblings = this.#siblings(card);
    const known = siblings !== null && siblings.count > 0 ? siblings : null;
    level.add(logLength, known, this.#options);
    if (card.prompt !== null && level.count >= this.#options.estimateAfter) {
      this.#histories.add(card.prompt, logLength - level.mean);
    }
    siblings?.finished(logLength);
    this.left(card);
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
    this.#made.delete(card.key);
    this.#siblings(card)?.running.delete(card.key);
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
    return group === null ? null : (this.#groups.get(groupName(card, group.id)) ?? null);
  }
}

const groupName = ({ job }: Card, id: string): string => `${job}/${id}`;

/** What is longer than it may be is as long as that. */
const clipped = ({ mean, sigma }: LogLength, most: number): LogLength => ({
  mean: Math.min(mean, Math.log(Math.max(1, most))),
  sigma,
});
