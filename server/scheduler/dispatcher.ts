/**
 * Brings cards and slots together. Between events it holds that no first card of a line fits a slot
 * of its kind (but for bounded backfill and claims), so that an event only looks at what it touched.
 */
import type { Affinity } from "./affinity.ts";
import { Attempt } from "./attempts.ts";
import type { Buffer, Queue, WaitingClass } from "./buffer.ts";
import type { Card } from "./card.ts";
import type { Census } from "./census.ts";
import { Claims } from "./claims.ts";
import type { SchedulerCommand } from "./events.ts";
import type { Job } from "./fairness.ts";
import type { Forecast } from "./forecast.ts";
import { type Group, siblingsOf } from "./groups.ts";
import type { Matching } from "./matching.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Order } from "./order.ts";
import type { Applicant, Place, Placer } from "./placer.ts";
import type { Predictor } from "./prediction/predictor.ts";
import { marksOf } from "./prefix-marks.ts";
import type { Residents } from "./residents.ts";
import type { Kind } from "./roster.ts";
import type { Segments } from "./segments.ts";
import type { Slot } from "./slots.ts";
import { type Waiting, waitingBefore } from "./waiting.ts";

export interface DispatcherParts {
  readonly census: Census;
  readonly buffer: Buffer;
  readonly matching: Matching;
  readonly placer: Placer;
  readonly affinity: Affinity;
  readonly residents: Residents;
  readonly order: Order;
  readonly predictor: Predictor;
  readonly segments: Segments;
  readonly forecast: Forecast;
  readonly options: SchedulerOptions;
  readonly emit: (command: SchedulerCommand) => void;
}

export class Dispatcher {
  readonly #parts: DispatcherParts;
  /** Claimants whose slot has changed. */
  readonly #called = new Set<Waiting>();
  readonly #claims: Claims;
  #searches = 0;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    const { segments, options } = parts;
    this.#claims = new Claims(segments, options, (claimant) => void this.#called.add(claimant));
  }

  /** Places the card at once where nobody waits for what it may have; else puts it in line and returns it. */
  admit(card: Card, cls: WaitingClass, job: Job, now: number): Waiting | null {
    const { census, buffer, matching, placer, residents, segments } = this.#parts;
    const group = census.groups.enter(card);
    const home = residents.homeOf(card);
    // Who waits for the same workers goes first, but for a place that is its session's.
    if ((cls.nobodyWaits || home !== null) && !job.full) {
      const outlook = this.#parts.forecast.ahead(card, job, siblingsOf(group));
      const marks = group?.marksOf(card) ?? marksOf(card, null);
      const applicant: Applicant = { card, class: cls, waiting: null, group, marks, outlook };
      const place = placer.place(applicant, now);
      if (place !== null) {
        this.#grant(applicant, job, place, now);
        return null;
      }
    }
    const waiting = buffer.add(cls, job, card, group);
    census.waits(waiting);
    waiting.home = home ?? segments.homeOf(card);
    waiting.home?.returning.add(waiting);
    matching.joined(waiting);
    return waiting;
  }

  /** Takes a card out of the buffer for good. */
  drop(waiting: Waiting): void {
    this.#leave(waiting, null);
    this.#parts.census.leaves(waiting);
  }

  /** The next head may fit where this one did not; `filling` is looked at anyway. */
  #leave(waiting: Waiting, filling: Kind | null): void {
    const { queue } = waiting;
    this.#unclaimAll(waiting);
    waiting.home?.returning.delete(waiting);
    const wasHead = queue.head === waiting;
    this.#parts.buffer.remove(waiting);
    this.#parts.matching.left(queue, wasHead);
    if (!wasHead) return;
    for (const kind of queue.lanes.keys()) {
      if (kind !== filling) this.#parts.matching.touched.add(kind);
    }
  }

  /** The attempt is over and its room is free. */
  release(attempt: Attempt, now: number): void {
    const { slot, account } = attempt;
    this.#parts.census.leaves(attempt);
    slot.drop(attempt);
    slot.worker.attempts.remove(attempt);
    const { job } = account;
    const wasFull = job.full;
    job.running--;
    this.#parts.affinity.ended(attempt);
    this.#parts.residents.ended(attempt, now);
    this.opened(slot);
    if (wasFull && !job.full) this.quotaChanged(job);
  }

  /** The job has become full, or is so no more. */
  quotaChanged(job: Job): void {
    for (const account of job.accounts.values()) {
      account.filled();
      for (const { lanes } of account.stands) {
        for (const { queue } of lanes.items) {
          if (job.full) this.#unclaimAll(queue.head);
          else for (const kind of queue.lanes.keys()) this.#parts.matching.touched.add(kind);
        }
      }
    }
  }

  /** Who stands in these classes stands anew; `all` false: only such as an end may move. */
  reorder(classes: Iterable<WaitingClass>, all = true): void {
    const { buffer } = this.#parts;
    for (const { queues } of classes) {
      for (const queue of queues.values()) {
        buffer.reorder(queue, all);
        this.#reordered(queue);
      }
    }
  }

  /** What this group is known to be has changed: those of it that wait stand anew. */
  restand(group: Group): void {
    for (const waiting of [...(this.#parts.order.calm ? group.restless : group.waiting)]) {
      if (this.#parts.buffer.restand(waiting)) this.#reordered(waiting.queue);
    }
  }

  #reordered(queue: Queue): void {
    for (const [kind, lane] of queue.lanes) {
      kind.line.reordered(lane);
      this.#parts.matching.touched.add(kind);
    }
  }

  /** The slot may have more room than before. */
  opened(slot: Slot): void {
    const { kind } = slot.worker;
    kind.index.changed(slot);
    if (kind.mayTake) this.#parts.matching.touched.add(kind);
    if (slot.claimedBy !== null) this.#called.add(slot.claimedBy);
    this.#recall(slot);
  }

  /** The first of those that wait for this slot, whether or not what they wait for is still there. */
  #recall({ returning: { first } }: Slot): void {
    if (first !== null) this.#called.add(first);
  }

  /** Nothing new starts there for now. */
  shut(slot: Slot): void {
    this.unclaim(slot);
    for (const waiting of slot.returning) this.#called.add(waiting);
  }

  unclaim(slot: Slot): void {
    if (this.#claims.release(slot)) this.opened(slot);
  }

  #unclaimAll(waiting: Waiting): void {
    for (const slot of [...waiting.claims]) this.unclaim(slot);
  }

  /** Fills what was touched, until nothing more fits. */
  run(now: number): void {
    const { touched } = this.#parts.matching;
    while (touched.size + this.#called.size > 0) {
      for (const waiting of this.#called) {
        if (this.#yields(waiting)) continue;
        this.#called.delete(waiting);
        if (waiting.gone || !this.#tryWaiting(waiting, now)) continue;
        if (waiting.home !== null) this.#recall(waiting.home);
      }
      const kind = touched.values().next().value;
      if (kind === undefined) continue;
      touched.delete(kind);
      this.#fill(kind, now);
    }
  }

  /** What was cut there precedes what was cut elsewhere; but who can go anywhere and is before it goes first. */
  #yields(waiting: Waiting): boolean {
    const kind = waiting.home?.worker.kind;
    if (kind === undefined || !this.#parts.matching.touched.has(kind)) return false;
    if (!this.#parts.segments.isParked(waiting)) return false;
    const first = kind.line.first?.queue.head ?? null;
    return first !== null && waitingBefore(first, waiting) && !this.#parts.segments.isParked(first);
  }

  #fill(kind: Kind, now: number): void {
    const { placer, options } = this.#parts;
    this.#claims.relieve(kind, now);
    const search = ++this.#searches;
    for (let misses = 0; misses < options.backfillMisses; ) {
      const { room } = kind.index;
      const backfill = room >= kind.largestUsable * options.backfillShare;
      const opening = { room, kind, backfill };
      const lane = room > 0 ? kind.line.next(opening, options.backfillDepth, search) : null;
      if (lane === null) {
        if (misses === 0) kind.spend();
        return;
      }
      const { head } = lane.queue;
      const applicant = this.#applicant(head);
      const place = placer.place(applicant, now);
      if (place === null) {
        // Where there is room it has failed before, or another claims it: less room elsewhere may do.
        kind.unspend();
        lane.skippedIn = search;
        misses++;
        continue;
      }
      const { first } = kind.line;
      this.#leave(head, kind);
      this.#grant(applicant, lane.queue.job, place, now);
      if (first !== null && first !== lane) this.#claims.passed(first, kind);
    }
  }

  #tryWaiting(waiting: Waiting, now: number): boolean {
    const { job } = waiting.queue;
    if (job.full) {
      this.#unclaimAll(waiting);
      return false;
    }
    const applicant = this.#applicant(waiting);
    const place = this.#parts.placer.place(applicant, now);
    if (place === null) return false;
    this.#leave(waiting, null);
    this.#grant(applicant, job, place, now);
    return true;
  }

  #applicant(waiting: Waiting): Applicant {
    const { card, queue, group } = waiting;
    const isHead = waiting === queue.head;
    const { forecast } = this.#parts;
    const outlook = isHead ? queue.outlook : forecast.ahead(card, queue.job, siblingsOf(group));
    const marks = group?.marksOf(card) ?? marksOf(card, null);
    return { card, class: queue.class, waiting, group, marks, outlook };
  }

  #grant(applicant: Applicant, job: Job, place: Place, now: number): void {
    const { card, group, marks } = applicant;
    const { slot, cachedTokens } = place;
    const { worker } = slot;
    const { kind } = worker;
    const version = applicant.class.kinds.get(kind);
    const held = worker.view.holds.find(
      (holding) => holding.policy === card.policy && holding.version === version,
    );
    if (held === undefined) throw new Error(`${worker.id} is eligible without a version`);
    const context = card.promptTokens + card.outputTokens;
    const account = job.account(kind.facts.pool);
    const { segments, forecast, predictor } = this.#parts;
    const segment = segments.on(worker, card);
    const cutAt = segment === null ? null : card.outputTokens + segment;
    // What was foretold when it was found to fit is what it is given, whatever has been learned since.
    const siblings = siblingsOf(group);
    const most = Math.min(slot.usable, applicant.outlook.peakTokens);
    const outlook = forecast.of(card, card.outputTokens, cutAt, job, siblings, most);
    const attempt = new Attempt(card, slot, account, group, marks, held, outlook.growth, cutAt);
    segments.forget(card.key);
    attempt.member = predictor.began(card, job.level, group, outlook.length);
    const start = Math.max(now / 1_000, slot.prefillFreeAt);
    slot.prefillFreeAt = start + (context - cachedTokens) / slot.prefillTokensPerSecond;
    slot.filled += context - cachedTokens;
    const home = this.#parts.residents.homeOf(card);
    this.#parts.residents.granted(card);
    if (home !== null && home !== slot) this.opened(home);
    slot.take(attempt, outlook);
    this.#parts.residents.fit(slot);
    worker.attempts.push(attempt);
    this.#parts.census.runs(attempt);
    job.running++;
    if (job.full) this.quotaChanged(job);
    kind.line.served(account);
    account.charge(attempt.charged);
    this.#parts.affinity.granted(attempt, held);
    kind.index.changed(slot);
    const { id, incarnation } = worker;
    const where = { worker: id, slot: slot.index, incarnation, held };
    this.#parts.emit({ type: "grant", key: card.key, attempt: card.attempt, ...where, segment });
  }
}
