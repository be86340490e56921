/**
 * LoRA adapters that engines have loaded: an engine has room for a few at once (`weights.adapters` of its capabilities), the
 * least recently used goes first, never one in use. What is loaded a view may tell (`WorkerView.loaded`), and grants do. A load
 * is paid by whoever comes, and where it puts another out by who asks for that one next, too; where all are in use nobody comes
 * who needs another.
 */
import type { Attempt } from "./attempts.ts";
import type { SchedulerOptions } from "./options.ts";
import type { Worker } from "./roster.ts";
import type { Slot } from "./slots.ts";

export type Adapter = { readonly policy: string; readonly version: number };

/** Other content bears another name. */
export const nameOf = ({ policy, version }: Adapter): string => `${policy}@${version}`;

export class Adapters {
  /** Workers by the adapter that they hold. */
  readonly #holders = new Map<string, Set<Worker>>();
  /** Workers with room for another. */
  readonly #idle = new Set<Worker>();
  readonly #options: SchedulerOptions;

  constructor(options: SchedulerOptions) {
    this.#options = options;
  }

  granted({ slot: { worker }, held }: Attempt): void {
    if (worker.adapters === null || held.base === undefined) return;
    const name = nameOf(held);
    for (const gone of worker.adapters.use(name)) this.#forget(gone, worker);
    this.#hold(name, worker);
    this.#note(worker);
  }

  ended({ slot: { worker }, held }: Attempt): void {
    if (worker.adapters === null || held.base === undefined) return;
    for (const gone of worker.adapters.release(nameOf(held))) this.#forget(gone, worker);
    this.#note(worker);
  }

  /** The worker is new, or says otherwise of its room or of what is loaded. */
  seen(worker: Worker): void {
    const { loaded } = worker.view;
    if (worker.adapters !== null && loaded !== undefined) {
      const { gone, come } = worker.adapters.told(loaded.map(nameOf));
      for (const name of gone) this.#forget(name, worker);
      for (const name of come) this.#hold(name, worker);
    }
    this.#note(worker);
  }

  /** The worker's engine is gone. */
  left(worker: Worker): void {
    for (const name of worker.adapters?.names ?? []) this.#forget(name, worker);
    this.#idle.delete(worker);
  }

  /** Slots worth a look for who needs it: of workers that hold it, and of some that have room. */
  *candidates(held: Adapter): Iterable<Slot> {
    const { adapterHolders } = this.#options;
    for (const { slots } of some(this.#holders.get(nameOf(held)) ?? [], adapterHolders))
      yield* slots;
    for (const { slots } of some(this.#idle, adapterHolders)) yield* slots;
  }

  /** What loading it there takes, seconds; Infinity while there is no room for it. */
  seconds(held: Adapter, { adapters }: Worker): number {
    if (adapters === null || adapters.has(nameOf(held))) return 0;
    const { adapterLoadSeconds } = this.#options;
    if (!adapters.full) return adapterLoadSeconds;
    if (adapters.idle) return 2 * adapterLoadSeconds;
    return Number.POSITIVE_INFINITY;
  }

  #note(worker: Worker): void {
    if (worker.adapters?.idle === true && worker.listed) this.#idle.add(worker);
    else this.#idle.delete(worker);
  }

  #hold(name: string, worker: Worker): void {
    const holders = this.#holders.get(name);
    if (holders === undefined) this.#holders.set(name, new Set([worker]));
    else holders.add(worker);
  }

  #forget(name: string, worker: Worker): void {
    const holders = this.#holders.get(name);
    holders?.delete(worker);
    if (holders?.size === 0) this.#holders.delete(name);
  }
}

/** Those of one worker, whichever of its slots uses them. */
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

  /** The engine's own word: what nobody uses and it has not is gone, what it has besides was used longest ago. */
  told(loaded: readonly string[]): { readonly gone: string[]; readonly come: string[] } {
    const gone: string[] = [];
    for (const [name, users] of this.#users) {
      if (users > 0 || loaded.includes(name)) continue;
      this.#users.delete(name);
      this.#unused--;
      gone.push(name);
    }
    const room = Math.max(0, this.limit - this.#users.size);
    const come = loaded.filter((name) => !this.#users.has(name)).slice(0, room);
    const known = [...this.#users];
    this.#users.clear();
    for (const name of come) this.#users.set(name, 0);
    for (const [name, users] of known) this.#users.set(name, users);
    this.#unused += come.length;
    return { gone, come };
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
