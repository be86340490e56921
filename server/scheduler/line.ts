/**
 * Who is next for one kind of worker: priority, then resumed before new, then the job with the least
 * service per weight, then FIFO. A job stands in the line once, with a lane for each of its queues, so
 * that a charge moves one entry however many queues it has.
 */
import { fifoBefore, type Queue, urgencyBefore, waitingBefore } from "./buffer.ts";
import type { Account } from "./fairness.ts";
import { type HeapItem, IndexedHeap } from "./heap.ts";

/** A queue's place in one line. */
export class Lane implements HeapItem {
  heapIndex = -1;
  readonly queue: Queue;
  readonly account: Account;

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
  readonly lanes = new IndexedHeap<Lane>((a, b) => waitingBefore(a.queue.head, b.queue.head));

  constructor(line: Line, account: Account) {
    this.line = line;
    this.account = account;
  }

  get first(): Lane {
    return this.lanes.peek() as Lane;
  }
}

function standBefore(a: Stand, b: Stand): boolean {
  const [headA, headB] = [a.first.queue.head, b.first.queue.head];
  const urgency = urgencyBefore(headA.card, headB.card);
  if (urgency !== 0) return urgency < 0;
  const [servedA, servedB] = [a.account.virtual, b.account.virtual];
  return servedA === servedB ? fifoBefore(headA, headB) : servedA < servedB;
}

export class Line {
  readonly #stands = new Map<Account, Stand>();
  readonly #order = new IndexedHeap<Stand>(standBefore);
  #lastServed = 0;

  get first(): Lane | null {
    return this.#order.peek()?.first ?? null;
  }

  add(lane: Lane): void {
    let stand = this.#stands.get(lane.account);
    if (stand === undefined) {
      stand = new Stand(this, lane.account);
      stand.lanes.push(lane);
      this.#stands.set(lane.account, stand);
      lane.account.stands.add(stand);
      this.#order.push(stand);
      return;
    }
    stand.lanes.push(lane);
    this.#order.moved(stand);
  }

  /** Also for a lane whose queue is empty by now: nothing of it is compared. */
  remove(lane: Lane): void {
    const stand = this.#stands.get(lane.account);
    if (stand === undefined || lane.heapIndex < 0) return;
    stand.lanes.remove(lane);
    if (stand.lanes.size > 0) {
      this.#order.moved(stand);
      return;
    }
    this.#order.remove(stand);
    this.#stands.delete(lane.account);
    lane.account.stands.delete(stand);
  }

  /** The head of the lane's queue is another. */
  reordered(lane: Lane): void {
    const stand = this.#stands.get(lane.account);
    if (stand === undefined || lane.heapIndex < 0) return;
    stand.lanes.moved(lane);
    this.#order.moved(stand);
  }

  moved(stand: Stand): void {
    this.#order.moved(stand);
  }

  served(account: Account): void {
    this.#lastServed = account.virtual;
  }

  /** Where an idle job starts: with the least served of those that wait here, else where the last grant was. */
  level(): number {
    let least = Number.POSITIVE_INFINITY;
    for (const account of this.#stands.keys()) least = Math.min(least, account.virtual);
    return least === Number.POSITIVE_INFINITY ? this.#lastServed : least;
  }
}
