/**
 * Classes of cards × kinds of worker: who is eligible for what, kept up to date as either changes, and
 * the lanes that follow from it. Also why a card waits, and whether it must be refused.
 */
import type { Buffer, Queue, WaitingClass } from "./buffer.ts";
import { type Card, type HeldReason, leastTokens } from "./card.ts";
import {
  canHonour,
  inPool,
  lacksVersionOnly,
  rightEngine,
  unsupported,
  versionFor,
} from "./eligibility.ts";
import type { SchedulerCommand } from "./events.ts";
import { Lane } from "./line.ts";
import type { Kind, RosterListener } from "./roster.ts";
import type { Waiting } from "./waiting.ts";

export type Refusal = Extract<SchedulerCommand, { type: "refuse" }>;

export class Matching implements RosterListener {
  /** Kinds that have someone new to serve. */
  readonly touched = new Set<Kind>();
  readonly #buffer: Buffer;
  readonly #kinds = new Set<Kind>();
  readonly #committed = new Map<string, number>();
  /** Classes whose reason to wait may be another. */
  readonly #stale = new Set<WaitingClass>();
  /** Cards that held out for workers must be looked at again. */
  #grown = false;

  constructor(buffer: Buffer) {
    this.#buffer = buffer;
  }

  kindAdded(kind: Kind): void {
    this.#kinds.add(kind);
    for (const cls of this.#buffer.classes.values()) this.#match(cls, kind);
  }

  kindRemoved(kind: Kind): void {
    this.#kinds.delete(kind);
    for (const cls of [...kind.classes]) this.#unmatch(cls, kind);
    for (const cls of this.#buffer.classes.values()) this.#stale.add(cls);
  }

  kindChanged(kind: Kind): void {
    this.#grown = true;
    for (const cls of this.#buffer.classes.values()) {
      if (inPool(cls.sample, kind.facts)) this.#stale.add(cls);
    }
    const limits = [...this.#kinds].map(({ longestContext }) => longestContext);
    for (const queue of this.#buffer.part(kind.longestContext, limits)) this.#mend(queue);
  }

  readonly classAdded = (cls: WaitingClass): void => {
    for (const kind of this.#kinds) this.#match(cls, kind);
    this.#sum(cls);
    this.#stale.delete(cls);
  };

  classDropped(cls: WaitingClass): void {
    for (const kind of cls.kinds.keys()) kind.classes.delete(cls);
    this.#stale.delete(cls);
  }

  /** Versions never go back: an older one than is known changes nothing. */
  committed(policy: string, version: number): void {
    if (!(version > (this.#committed.get(policy) ?? -1))) return;
    this.#committed.set(policy, version);
    for (const cls of this.#buffer.classes.values()) {
      if (cls.sample.policy === policy) for (const kind of this.#kinds) this.#match(cls, kind);
    }
  }

  /** The card has joined its queue. */
  joined(waiting: Waiting): void {
    const { queue } = waiting;
    if (queue.cards.size === 1) {
      for (const kind of queue.class.kinds.keys()) this.#addLane(queue, kind);
    } else if (queue.head === waiting) {
      for (const [kind, lane] of queue.lanes) {
        kind.line.reordered(lane);
        this.touched.add(kind);
      }
    }
  }

  /** A card has left the queue; `wasHead` when it was first. */
  left(queue: Queue, wasHead: boolean): void {
    if (!wasHead) return;
    if (queue.cards.size > 0) {
      for (const [kind, lane] of queue.lanes) kind.line.reordered(lane);
      return;
    }
    for (const [kind, lane] of queue.lanes) kind.line.remove(lane);
    queue.lanes.clear();
    if (this.#buffer.forget(queue.class)) this.classDropped(queue.class);
  }

  reason(waiting: Waiting): HeldReason {
    const { card, queue } = waiting;
    const cls = queue.class;
    if (cls.reason !== "queue") return cls.reason;
    if (queue.lanes.size === 0) return "no_eligible_worker";
    return card.avoid.length > 0 && !hasOpen(cls, card.avoid) ? "no_eligible_worker" : "queue";
  }

  /**
   * Why the card can never run on the workers of its pool, or null. Only for a first attempt: what has
   * started is waited for, since the worker that fits it may be on its way back.
   */
  refusal(card: Card, cls: WaitingClass): Refusal | null {
    if (card.attempt > 1 || cls.poolKinds === 0) return null;
    const refuse = (code: Refusal["code"], message: string, path: string | null): Refusal => {
      return { type: "refuse", key: card.key, code, message, path };
    };
    if (cls.capableKinds === 0) {
      const facts = [...this.#kinds].map((kind) => kind.facts);
      const { message, path } = unsupported(card, facts);
      return refuse("unsupported", message, path);
    }
    if (leastTokens(card) <= cls.longestContext) return null;
    const context = card.promptTokens + card.outputTokens;
    return refuse(
      "prompt_too_long",
      `${context} tokens; the largest worker takes ${cls.longestContext - 1} and one to sample`,
      "prompt_token_ids",
    );
  }

  /** Whether `settle` has something to do. */
  get unsettled(): boolean {
    return this.#stale.size > 0;
  }

  /** Brings reasons up to date; `changed` hears of classes whose cards must be told, `hopeless` of cards to refuse. */
  settle(
    changed: (cls: WaitingClass) => void,
    hopeless: (waiting: Waiting, refusal: Refusal) => void,
  ): void {
    const grown = this.#grown;
    this.#grown = false;
    const stale = [...this.#stale];
    this.#stale.clear();
    for (const cls of stale) {
      const before = cls.reason;
      this.#sum(cls);
      if (grown) this.#sweep(cls, hopeless);
      if (cls.members.size === 0) continue;
      if (cls.reason !== before || cls.avoiders > 0) changed(cls);
    }
  }

  #match(cls: WaitingClass, kind: Kind): void {
    const card = cls.sample;
    const { facts } = kind;
    const able = inPool(card, facts) && rightEngine(card, facts) && canHonour(card, facts);
    const committed = this.#committed.get(card.policy);
    const version = able && committed !== undefined ? versionFor(card, facts, committed) : null;
    this.#stale.add(cls);
    if (version === null) {
      this.#unmatch(cls, kind);
      return;
    }
    const known = cls.kinds.has(kind);
    cls.kinds.set(kind, version);
    if (known) return;
    kind.classes.add(cls);
    for (const queue of cls.queues.values()) this.#addLane(queue, kind);
  }

  #unmatch(cls: WaitingClass, kind: Kind): void {
    if (!cls.kinds.delete(kind)) return;
    kind.classes.delete(cls);
    this.#stale.add(cls);
    for (const queue of cls.queues.values()) {
      const lane = queue.lanes.get(kind);
      if (lane === undefined) continue;
      kind.line.remove(lane);
      queue.lanes.delete(kind);
    }
  }

  /** Other cards are in it, or none. */
  #mend(queue: Queue): void {
    if (queue.cards.size === 0) {
      this.left(queue, true);
      return;
    }
    for (const kind of queue.class.kinds.keys()) {
      const lane = queue.lanes.get(kind);
      if (lane === undefined) this.#addLane(queue, kind);
      else kind.line.reordered(lane);
      this.touched.add(kind);
    }
  }

  #addLane(queue: Queue, kind: Kind): void {
    if (queue.leastContext > kind.facts.contextCeiling) return;
    const account = queue.job.account(kind.facts.pool);
    const lane = new Lane(queue, account);
    account.level(kind.line.level());
    kind.line.add(lane);
    queue.lanes.set(kind, lane);
    this.touched.add(kind);
  }

  #sum(cls: WaitingClass): void {
    const card = cls.sample;
    let lacking = false;
    cls.poolKinds = 0;
    cls.capableKinds = 0;
    cls.longestContext = 0;
    for (const kind of this.#kinds) {
      if (!inPool(card, kind.facts)) continue;
      cls.poolKinds++;
      if (!canHonour(card, kind.facts)) continue;
      cls.capableKinds++;
      cls.longestContext = Math.max(cls.longestContext, kind.longestContext);
      if (rightEngine(card, kind.facts) && lacksVersionOnly(card, kind.facts)) lacking = true;
    }
    if (hasOpen(cls, [])) cls.reason = "queue";
    else if (cls.kinds.size > 0) cls.reason = "no_eligible_worker";
    else cls.reason = lacking ? "version_unavailable" : "no_eligible_worker";
  }

  #sweep(cls: WaitingClass, hopeless: (waiting: Waiting, refusal: Refusal) => void): void {
    for (const queue of [...cls.queues.values()]) {
      if (cls.capableKinds > 0 && 2 * queue.leastContext < cls.longestContext) continue;
      for (const waiting of [...queue.cards]) {
        const refusal = this.refusal(waiting.card, cls);
        if (refusal !== null) hopeless(waiting, refusal);
      }
    }
  }
}

function hasOpen(cls: WaitingClass, avoid: readonly string[]): boolean {
  for (const { openWorkers, workers } of cls.kinds.keys()) {
    if (openWorkers === 0) continue;
    if (avoid.length === 0) return true;
    for (const worker of workers) {
      if (worker.open && !avoid.includes(worker.incarnation)) return true;
    }
  }
  return false;
}
