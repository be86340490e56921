/**
 * A list through its items: O(1) to join and to leave, in order of joining. Unlike a `Set` it hashes
 * no objects, which at 100,000 of them costs a cache miss or two each time, and 40 bytes.
 */
export interface Link<T> {
  /** Owned by the chain. Kept by who has left, so that a walk that stands there finds the way on. */
  next: T | null;
  previous: T | null;
}

export class Chain<T extends Link<T>> {
  #first: T | null = null;
  #last: T | null = null;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** An item is in one chain at most, and in none again once it has left. */
  push(item: T): void {
    item.previous = this.#last;
    if (this.#last === null) this.#first = item;
    else this.#last.next = item;
    this.#last = item;
    this.#size++;
  }

  remove(item: T): void {
    const { next, previous } = item;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    this.#size--;
  }

  /** Items may join and leave meanwhile; one that leaves while the walk stands before it may still be visited. */
  *[Symbol.iterator](): Generator<T, undefined> {
    for (let item = this.#first; item !== null; item = item.next) yield item;
  }
}
