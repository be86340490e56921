/**
 * Who goes first. Urgency: the caller's priority, then what the next commit would make too old, then what a fault threw
 * back, partial rollouts that their caller gives back to go on, and the turns of sessions whose context rests on a slot. Within it, and within a job, rank: by equal progress (least attained service, in quanta), by predicted length
 * with the longest first, or as they came. A prediction orders only while its error is small: with more, the order by it is
 * no better than by arrival (`reference/scheduling.md` §2.4), so then only one member of each group goes before the rest,
 * that the group may be known sooner. Turns that are computed again mend what a wrong prediction does: among those that
 * were cut after as much it orders there, whatever its error. Who has made nothing comes as it came: longest first gains nothing there.
 */
import type { Card } from "./card.ts";
import type { Regime } from "./events.ts";
import type { Job } from "./fairness.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Predictor } from "./prediction/predictor.ts";
import type { Siblings } from "./prediction/siblings.ts";
import type { Residents } from "./residents.ts";
import type { Segments } from "./segments.ts";

export class Order {
  regime: Regime = "equal_progress";
  /** Whether predictions order: as at the last look, so that all who wait are ranked alike. */
  trusted = false;
  readonly #predictor: Predictor;
  readonly #segments: Segments;
  readonly #residents: Residents;
  readonly #options: SchedulerOptions;
  readonly #committed = new Map<string, number>();

  constructor(
    predictor: Predictor,
    segments: Segments,
    residents: Residents,
    options: SchedulerOptions,
  ) {
    this.#predictor = predictor;
    this.#segments = segments;
    this.#residents = residents;
    this.#options = options;
  }

  committed(policy: string, version: number): void {
    if (version > (this.#committed.get(policy) ?? -1)) this.#committed.set(policy, version);
  }

  /** Lower goes first; ties are for fairness between jobs. */
  urgency(card: Card): number {
    const { priority, attempt, outputTokens } = card;
    const resumed = (attempt > 1 || outputTokens > 0) && !this.#segments.wasCut(card);
    const first = resumed || this.#residents.homeOf(card) !== null;
    const begun = this.#residents.isPaused(card);
    return 8 * priority - (this.#pressing(card) ? 4 : 0) - (first ? 2 : 0) - (begun ? 1 : 0);
  }

  /** It may still be in time, but not after one more version. */
  #pressing({ policy, deadlineVersion }: Card): boolean {
    return deadlineVersion !== null && this.#committed.get(policy) === deadlineVersion;
  }

  /** Whether ranks depend on what siblings tell. */
  get predicts(): boolean {
    return this.regime === "equal_progress" ? this.#segments.computed : this.trusted;
  }

  /** Whether an end changes nothing for who is not restless: by equal progress nothing is foretold of who has made nothing. */
  get calm(): boolean {
    return this.regime === "equal_progress";
  }

  /** Lower goes first; ties as they came. */
  rank(card: Card, job: Job, siblings: Siblings | null): number {
    const { group, outputTokens } = card;
    if (this.regime === "equal_progress") {
      if (this.#segments.goesOn(card)) return -1;
      const made = Math.floor(outputTokens / this.#options.rankTokens);
      if (!this.#segments.computed) return made;
      if (made === 0) return group?.index === 0 ? -1 : 0;
      const steps = this.#steps(card, job, siblings);
      return steps === null ? made : made - steps / (1 + steps);
    }
    if (!this.trusted) return group?.index === 0 ? 0 : 1;
    const steps = this.#steps(card, job, siblings);
    return steps === null ? 1 : -steps;
  }

  /** Of the logarithm of its length; null: nothing is foretold. */
  #steps(card: Card, job: Job, siblings: Siblings | null): number | null {
    const length = this.#predictor.predict(card, job.level, siblings);
    if (length === null) return null;
    const log = Math.min(length.mean, Math.log(card.maxNewTokens));
    return Math.round(Math.max(log, Math.log(1 + card.outputTokens)) / this.#options.rankLog);
  }
}

/**
 * By equal progress, too, it may come to stand otherwise while it waits: what has begun is foretold a length, a session comes to rest or
 * is paused, and the first of its group goes before the rest while cuts are dear.
 */
export const isRestless = ({ attempt, outputTokens, session, group }: Card): boolean =>
  attempt > 1 || outputTokens > 0 || session !== null || group?.index === 0;
