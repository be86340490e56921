/** A binary heap whose items know their place, so that one can be moved or taken out in O(log n). */
export interface HeapItem {
  /** Owned by the heap; below 0 outside of one. An item is in at most one heap. */
  heapIndex: number;
}

export class IndexedHeap<T extends HeapItem> {
  readonly #items: T[] = [];
  readonly #before: (a: T, b: T) => boolean;

  /** `before` must be a strict order; call `moved` after a change to what it reads. */
  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  /** In heap order, not sorted. */
  get items(): readonly T[] {
    return this.#items;
  }

  peek(): T | null {
    return this.#items[0] ?? null;
  }

  /**
   * Visits items from the top down, parents before children. `visit` answers whether what is below the
   * item may still matter.
   */
  descend(visit: (item: T) => boolean): void {
    this.#descend(0, visit);
  }

  push(item: T): void {
    item.heapIndex = this.#items.length;
    this.#items.push(item);
    this.#up(item);
  }

  clear(): void {
    this.#items.length = 0;
  }

  remove(item: T): void {
    const at = item.heapIndex;
    const last = this.#items.pop();
    item.heapIndex = -1;
    if (last === undefined || last === item) return;
    this.#put(last, at);
    this.moved(last);
  }

  moved(item: T): void {
    this.#up(item);
    this.#down(item);
  }

  #descend(at: number, visit: (item: T) => boolean): void {
    const item = this.#items[at];
    if (item === undefined || !visit(item)) return;
    this.#descend(2 * at + 1, visit);
    this.#descend(2 * at + 2, visit);
  }

  #put(item: T, at: number): void {
    this.#items[at] = item;
    item.heapIndex = at;
  }

  #up(item: T): void {
    let at = item.heapIndex;
    while (at > 0) {
      const parentAt = (at - 1) >> 1;
      const parent = this.#items[parentAt] as T;
      if (!this.#before(item, parent)) break;
      this.#put(parent, at);
      at = parentAt;
    }
    this.#put(item, at);
  }

  #down(item: T): void {
    let at = item.heapIndex;
    for (;;) {
      let childAt = 2 * at + 1;
      if (childAt >= this.#items.length) break;
      let child = this.#items[childAt] as T;
      const right = this.#items[childAt + 1];
      if (right !== undefined && this.#before(right, child)) {
        child = right;
        childAt++;
      }
      if (!this.#before(child, item)) break;
      this.#put(child, at);
      at = childAt;
    }
    this.#put(item, at);
  }
}
