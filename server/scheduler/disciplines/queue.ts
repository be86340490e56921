/**
 * Cards that wait, in one line for each sort of card that the same workers serve: only the first of a line is tried, so
 * that a hundred thousand behind it cost nothing.
 */
import { type Card, leastTokens } from "../card.ts";
import { classKey } from "../eligibility.ts";
import { type HeapItem, IndexedHeap } from "../heap.ts";

export interface Waiting extends HeapItem {
  readonly card: Card;
  readonly order: number;
  told: string | null;
}

/** Priority, then resumed before new, then arrival. */
function before(a: Waiting, b: Waiting): boolean {
  const [first, second] = [urgency(a.card), urgency(b.card)];
  if (first !== second) return first < second;
  if (a.card.acceptedAt !== b.card.acceptedAt) return a.card.acceptedAt < b.card.acceptedAt;
  return a.order < b.order;
}

const urgency = ({ priority, attempt }: Card): number => 2 * priority - (attempt > 1 ? 1 : 0);

export class Queue {
  readonly byKey = new Map<string, Waiting>();
  readonly #lines = new Map<string, IndexedHeap<Waiting>>();
  readonly #rank: ((card: Card) => number) | null;
  #orders = 0;

  /** `rank` may change while cards wait, so each look reads it of all. */
  constructor(rank: ((card: Card) => number) | null) {
    this.#rank = rank;
  }

  get size(): number {
    return this.byKey.size;
  }

  add(card: Card): Waiting {
    const waiting: Waiting = { card, order: this.#orders++, told: null, heapIndex: -1 };
    this.byKey.set(card.key, waiting);
    const key = lineKey(card);
    const line = this.#lines.get(key) ?? new IndexedHeap<Waiting>(before);
    this.#lines.set(key, line);
    line.push(waiting);
    return waiting;
  }

  remove(waiting: Waiting): void {
    this.byKey.delete(waiting.card.key);
    const key = lineKey(waiting.card);
    const line = this.#lines.get(key);
    line?.remove(waiting);
    if (line?.size === 0) this.#lines.delete(key);
  }

  /** The first of all lines; of a line that `most` names only who needs no more tokens than that, of 0 nobody. */
  first(
    most: ReadonlyMap<string, number>,
  ): { readonly line: string; readonly waiting: Waiting } | null {
    let best: { line: string; waiting: Waiting } | null = null;
    for (const [key, line] of this.#lines) {
      const tokens = most.get(key) ?? Number.POSITIVE_INFINITY;
      if (tokens === 0) continue;
      const waiting = this.#head(line, tokens);
      if (waiting === null) continue;
      if (best === null || this.#before(waiting, best.waiting)) best = { line: key, waiting };
    }
    return best;
  }

  #head(line: IndexedHeap<Waiting>, most: number): Waiting | null {
    return this.#rank === null ? earliest(line, most) : this.#least(line, this.#rank, most);
  }

  #least(line: IndexedHeap<Waiting>, rankOf: (card: Card) => number, most: number): Waiting | null {
    let best: Waiting | null = null;
    let least = Number.POSITIVE_INFINITY;
    for (const waiting of line.items) {
      if (leastTokens(waiting.card) > most) continue;
      const rank = rankOf(waiting.card);
      if (rank > least || (rank === least && best !== null && before(best, waiting))) continue;
      [best, least] = [waiting, rank];
    }
    return best;
  }

  #before(a: Waiting, b: Waiting): boolean {
    const [first, second] = [this.#rank?.(a.card) ?? 0, this.#rank?.(b.card) ?? 0];
    return first === second ? before(a, b) : first < second;
  }
}

function earliest(line: IndexedHeap<Waiting>, most: number): Waiting | null {
  let best: Waiting | null = null;
  line.descend((waiting) => {
    if (best !== null && !before(waiting, best)) return false;
    if (leastTokens(waiting.card) > most) return true;
    best = waiting;
    return false;
  });
  return best;
}

/** Jobs apart, since one may have all that it may have; sizes apart by octaves, since a large context fits fewer workers. */
const lineKey = (card: Card): string => {
  const octave = Math.floor(Math.log2(Math.max(1, leastTokens(card))));
  return `${card.job} ${octave} ${classKey(card)} ${card.avoid.join(" ")}`;
};
