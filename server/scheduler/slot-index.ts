/**
 * Finds the cheapest slot of a kind without looking at all of them: a binary tree over the slots whose
 * nodes hold, of everything below, a row that bounds the cost of any ask from below (`cost-bound.ts`).
 * The search opens only what can still win by more than the tolerance; a full fleet is ruled out at
 * the root. O(log n) to update; rows only when next they are read, since most changes come in runs that
 * nobody searches between.
 */
import { type Ask, slotSeconds } from "./cost.ts";
import { type Aim, aim, boundSeconds, clearRow, mergeRows, ROW, writeRow } from "./cost-bound.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Slot } from "./slots.ts";

/** Levels of the largest tree: as many slots as an array can hold rows for. */
const DEEPEST = 32;

export interface Search {
  readonly ask: Ask;
  /** Tokens that must fit. */
  readonly tokens: number;
  /** Slots of these incarnations are out. */
  readonly avoid: readonly string[];
  /** Seconds; only a cheaper slot is of interest. */
  readonly below: number;
  /** Bits that break ties between equal subtrees. */
  readonly ties: number;
}

export interface Priced {
  readonly slot: Slot;
  readonly seconds: number;
}

export class SlotIndex {
  #leaves = 1;
  #slots: (Slot | null)[] = [null];
  /** Node i at i·ROW; the root is 1, children 2i and 2i+1, leaves from #leaves on. */
  #rows = new Float64Array(2 * ROW);
  /** Largest room per node, apart from the rows: in a full fleet most of the search reads nothing else. */
  #rooms = new Float64Array(2).fill(-1);
  readonly #free: number[] = [0];
  /** Leaves whose rows are behind, each once. */
  #stale: number[] = [];
  #isStale = new Uint8Array(1);
  readonly #options: SchedulerOptions;
  /** Open nodes of a search and their bounds: depth first, so at most one sibling per level waits. */
  readonly #stack = new Int32Array(DEEPEST + 2);
  readonly #bounds = new Float64Array(DEEPEST + 2);
  #top = 0;
  readonly #few: Int32Array;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    this.#few = new Int32Array(options.searchEach);
    clearRow(this.#rows, ROW);
  }

  /** Largest room of any slot; −1 when nothing may start anywhere. */
  get room(): number {
    return this.#rooms[1] as number;
  }

  add(slot: Slot): void {
    if (this.#free.length === 0) this.#grow();
    slot.leaf = this.#free.pop() as number;
    this.#slots[slot.leaf] = slot;
    this.changed(slot);
  }

  remove(slot: Slot): void {
    const { leaf } = slot;
    if (leaf < 0) return;
    slot.leaf = -1;
    this.#slots[leaf] = null;
    this.#free.push(leaf);
    this.#set(leaf, -1);
  }

  changed(slot: Slot): void {
    if (slot.leaf < 0) return;
    const room = slot.room(null);
    this.#set(slot.leaf, room > 0 ? room : -1);
  }

  /** A slot whose cost is within the tolerance of the least, or null when nothing below `below` has room. */
  cheapest(search: Search): Priced | null {
    const { ask, tokens, avoid, ties } = search;
    const { searchNodes, searchTolerance, kvBarrierSeconds } = this.#options;
    const few = this.#roomy(tokens);
    if (few >= 0) return this.#cheapestOf(few, search);
    const [stack, bounds] = [this.#stack, this.#bounds];
    this.#refresh();
    const target = aim(ask);
    let best: Slot | null = null;
    let least = search.below;
    this.#top = 0;
    this.#push(1, this.#bound(1, target, tokens), least);
    const most = searchNodes + Math.log2(this.#leaves);
    // The search goes on past its bound while it has nothing: what has room is found.
    for (let opened = 0; this.#top > 0; opened++) {
      if (opened >= most && least < Number.POSITIVE_INFINITY) break;
      const node = stack[--this.#top] as number;
      const bound = bounds[this.#top] as number;
      if (bound >= least * (1 - searchTolerance)) continue;
      if (node >= this.#leaves) {
        const slot = this.#slots[node - this.#leaves];
        if (!slot || (avoid.length > 0 && avoid.includes(slot.worker.incarnation))) continue;
        const seconds = slotSeconds(ask, slot, 0, kvBarrierSeconds);
        if (seconds >= least) continue;
        best = slot;
        least = seconds;
        continue;
      }
      const left = 2 * node;
      const first = this.#bound(left, target, tokens);
      const second = this.#bound(left + 1, target, tokens);
      const flip = first === second && ((ties >>> (opened & 31)) & 1) === 1;
      if (flip || first < second) {
        this.#push(left + 1, second, least);
        this.#push(left, first, least);
      } else {
        this.#push(left, first, least);
        this.#push(left + 1, second, least);
      }
    }
    return best === null ? null : { slot: best, seconds: least };
  }

  /** How many leaves have room, these being in `#few`; -1 where they are more than are looked at one by one. */
  #roomy(tokens: number): number {
    const [stack, few] = [this.#stack, this.#few];
    let count = 0;
    let top = 0;
    if (this.#room(1) >= tokens) stack[top++] = 1;
    while (top > 0) {
      const node = stack[--top] as number;
      if (node >= this.#leaves) {
        if (count === few.length) return -1;
        few[count++] = node - this.#leaves;
        continue;
      }
      const left = 2 * node;
      if (this.#room(left + 1) >= tokens) stack[top++] = left + 1;
      if (this.#room(left) >= tokens) stack[top++] = left;
    }
    return count;
  }

  /** Of the first `count` in `#few`. A full fleet needs no rows: what changes there is not worked in until there is room again. */
  #cheapestOf(count: number, { ask, avoid, below, ties }: Search): Priced | null {
    let best: Slot | null = null;
    let least = below;
    for (let at = 0; at < count; at++) {
      const slot = this.#slots[this.#few[((ties >>> 1) + at) % count] as number];
      if (!slot || (avoid.length > 0 && avoid.includes(slot.worker.incarnation))) continue;
      const seconds = slotSeconds(ask, slot, 0, this.#options.kvBarrierSeconds);
      if (seconds >= least) continue;
      best = slot;
      least = seconds;
    }
    return best === null ? null : { slot: best, seconds: least };
  }

  /** The slot with the most room among those that `accepts`, found near the top of the tree. */
  roomiest(accepts: (slot: Slot) => boolean): Slot | null {
    let node = 1;
    while (node < this.#leaves) {
      const left = 2 * node;
      node = this.#room(left) >= this.#room(left + 1) ? left : left + 1;
    }
    const slot = this.#slots[node - this.#leaves] ?? null;
    if (slot !== null && accepts(slot)) return slot;
    let best: Slot | null = null;
    for (const other of this.#slots) {
      if (other === null || !accepts(other)) continue;
      if (best === null || other.room(null) > best.room(null)) best = other;
    }
    return best;
  }

  #room(node: number): number {
    return this.#rooms[node] as number;
  }

  #bound(node: number, target: Aim, tokens: number): number {
    if (this.#room(node) < tokens) return Number.POSITIVE_INFINITY;
    return boundSeconds(target, this.#options.kvBarrierSeconds, this.#rows, node * ROW);
  }

  #push(node: number, bound: number, least: number): void {
    if (bound >= least) return;
    this.#stack[this.#top] = node;
    this.#bounds[this.#top++] = bound;
  }

  #set(leaf: number, room: number): void {
    if (this.#isStale[leaf] === 0) {
      this.#isStale[leaf] = 1;
      this.#stale.push(leaf);
    }
    let node = this.#leaves + leaf;
    let most = room;
    while (this.#rooms[node] !== most) {
      this.#rooms[node] = most;
      if (node === 1) return;
      most = Math.max(most, this.#room(node ^ 1));
      node >>= 1;
    }
  }

  /** Writes the rows that are behind. */
  #refresh(): void {
    for (const leaf of this.#stale) {
      this.#isStale[leaf] = 0;
      const node = this.#leaves + leaf;
      const slot = this.#slots[leaf];
      if (slot && this.#room(node) > 0) writeRow(slot, this.#rows, node * ROW);
      else clearRow(this.#rows, node * ROW);
      this.#lift(node);
    }
    this.#stale.length = 0;
  }

  #lift(leaf: number): void {
    for (let node = leaf >> 1; node >= 1; node >>= 1) {
      const left = 2 * node * ROW;
      if (!mergeRows(this.#rows, node * ROW, left, left + ROW)) return;
    }
  }

  #grow(): void {
    const slots = this.#slots;
    const leaves = 2 * this.#leaves;
    this.#leaves = leaves;
    this.#rows = new Float64Array(2 * leaves * ROW);
    this.#slots = [...slots, ...slots.map(() => null)];
    this.#rooms = new Float64Array(2 * leaves).fill(-1);
    this.#isStale = new Uint8Array(leaves);
    this.#stale = [];
    for (let node = 1; node < 2 * leaves; node++) clearRow(this.#rows, node * ROW);
    for (let leaf = leaves - 1; leaf >= slots.length; leaf--) this.#free.push(leaf);
    for (const slot of slots) if (slot !== null) this.changed(slot);
  }
}
