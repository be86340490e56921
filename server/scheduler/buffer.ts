/**
 * The one bounded buffer (late binding). Cards that any worker would treat alike form a class; within
 * it, cards of one job and about one size form a queue. So only heads of queues are ever compared, and
 * a large card never blocks the small ones of its job.
 */
import { type Card, type HeldReason, leastTokens } from "./card.ts";
import { CardQueue } from "./card-queue.ts";
import { Chain } from "./chain.ts";
import { classKey } from "./eligibility.ts";
import type { Job } from "./fairness.ts";
import type { Forecast, Wish } from "./forecast.ts";
import { type Group, siblingsOf } from "./groups.ts";
import type { Lane } from "./line.ts";
import type { SchedulerOptions } from "./options.ts";
import { isRestless, type Order } from "./order.ts";
import type { Kind } from "./roster.ts";
import { Sizes, sizeClass } from "./size-class.ts";
import { type Rank, type Standing, Waiting, waitingBefore } from "./waiting.ts";

const inOrder = (a: Rank, b: Rank): number => (waitingBefore(a, b) ? -1 : 1);

export class Queue implements Rank {
  readonly key: string;
  readonly class: WaitingClass;
  readonly job: Job;
  readonly avoid: readonly string[];
  /** No card of this queue has a smaller or, doubled, larger context. */
  readonly leastContext: number;
  readonly cards = new CardQueue<Waiting>(waitingBefore);
  /** Of these, such as `isRestless`. */
  readonly restless = new Set<Waiting>();
  readonly lanes = new Map<Kind, Lane>();
  /** First of its cards. A queue without cards is dropped at once, so what others see always has one. */
  head: Waiting;
  /** Of the head when it came to be first; small changes of a job's mean do not matter. */
  outlook: Wish;
  /** What the head will hold at most, tokens. */
  tokens = 0;
  /** Tokens that a slot must hold at least for the head. */
  leastTokens = 0;
  /** The head's: lines compare queues more often than heads change. */
  urgency = 0;
  rank = 0;
  acceptedAt = 0;
  order = 0;

  constructor(key: string, cls: WaitingClass, job: Job, first: Waiting, forecast: Forecast) {
    this.key = key;
    this.class = cls;
    this.job = job;
    this.head = first;
    const { card, group } = first;
    this.avoid = card.avoid;
    this.leastContext = 2 ** sizeClass(card.promptTokens + card.outputTokens);
    this.outlook = forecast.ahead(card, job, siblingsOf(group));
    this.cards.push(first);
    this.#follow(first, this.outlook);
  }

  push(waiting: Waiting, forecast: Forecast): void {
    this.cards.push(waiting);
    this.#lead(forecast);
  }

  remove(waiting: Waiting, forecast: Forecast): void {
    this.cards.remove(waiting);
    this.#lead(forecast);
  }

  /** One of its cards stands anew. */
  restand(waiting: Waiting, standing: Standing, forecast: Forecast): void {
    this.cards.remove(waiting);
    waiting.stand(standing);
    this.cards.push(waiting);
    this.tokens = 0;
    this.#lead(forecast);
  }

  /** These of its cards stand anew. Most of a long queue stand as before, so only the others move, unless they are many. */
  reorder(
    cards: Iterable<Waiting>,
    standing: (waiting: Waiting) => Standing,
    forecast: Forecast,
  ): void {
    const moved: Waiting[] = [];
    const places: Standing[] = [];
    for (const waiting of cards) {
      const place = standing(waiting);
      if (place.rank === waiting.rank && place.urgency === waiting.urgency) continue;
      moved.push(waiting);
      places.push(place);
    }
    if (moved.length === 0) return;
    const many = moved.length > this.cards.size / 16;
    const back = many ? [...this.cards] : moved;
    if (many) this.cards.clear();
    else for (const waiting of moved) this.cards.remove(waiting);
    for (const [i, waiting] of moved.entries()) waiting.stand(places[i] as Standing);
    if (many) back.sort(inOrder);
    for (const waiting of back) this.cards.push(waiting);
    this.tokens = 0;
    this.#lead(forecast);
  }

  /** Those that have another key now leave, in order. */
  part(keyOf: (card: Card) => string, forecast: Forecast): Waiting[] {
    const parted: Waiting[] = [];
    const kept: Waiting[] = [];
    for (const waiting of this.cards) {
      (keyOf(waiting.card) === this.key ? kept : parted).push(waiting);
    }
    if (parted.length === 0) return parted;
    for (const waiting of parted) this.restless.delete(waiting);
    this.cards.clear();
    for (const waiting of kept.sort(inOrder)) this.cards.push(waiting);
    this.#lead(forecast);
    return parted.sort(inOrder);
  }

  #lead(forecast: Forecast): void {
    const first = this.cards.first();
    if (first === null || (first === this.head && this.tokens > 0)) return;
    this.#follow(first, forecast.ahead(first.card, this.job, siblingsOf(first.group)));
  }

  #follow(first: Waiting, outlook: Wish): void {
    this.head = first;
    this.outlook = outlook;
    this.tokens = outlook.peakTokens;
    this.leastTokens = leastTokens(first.card);
    this.urgency = first.urgency;
    this.rank = first.rank;
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
  /** Cards with something to avoid, and such as have a last version. */
  avoiders = 0;
  deadlines = 0;
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

  /** For any worker that it may have. */
  get nobodyWaits(): boolean {
    for (const kind of this.kinds.keys()) if (kind.line.first !== null) return false;
    return true;
  }
}

export class Buffer {
  readonly classes = new Map<string, WaitingClass>();
  readonly #options: SchedulerOptions;
  readonly #order: Order;
  readonly #forecast: Forecast;
  readonly #sizes = new Sizes();
  #arrived = 0;

  constructor(order: Order, forecast: Forecast, options: SchedulerOptions) {
    this.#order = order;
    this.#forecast = forecast;
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
    return cls.queues.get(this.#sizes.key(card));
  }

  add(cls: WaitingClass, job: Job, card: Card, group: Group | null): Waiting {
    const at = this.#arrived++;
    const standing = this.#standing(card, job, group);
    const waiting = new Waiting(card, group, at, standing);
    this.#enqueue(waiting, cls, job);
    cls.members.push(waiting);
    group?.waiting.add(waiting);
    if (isRestless(card)) group?.restless.add(waiting);
    if (card.avoid.length > 0) cls.avoiders++;
    if (card.deadlineVersion !== null) cls.deadlines++;
    job.waiting++;
    return waiting;
  }

  /**
   * `limit` is another longest context of workers, `limits` are all: queues part there. Answers those whose cards are others
   * now, some of them empty; their lanes are the caller's to mend.
   */
  part(limit: number, limits: Iterable<number>): Iterable<Queue> {
    const changed = new Set<Queue>();
    if (!this.#sizes.part(limit, limits)) return changed;
    for (const cls of this.classes.values()) {
      for (const queue of [...cls.queues.values()]) {
        if (limit < queue.leastContext || limit >= 2 * queue.leastContext) continue;
        const parted = queue.part((card) => this.#sizes.key(card), this.#forecast);
        if (queue.cards.size === 0) cls.queues.delete(queue.key);
        if (parted.length > 0) changed.add(queue);
        for (const waiting of parted) changed.add(this.#enqueue(waiting, cls, queue.job));
      }
    }
    return changed;
  }

  #enqueue(waiting: Waiting, cls: WaitingClass, job: Job): Queue {
    const key = this.#sizes.key(waiting.card);
    const known = cls.queues.get(key);
    const queue = known ?? new Queue(key, cls, job, waiting, this.#forecast);
    waiting.queue = queue;
    if (isRestless(waiting.card)) queue.restless.add(waiting);
    if (known === undefined) cls.queues.set(key, queue);
    else queue.push(waiting, this.#forecast);
    return queue;
  }

  /** The queue's lanes are the caller's to mend. */
  remove(waiting: Waiting): void {
    const { queue, card } = waiting;
    const cls = queue.class;
    queue.remove(waiting, this.#forecast);
    cls.members.remove(waiting);
    waiting.group?.waiting.delete(waiting);
    if (isRestless(card)) {
      queue.restless.delete(waiting);
      waiting.group?.restless.delete(waiting);
    }
    waiting.gone = true;
    if (card.avoid.length > 0) cls.avoiders--;
    if (card.deadlineVersion !== null) cls.deadlines--;
    queue.job.waiting--;
    if (queue.cards.size === 0) cls.queues.delete(queue.key);
  }

  /** The card stands anew; false: where it stood. Its queue's lanes are the caller's to mend. */
  restand(waiting: Waiting): boolean {
    const standing = this.#standing(waiting.card, waiting.queue.job, waiting.group);
    if (standing.rank === waiting.rank && standing.urgency === waiting.urgency) return false;
    waiting.queue.restand(waiting, standing, this.#forecast);
    return true;
  }

  /** All cards of a queue stand anew, or only such as an end may move; its lanes are the caller's to mend. */
  reorder(queue: Queue, all: boolean): void {
    const standing = ({ card, group }: Waiting): Standing => this.#standing(card, queue.job, group);
    const calm = !all && this.#order.calm;
    queue.reorder(calm ? queue.restless : queue.cards, standing, this.#forecast);
  }

  #standing(card: Card, job: Job, group: Group | null): Standing {
    const rank = this.#order.rank(card, job, siblingsOf(group));
    return { urgency: this.#order.urgency(card), rank };
  }

  /** An empty class is kept for its next card, up to the limit; true when it was dropped. */
  forget(cls: WaitingClass): boolean {
    if (cls.members.size > 0 || this.classes.size <= this.#options.idleClassLimit) return false;
    return this.classes.delete(cls.key);
  }
}
