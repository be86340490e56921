/**
 * Who is next for one kind of worker: priority, then resumed before new, then the job with the least
 * service per weight, then FIFO. A job stands in the line once, with a lane for each of its queues, so
 * that a charge moves one entry however many queues it has.
 */
import type { Queue } from "./buffer.ts";
import type { Account } from "./fairness.ts";
import { type HeapItem, IndexedHeap } from "./heap.ts";
import type { Kind } from "./roster.ts";
import { fifoBefore, waitingBefore } from "./waiting.ts";

/** What a kind has for whoever is next. */
export interface Opening {
  /** Largest room of any slot, tokens. */
  readonly room: number;
  readonly kind: Pick<Kind, "largestFor" | "longestContext">;
  /** Whether what does not fit may be passed over. */
  readonly backfill: boolean;
}

/** A queue's place in one line. */
export class Lane implements HeapItem {
  heapIndex = -1;
  readonly queue: Queue;
  readonly account: Account;
  /** The search that found it without a place; only a later one looks at it again. */
  skippedIn = 0;

  constructor(queue: Queue, account: Account) {
    this.queue = queue;
    this.account = account;
  }
}

/** A job's place in one line. */
export class Stand implements HeapItem {
  heapIndex = -1;
  readonly line: Line;
  readonly account: Account;
  readonly lanes = new IndexedHeap<Lane>((a, b) => waitingBefore(a.queue, b.queue));
  /** First of its lanes. */
  first: Lane;

  constructor(line: Line, first: Lane) {
    this.line = line;
    this.account = first.account;
    this.first = first;
    this.lanes.push(first);
  }
}

function before(a: Lane, b: Lane): boolean {
  const { queue: first, account } = a;
  const { queue: second, account: other } = b;
  if (first.urgency !== second.urgency) return first.urgency < second.urgency;
  const [served, servedOther] = [account.virtual, other.virtual];
  return served === servedOther ? fifoBefore(first, second) : served < servedOther;
}

const fits = ({ queue }: Lane, { room, kind }: Opening): boolean =>
  queue.tokens <= room || kind.largestFor(queue.avoid) <= room;

export class Line {
  readonly #stands = new Map<Account, Stand>();
  readonly #order = new IndexedHeap<Stand>((a, b) => before(a.first, b.first));
  #lastServed = 0;

  get first(): Lane | null {
    return this.#order.peek()?.first ?? null;
  }

  /**
   * The first lane whose head may go there and was not skipped in this search, if it fits; with
   * backfill the first that fits. Looks at `depth` lanes at most; the first of all is among them.
   */
  next(opening: Opening, depth: number, search: number): Lane | null {
    let best: Lane | null = null;
    let left = depth;
    const visitLane = (lane: Lane): boolean => {
      if (left-- <= 0 || (best !== null && !before(lane, best))) return false;
      if (lane.skippedIn === search) return true;
      if (lane.queue.leastTokens > opening.kind.longestContext) return true;
      if (opening.backfill && !fits(lane, opening)) return true;
      best = lane;
      return false;
    };
    this.#order.descend((stand) => {
      if (left <= 0 || (best !== null && !before(stand.first, best))) return false;
      stand.lanes.descend(visitLane);
      return true;
    });
    return best !== null && fits(best, opening) ? best : null;
  }

  add(lane: Lane): void {
    const stand = this.#stands.get(lane.account);
    if (stand !== undefined) {
      stand.lanes.push(lane);
      this.#reordered(stand);
      return;
    }
    const fresh = new Stand(this, lane);
    this.#stands.set(lane.account, fresh);
    lane.account.stands.add(fresh);
    this.filled(fresh);
  }

  /** Also for a lane whose queue is empty by now: nothing of it is compared. */
  remove(lane: Lane): void {
    const stand = this.#stands.get(lane.account);
    if (stand === undefined) return;
    stand.lanes.remove(lane);
    if (stand.lanes.size > 0) {
      this.#reordered(stand);
      return;
    }
    if (stand.heapIndex >= 0) this.#order.remove(stand);
    this.#stands.delete(lane.account);
    lane.account.stands.delete(stand);
  }

  /** The head of the lane's queue is another. */
  reordered(lane: Lane): void {
    const stand = this.#stands.get(lane.account);
    if (stand === undefined) return;
    stand.lanes.moved(lane);
    this.#reordered(stand);
  }

  /** Its account was charged. */
  moved(stand: Stand): void {
    if (stand.heapIndex >= 0) this.#order.moved(stand);
  }

  /** Its job may have become full, or be so no more: only what is in order can be next. */
  filled(stand: Stand): void {
    const listed = stand.heapIndex >= 0;
    if (stand.account.job.full === !listed) return;
    if (listed) this.#order.remove(stand);
    else this.#order.push(stand);
  }

  served(account: Account): void {
    this.#lastServed = account.virtual;
  }

  /** Where an idle job starts: with the least served of those that wait here, else where the last grant was. */
  level(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const account of this.#stands.keys()) {
      if (!account.job.full) least = Math.min(least, account.virtual);
    }
    return least === Number.POSITIVE_INFINITY ? this.#lastServed : least;
  }

  #reordered(stand: Stand): void {
    stand.first = stand.lanes.peek() as Lane;
    this.moved(stand);
  }
}
