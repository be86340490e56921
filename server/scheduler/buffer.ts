/**
 * The one bounded buffer (late binding). Cards that any worker would treat alike form a class; within
 * it, cards of one job and about one size form a queue. So only heads of queues are ever compared, and
 * a large card never blocks the small ones of its job.
 */
import { type Card, type HeldReason, leastTokens } from "./card.ts";
import { CardQueue } from "./card-queue.ts";
import { Chain, type Link } from "./chain.ts";
import { classKey } from "./eligibility.ts";
import type { Job } from "./fairness.ts";
import { expectedGrowth } from "./forecast.ts";
import type { HeapItem } from "./heap.ts";
import type { Lane } from "./line.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Kind } from "./roster.ts";
import type { Slot } from "./slots.ts";

const NO_CLAIMS: readonly Slot[] = [];

export class Waiting implements HeapItem, Link<Waiting>, Rank {
  heapIndex = -1;
  next: Waiting | null = null;
  previous: Waiting | null = null;
  readonly card: Card;
  readonly queue: Queue;
  /** What order reads, beside one another: a comparison touches nothing else. */
  readonly urgency: number;
  readonly acceptedAt: number;
  /** Order of arrival, for ties of `acceptedAt`. */
  readonly order: number;
  told: HeldReason | null = null;
  /** Grants that went past it while it was first in a line. */
  passed = 0;
  /** Slots that are kept free for it. */
  claims: readonly Slot[] = NO_CLAIMS;
  /** It was placed, or taken out. */
  gone = false;

  constructor(card: Card, queue: Queue, order: number) {
    this.card = card;
    this.queue = queue;
    this.urgency = urgencyOf(card);
    this.acceptedAt = card.acceptedAt;
    this.order = order;
  }
}

/** Priority, then resumed before new; ties are for fairness between jobs, then for FIFO. Lower goes first. */
function urgencyOf({ priority, attempt }: Card): number {
  return 2 * priority - (attempt > 1 ? 1 : 0);
}

/** What order reads of a card that waits. */
export interface Rank {
  readonly urgency: number;
  readonly acceptedAt: number;
  readonly order: number;
}

export function fifoBefore(a: Rank, b: Rank): boolean {
  return a.acceptedAt === b.acceptedAt ? a.order < b.order : a.acceptedAt < b.acceptedAt;
}

export function waitingBefore(a: Rank, b: Rank): boolean {
  return a.urgency === b.urgency ? fifoBefore(a, b) : a.urgency < b.urgency;
}

export class Queue implements Rank {
  readonly key: string;
  readonly class: WaitingClass;
  readonly job: Job;
  readonly avoid: readonly string[];
  /** No card of this queue has a smaller or, doubled, larger context. */
  readonly leastContext: number;
  readonly cards = new CardQueue<Waiting>(waitingBefore);
  readonly lanes = new Map<Kind, Lane>();
  /** First of its cards. A queue without cards is dropped at once, so what others see always has one. */
  head: Waiting;
  /** Growth forecast for the head when it came to be first, tokens; small changes of a job's mean do not matter. */
  growth = 0;
  /** Context and growth of the head, tokens. */
  tokens = 0;
  /** Tokens that a slot must hold at least for the head. */
  leastTokens = 0;
  /** The head's: lines compare queues more often than heads change. */
  urgency = 0;
  acceptedAt = 0;
  order = 0;

  constructor(
    key: string,
    cls: WaitingClass,
    job: Job,
    card: Card,
    order: number,
    options: SchedulerOptions,
  ) {
    this.key = key;
    this.class = cls;
    this.job = job;
    this.avoid = card.avoid;
    this.leastContext = 2 ** sizeClass(card.promptTokens + card.outputTokens);
    this.head = new Waiting(card, this, order);
    this.push(this.head, options);
  }

  push(waiting: Waiting, options: SchedulerOptions): void {
    this.cards.push(waiting);
    this.#lead(options);
  }

  remove(waiting: Waiting, options: SchedulerOptions): void {
    this.cards.remove(waiting);
    this.#lead(options);
  }

  #lead(options: SchedulerOptions): void {
    const first = this.cards.first();
    if (first === null || (first === this.head && this.tokens > 0)) return;
    const { card } = first;
    this.head = first;
    this.growth = expectedGrowth(card, card.outputTokens, this.job.lengths, options);
    this.tokens = card.promptTokens + card.outputTokens + this.growth;
    this.leastTokens = leastTokens(card);
    this.urgency = first.urgency;
    this.acceptedAt = first.acceptedAt;
    this.order = first.order;
  }
}

export class WaitingClass {
  readonly key: string;
  /** Any card of the class; only what the class key holds may be read of it. */
  readonly sample: Card;
  readonly queues = new Map<string, Queue>();
  /** All its cards, in order of arrival. */
  readonly members = new Chain<Waiting>();
  /** Cards with something to avoid. */
  avoiders = 0;
  /** Kinds of worker that are eligible, and the version that each would serve it with. */
  readonly kinds = new Map<Kind, number>();
  reason: HeldReason = "no_eligible_worker";
  /** Workers of its pool, whatever they can do. */
  poolKinds = 0;
  /** Of these, such as can honour what is asked for. */
  capableKinds = 0;
  /** Largest context that any of these takes when empty, tokens. */
  longestContext = 0;

  constructor(key: string, sample: Card) {
    this.key = key;
    this.sample = sample;
  }
}

const sizeClass = (tokens: number): number => Math.floor(Math.log2(Math.max(1, tokens)));

/** Forecasts are halved and doubled, not measured: two octaves a class. */
const growthClass = (card: Card): number =>
  Math.floor(sizeClass(card.expectedNewTokens ?? card.maxNewTokens) / 2);

const queueKey = (card: Card): string =>
  `${card.job} ${sizeClass(card.promptTokens + card.outputTokens)} ${growthClass(card)} ${card.avoid.join(" ")}`;

export class Buffer {
  readonly classes = new Map<string, WaitingClass>();
  readonly #options: SchedulerOptions;
  #order = 0;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  /** The card's class; `created` hears of a new one. */
  class(card: Card, created: (cls: WaitingClass) => void): WaitingClass {
    const key = classKey(card);
    let cls = this.classes.get(key);
    if (cls === undefined) {
      cls = new WaitingClass(key, card);
      this.classes.set(key, cls);
      created(cls);
    }
    return cls;
  }

  queue(cls: WaitingClass, card: Card): Queue | undefined {
    return cls.queues.get(queueKey(card));
  }

  add(cls: WaitingClass, job: Job, card: Card): Waiting {
    const key = queueKey(card);
    const order = this.#order++;
    const known = cls.queues.get(key);
    const queue = known ?? new Queue(key, cls, job, card, order, this.#options);
    const waiting = known === undefined ? queue.head : new Waiting(card, queue, order);
    if (known === undefined) cls.queues.set(key, queue);
    else queue.push(waiting, this.#options);
    cls.members.push(waiting);
    if (card.avoid.length > 0) cls.avoiders++;
    job.waiting++;
    return waiting;
  }

  /** The queue's lanes are the caller's to mend. */
  remove(waiting: Waiting): void {
    const { queue, card } = waiting;
    const cls = queue.class;
    queue.remove(waiting, this.#options);
    cls.members.remove(waiting);
    waiting.gone = true;
    if (card.avoid.length > 0) cls.avoiders--;
    queue.job.waiting--;
    if (queue.cards.size === 0) cls.queues.delete(queue.key);
  }

  /** An empty class is kept for its next card, up to the limit; true when it was dropped. */
  forget(cls: WaitingClass): boolean {
    if (cls.members.size > 0 || this.classes.size <= this.#options.idleClassLimit) return false;
    return this.classes.delete(cls.key);
  }
}
