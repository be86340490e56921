/**
 * LoRA adapters that engines have loaded, as far as grants tell: an engine has room for a few at once (`weights.adapters` of its
 * capabilities), the least recently used goes first, never one in use. A load is paid by whoever comes, and where it puts
 * another out by who asks for that one next, too; where all are in use nobody comes who needs another.
 */
import type { Attempt } from "./attempts.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Slot } from "./slots.ts";

export type Adapter = { readonly policy: string; readonly version: number };

/** Other content bears another name. */
const nameOf = ({ policy, version }: Adapter): string => `${policy}@${version}`;

export class Adapters {
  /** Slots by the adapter that they hold. */
  readonly #holders = new Map<string, Set<Slot>>();
  /** Slots with room for another. */
  readonly #idle = new Set<Slot>();
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  granted({ slot, held }: Attempt): void {
    if (slot.adapters === null || held.base === undefined) return;
    const name = nameOf(held);
    for (const gone of slot.adapters.use(name)) this.#forget(gone, slot);
    const holders = this.#holders.get(name);
    if (holders === undefined) this.#holders.set(name, new Set([slot]));
    else holders.add(slot);
    this.#note(slot);
  }

  ended({ slot, held }: Attempt): void {
    if (slot.adapters === null || held.base === undefined) return;
    for (const gone of slot.adapters.release(nameOf(held))) this.#forget(gone, slot);
    this.#note(slot);
  }

  /** The slot is new, or says otherwise of its room. */
  seen(slot: Slot): void {
    this.#note(slot);
  }

  /** The slot's engine is gone. */
  left(slot: Slot): void {
    for (const name of slot.adapters?.names ?? []) this.#forget(name, slot);
    this.#idle.delete(slot);
  }

  /** Slots worth a look for who needs it: those that hold it, and some that have room. */
  *candidates(held: Adapter): Iterable<Slot> {
    yield* some(this.#holders.get(nameOf(held)) ?? [], this.#options.adapterHolders);
    yield* some(this.#idle, this.#options.adapterHolders);
  }

  /** What loading it there takes, seconds; Infinity while there is no room for it. */
  seconds(held: Adapter, slot: Slot): number {
    const { adapters } = slot;
    if (adapters === null || adapters.has(nameOf(held))) return 0;
    const { adapterLoadSeconds } = this.#options;
    if (!adapters.full) return adapterLoadSeconds;
    if (adapters.idle) return 2 * adapterLoadSeconds;
    return Number.POSITIVE_INFINITY;
  }

  #note(slot: Slot): void {
    if (slot.adapters?.idle === true && slot.leaf >= 0) this.#idle.add(slot);
    else this.#idle.delete(slot);
  }

  #forget(name: string, slot: Slot): void {
    const holders = this.#holders.get(name);
    holders?.delete(slot);
    if (holders?.size === 0) this.#holders.delete(name);
  }
}

/** Those of one slot. */
export class LoadedAdapters {
  readonly limit: number;
  /** Attempts that use each; insertion order is order of use. */
  readonly #users = new Map<string, number>();
  #unused = 0;

  constructor(limit: number) {
    this.limit = limit;
  }

  get names(): readonly string[] {
    return [...this.#users.keys()];
  }

  get full(): boolean {
    return this.#users.size >= this.limit;
  }

  /** Whether another can be loaded now. */
  get idle(): boolean {
    return this.#users.size - this.#unused < this.limit;
  }

  has(name: string): boolean {
    return this.#users.has(name);
  }

  /** Names of such as it put out. */
  use(name: string): string[] {
    const users = this.#users.get(name);
    if (users === 0) this.#unused--;
    this.#users.delete(name);
    this.#users.set(name, (users ?? 0) + 1);
    return this.#evict();
  }

  release(name: string): string[] {
    const users = this.#users.get(name) ?? 0;
    if (users === 1) this.#unused++;
    if (users > 0) this.#users.set(name, users - 1);
    return this.#evict();
  }

  /** More than fit are only such as wait for one in use to end. */
  #evict(): string[] {
    const gone: string[] = [];
    for (const [name, users] of this.#users) {
      if (this.#users.size <= this.limit) break;
      if (users > 0) continue;
      this.#users.delete(name);
      this.#unused--;
      gone.push(name);
    }
    return gone;
  }
}

function* some<T>(items: Iterable<T>, most: number): Iterable<T> {
  let left = most;
  for (const item of items) {
    if (left-- <= 0) return;
    yield item;
  }
}
