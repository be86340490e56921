/** A card that waits, and by what it is told who of two goes first. */
import type { Queue } from "./buffer.ts";
import type { Card, HeldReason } from "./card.ts";
import type { Link } from "./chain.ts";
import type { Group } from "./groups.ts";
import type { HeapItem } from "./heap.ts";
import type { Slot } from "./slots.ts";

const NO_CLAIMS: readonly Slot[] = [];

export class Waiting implements HeapItem, Link<Waiting>, Rank {
  heapIndex = -1;
  next: Waiting | null = null;
  previous: Waiting | null = null;
  readonly card: Card;
  /** Given with its place in one, before anybody else sees it. */
  queue!: Queue;
  readonly group: Group | null;
  /** What order reads, beside one another: a comparison touches nothing else. */
  urgency: number;
  rank: number;
  readonly acceptedAt: number;
  /** Order of arrival, for ties of `acceptedAt`. */
  readonly order: number;
  told: HeldReason | null = null;
  /** Grants that went past it while it was first in a line. */
  passed = 0;
  /** Slots that are kept free for it. */
  claims: readonly Slot[] = NO_CLAIMS;
  /** Where its session rests, or it was cut. */
  home: Slot | null = null;
  /** It was placed, or taken out. */
  gone = false;

  constructor(card: Card, group: Group | null, order: number, standing: Standing) {
    this.card = card;
    this.group = group;
    this.urgency = standing.urgency;
    this.rank = standing.rank;
    this.acceptedAt = card.acceptedAt;
    this.order = order;
  }

  stand({ urgency, rank }: Standing): void {
    this.urgency = urgency;
    this.rank = rank;
    this.home?.returning.reordered();
  }
}

/** As `order.ts` has it. Lower goes first. */
export interface Standing {
  readonly urgency: number;
  readonly rank: number;
}

/** What order reads of a card that waits. */
export interface Rank extends Standing {
  readonly acceptedAt: number;
  readonly order: number;
}

export function fifoBefore(a: Rank, b: Rank): boolean {
  return a.acceptedAt === b.acceptedAt ? a.order < b.order : a.acceptedAt < b.acceptedAt;
}

export function waitingBefore(a: Rank, b: Rank): boolean {
  if (a.urgency !== b.urgency) return a.urgency < b.urgency;
  return a.rank === b.rank ? fifoBefore(a, b) : a.rank < b.rank;
}
