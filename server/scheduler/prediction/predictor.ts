/**
 * How long rollouts will be, from what is known of the job, the prompt and the group, and how right that was so far.
 * Nothing here is trusted beyond that: who orders by it asks `sigmaErr` first.
 */
import type { Card } from "../card.ts";
import { Generations } from "../generations.ts";
import { type Group, groupName } from "../groups.ts";
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

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.calibration = new Calibration(options.calibrationWindow, options.coverage);
    this.#histories = new Histories(options);
    this.#groups = new Generations(options.groupLimit);
    this.#made = new Generations(options.groupLimit);
  }

  /** Of all its output; null while its job has finished too few to learn from. `siblings`: its group's. */
  predict(card: Card, level: Level, siblings: Siblings | null): LogLength | null {
    if (level.count < this.#options.estimateAfter) return null;
    const within = level.within(this.#options);
    const variances = { within, between: Math.max(0, level.variance - within) };
    const history = card.prompt === null ? UNKNOWN : (this.#histories.get(card.prompt) ?? UNKNOWN);
    return posterior(level, variances, history, siblings);
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
  began(
    card: Card,
    level: Level,
    group: Pick<Group, "siblings"> | null,
    length: LogLength | null = null,
  ): Member | null {
    level.limit = Math.max(level.limit, card.maxNewTokens);
    const fresh = card.outputTokens === 0;
    const prediction = fresh
      ? (length ?? this.predict(card, level, group?.siblings ?? null))
      : null;
    if (card.group === null || group === null) {
      if (prediction !== null) this.#made.set(card.key, prediction);
      return null;
    }
    if (group.siblings === null) {
      group.siblings = new Siblings();
      this.#groups.set(groupName(card, card.group.id), group.siblings);
    }
    const { siblings } = group;
    const known = card.attempt > 1 ? siblings.known(card.key) : null;
    const member = known ?? siblings.began(card.key, card.outputTokens);
    if (known !== null) siblings.progressed(known, card.outputTokens);
    if (prediction !== null) member.predicted = prediction;
    return member;
  }

  /** It ended by itself, or by its limit. `member`: what `began` answered; null without a group. */
  finished(card: Card, outputTokens: number, level: Level, member: Member | null): void {
    const logLength = Math.log(Math.max(1, outputTokens));
    const siblings = member?.siblings ?? null;
    const made = member === null ? this.#made.get(card.key) : member.predicted;
    if (made != null) this.calibration.add(clipped(made, card.maxNewTokens), logLength);
    const known = siblings !== null && siblings.count > 0 ? siblings : null;
    level.add(logLength, known, this.#options);
    if (card.prompt !== null && level.count >= this.#options.estimateAfter) {
      this.#histories.add(card.prompt, logLength - level.mean);
    }
    siblings?.finished(logLength);
    this.left(card, member);
  }

  /** It was ended before its time: one that was past what its prompt promised tells of a long one all the same. */
  stopped(card: Card, outputTokens: number, level: Level, member: Member | null): void {
    const logLength = Math.log(Math.max(1, outputTokens));
    const expected = this.predict(card, level, member?.siblings ?? null);
    if (card.prompt !== null && expected !== null && logLength > expected.mean) {
      this.#histories.add(card.prompt, logLength - level.mean);
    }
    this.left(card, member);
  }

  /** It will not go on. `member`: of its latest attempt, if any began. */
  left({ key }: Card, member: Member | null): void {
    if (member === null) this.#made.delete(key);
    else member.siblings.left(member);
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

  /** What is remembered of the card's group; null: nothing. */
  siblings(card: Card): Siblings | null {
    const { group } = card;
    return group === null ? null : (this.#groups.get(groupName(card, group.id)) ?? null);
  }
}

/** What is longer than it may be is as long as that. */
const clipped = ({ mean, sigma }: LogLength, most: number): LogLength => ({
  mean: Math.min(mean, Math.log(Math.max(1, most))),
  sigma,
});
