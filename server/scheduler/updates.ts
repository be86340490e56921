/**
 * Workers that are being updated, and who waits for one of them though there is room elsewhere now: a fleet that takes a version
 * in waves has its other workers full meanwhile, and whoever begins there slows all of them. The wait is what updates have taken
 * of late, from gate to release; one that takes longer is waited for no more, and before the first has ended nobody waits. Nor
 * does who has others of its queue behind it: they could go meanwhile.
 */
import type { Waiting } from "./buffer.ts";
import type { Card } from "./card.ts";
import { barrierSeconds, workSeconds } from "./cost.ts";
import type { Matching } from "./matching.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Applicant, Place } from "./placer.ts";
import type { Worker } from "./roster.ts";
import type { Slot } from "./slots.ts";

interface Update {
  /** Clock time, ms. */
  readonly since: number;
  /** Those that wait for it. */
  readonly awaiting: Set<Waiting>;
}

export class Updates {
  /** In order of their beginning, hence of their likely end. */
  readonly #underWay = new Map<Worker, Update>();
  readonly #matching: Pick<Matching, "couldServe" | "touched">;
  readonly #options: SchedulerOptions;
  /** Mean of the latest, ms; Infinity before the first has ended. */
  #mean = Number.POSITIVE_INFINITY;

  constructor(matching: Pick<Matching, "couldServe" | "touched">, options: SchedulerOptions) {
    this.#matching = matching;
    this.#options = options;
  }

  began(worker: Worker, now: number): void {
    this.left(worker);
    this.#underWay.set(worker, { since: now, awaiting: new Set() });
  }

  ended(worker: Worker, now: number): void {
    const update = this.#underWay.get(worker);
    if (update === undefined) return;
    const ms = now - update.since;
    const known = this.#mean < Number.POSITIVE_INFINITY;
    this.#mean = known ? this.#mean + (ms - this.#mean) * this.#options.updateRate : ms;
    this.left(worker);
  }

  /** It is not waited for any more. */
  left(worker: Worker): void {
    const update = this.#underWay.get(worker);
    if (update === undefined) return;
    this.#underWay.delete(worker);
    this.#release(update);
  }

  /** Clock time, ms, from which on one that is waited for takes too long; Infinity without one. */
  get next(): number {
    for (const update of this.#underWay.values()) {
      if (update.awaiting.size > 0) return this.#due(update);
    }
    return Number.POSITIVE_INFINITY;
  }

  expire(now: number): void {
    for (const update of this.#underWay.values()) {
      if (now >= this.#due(update)) this.#release(update);
    }
  }

  /** Whether the applicant had better wait for an update than take the place; if so it is counted among those that do. */
  pays(applicant: Applicant, place: Place, now: number): boolean {
    const { waiting } = applicant;
    waiting?.awaits?.delete(waiting);
    if (waiting !== null) waiting.awaits = null;
    if (this.#underWay.size === 0) return false;
    if (waiting !== null && (waiting.claims.length > 0 || waiting.queue.cards.size > 1))
      return false;
    const { affinityMarginSeconds, affinityMoveShare } = this.#options;
    let left = this.#options.updatesAwaited;
    for (const [worker, update] of this.#underWay) {
      if (left-- === 0) return false;
      const wait = (this.#due(update) - now) / 1_000;
      if (!(wait > 0 && wait < place.seconds) || !this.#may(applicant.card, worker)) continue;
      const margin = Math.max(affinityMarginSeconds, affinityMoveShare * wait);
      for (const slot of worker.slots) {
        const seconds = this.#secondsThere(applicant, slot, update.awaiting.size);
        if (wait + seconds + margin >= place.seconds) continue;
        if (waiting !== null) {
          update.awaiting.add(waiting);
          waiting.awaits = update.awaiting;
        }
        return true;
      }
    }
    return false;
  }

  /** Clock time, ms, at which it is probably over; Infinity where nothing is known. */
  #due({ since }: Update): number {
    return Math.ceil(since + this.#mean);
  }

  #may(card: Card, worker: Worker): boolean {
    if (card.avoid.includes(worker.incarnation)) return false;
    return this.#matching.couldServe(card, worker.kind);
  }

  /** As `slotSeconds`, behind so many that are like it; Infinity without room for all of them. Its cache is void then. */
  #secondsThere({ card, outlook }: Applicant, slot: Slot, before: number): number {
    const { usable, held, foreign, kvTokens, remaining, maxRunning, listed } = slot;
    const ahead = before * outlook.peakTokens;
    const running = slot.running + before;
    if (!listed || running >= maxRunning) return Number.POSITIVE_INFINITY;
    if (held + foreign + ahead + outlook.peakTokens > usable) return Number.POSITIVE_INFINITY;
    const context = card.promptTokens + card.outputTokens;
    const { step, prefillTokensPerSecond } = slot;
    const likely = remaining + before * outlook.growth;
    const there = { step, prefillTokensPerSecond, running, remaining: likely };
    const share = (held + foreign + ahead + context + outlook.growth) / kvTokens;
    const queued = (before * context) / prefillTokensPerSecond;
    const barrier = barrierSeconds(share, this.#options.kvBarrierSeconds);
    return queued + workSeconds(there, context, outlook.growth) + barrier;
  }

  /** Those that waited for it are looked at again. */
  #release({ awaiting }: Update): void {
    for (const waiting of awaiting) {
      waiting.awaits = null;
      for (const kind of waiting.queue.lanes.keys()) this.#matching.touched.add(kind);
    }
    awaiting.clear();
  }
}
