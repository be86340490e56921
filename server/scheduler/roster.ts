/**
 * The workers as the scheduler knows them, and their kinds. A kind is all that is eligible for the
 * same cards; it owns the index of its slots and the line of who waits for them.
 */
import { LoadedAdapters } from "./adapters.ts";
import type { Attempt } from "./attempts.ts";
import type { WaitingClass } from "./buffer.ts";
import { Chain } from "./chain.ts";
import { type KindFacts, kindFacts, kindKey } from "./eligibility.ts";
import type { WorkerView } from "./events.ts";
import { Line } from "./line.ts";
import type { SchedulerOptions } from "./options.ts";
import { Peers } from "./peers.ts";
import { SlotIndex } from "./slot-index.ts";
import { Slot } from "./slots.ts";
import type { Waiting } from "./waiting.ts";

export class Worker {
  readonly id: string;
  readonly incarnation: string;
  view: WorkerView;
  kind: Kind;
  peers: Peers;
  readonly slots: Slot[] = [];
  readonly attempts = new Chain<Attempt>();
  /** LoRA adapters that its engine has room for and has loaded; null: it says of none. */
  adapters: LoadedAdapters | null = null;
  /** False once it has left. */
  listed = true;
  /** Counts changes of what it holds. */
  holdsLife = 0;
  /** A gate closes it until it is lifted. */
  gated = false;
  /** Clock time until which it gets nothing new after a lost attempt; 0 = not suspect. */
  suspectUntil = 0;
  /** Takes new attempts: says so itself, no gate, not suspect. */
  open = false;

  constructor(view: WorkerView, kind: Kind, peers: Peers) {
    this.id = view.id;
    this.incarnation = view.incarnation;
    this.view = view;
    this.kind = kind;
    this.peers = peers;
  }
}

export class Kind {
  readonly key: string;
  readonly facts: KindFacts;
  readonly workers = new Set<Worker>();
  readonly index: SlotIndex;
  readonly line = new Line();
  /** Classes that it may serve. */
  readonly classes = new Set<WaitingClass>();
  openWorkers = 0;
  /** Of its slots, the most that forecasts may fill, tokens. */
  largestUsable = 0;
  /** Room, and who was first in line, when nothing more fitted: neither being more, nothing will. */
  readonly #spent: { room: number; first: Waiting | null } = { room: -1, first: null };
  /** A slot of it is kept free for this one's sake. */
  claimed: Slot | null = null;
  /** By what is avoided, as long as nobody comes, goes or is of another size. */
  #largestFor = new WeakMap<readonly string[], number>();

  constructor(key: string, view: WorkerView, options: SchedulerOptions) {
    this.key = key;
    this.facts = kindFacts(view);
    this.index = new SlotIndex(options);
  }

  /** Of the slots that one who avoids these may have, the most that forecasts may fill, tokens: none may ask for more than all of it. */
  largestFor(avoid: readonly string[]): number {
    if (avoid.length === 0) return this.largestUsable;
    const known = this.#largestFor.get(avoid);
    if (known !== undefined) return known;
    let largest = 0;
    for (const worker of this.workers) {
      if (!avoid.includes(worker.incarnation)) largest = Math.max(largest, largestSlot(worker));
    }
    this.#largestFor.set(avoid, largest);
    return largest;
  }

  /** A worker of it has come, gone, or is of another size. */
  reshaped(): void {
    this.#largestFor = new WeakMap();
  }

  /** Nothing of its line fits any more. */
  spend(): void {
    this.#spent.room = this.index.room;
    this.#spent.first = this.line.first?.queue.head ?? null;
  }

  unspend(): void {
    this.#spent.room = -1;
  }

  /** One of its slots has another room: whether somebody may fit there who did not fit anywhere before. */
  get mayTake(): boolean {
    if (this.index.room > this.#spent.room) return true;
    return (this.line.first?.queue.head ?? null) !== this.#spent.first;
  }

  /** Largest context that it takes when empty, tokens. */
  get longestContext(): number {
    return Math.min(this.facts.maxModelLen, this.largestUsable);
  }
}

export interface RosterListener {
  kindAdded(kind: Kind): void;
  kindRemoved(kind: Kind): void;
  /** Its longest context, or whether any of its workers is open, is another. */
  kindChanged(kind: Kind): void;
}

export class Roster {
  readonly workers = new Map<string, Worker>();
  readonly kinds = new Map<string, Kind>();
  readonly #options: SchedulerOptions;
  readonly #listener: RosterListener;
  readonly #peersByName = new Map<string, Peers>();

  constructor(options: SchedulerOptions, listener: RosterListener) {
    this.#options = options;
    this.#listener = listener;
  }

  join(view: WorkerView): Worker {
    const worker = new Worker(view, this.#kind(view), this.#peers(view));
    this.workers.set(worker.id, worker);
    this.#shape(worker);
    this.#enter(worker);
    return worker;
  }

  /** Same incarnation, new view: it may hold other versions and be of another kind now. */
  update(worker: Worker, view: WorkerView): void {
    const before = worker.view;
    worker.view = view;
    this.#regroup(worker);
    if (JSON.stringify(before.holds) !== JSON.stringify(view.holds)) worker.holdsLife++;
    const kind = this.#kind(view);
    if (kind !== worker.kind) {
      this.#exit(worker);
      worker.kind = kind;
      this.#shape(worker);
      this.#enter(worker);
      return;
    }
    this.#shape(worker);
    for (const slot of worker.slots) if (slot.listed && slot.leaf < 0) kind.index.add(slot);
    this.#measure(kind);
    kind.reshaped();
    this.refresh(worker);
  }

  leave(worker: Worker): void {
    worker.listed = false;
    this.workers.delete(worker.id);
    for (const slot of worker.slots) {
      slot.cacheLife++;
      worker.peers.left(slot);
    }
    this.#exit(worker);
  }

  /** Call after any change to what `open` depends on. */
  refresh(worker: Worker): void {
    this.#setOpen(worker, worker.view.open && !worker.gated && worker.suspectUntil === 0);
    for (const slot of worker.slots) worker.kind.index.changed(slot);
  }

  #setOpen(worker: Worker, open: boolean): void {
    if (open === worker.open) return;
    worker.open = open;
    worker.kind.openWorkers += open ? 1 : -1;
    if (worker.kind.openWorkers === (open ? 1 : 0)) this.#listener.kindChanged(worker.kind);
  }

  #kind(view: WorkerView): Kind {
    const key = kindKey(view);
    let kind = this.kinds.get(key);
    if (kind === undefined) {
      kind = new Kind(key, view, this.#options);
      this.kinds.set(key, kind);
      this.#listener.kindAdded(kind);
    }
    return kind;
  }

  /** Slots that the view no longer lists stay for what runs there, and take nothing new. */
  #shape(worker: Worker): void {
    const { adapters = 0 } = worker.view.capabilities.weights;
    if (!(adapters >= 1)) worker.adapters = null;
    else if (worker.adapters?.limit !== adapters) worker.adapters = new LoadedAdapters(adapters);
    for (const slot of worker.slots) slot.listed = false;
    for (const shape of worker.view.slots) {
      let slot = worker.slots.find((known) => known.index === shape.index);
      if (slot === undefined) {
        slot = new Slot(worker, shape, this.#options);
        worker.peers.joined(slot);
        worker.slots.push(slot);
      }
      slot.reshape(shape, this.#options);
      slot.listed = true;
    }
  }

  /** In another pool it has other peers. */
  #regroup(worker: Worker): void {
    const peers = this.#peers(worker.view);
    if (peers === worker.peers) return;
    for (const slot of worker.slots) {
      worker.peers.left(slot);
      peers.joined(slot);
    }
    worker.peers = peers;
  }

  #peers({ engine, pool }: WorkerView): Peers {
    const name = `${engine} ${pool}`;
    let peers = this.#peersByName.get(name);
    if (peers === undefined) {
      peers = new Peers();
      this.#peersByName.set(name, peers);
    }
    return peers;
  }

  #enter(worker: Worker): void {
    const { kind } = worker;
    kind.workers.add(worker);
    kind.reshaped();
    for (const slot of worker.slots) if (slot.listed) kind.index.add(slot);
    this.#setLargest(kind, Math.max(kind.largestUsable, largestSlot(worker)));
    this.refresh(worker);
  }

  #exit(worker: Worker): void {
    const { kind } = worker;
    this.#setOpen(worker, false);
    for (const slot of worker.slots) kind.index.remove(slot);
    kind.workers.delete(worker);
    kind.reshaped();
    if (kind.workers.size > 0) {
      if (largestSlot(worker) === kind.largestUsable) this.#measure(kind);
      return;
    }
    this.kinds.delete(kind.key);
    this.#listener.kindRemoved(kind);
  }

  #measure(kind: Kind): void {
    let largest = 0;
    for (const worker of kind.workers) largest = Math.max(largest, largestSlot(worker));
    this.#setLargest(kind, largest);
  }

  #setLargest(kind: Kind, largest: number): void {
    if (largest === kind.largestUsable) return;
    kind.largestUsable = largest;
    this.#listener.kindChanged(kind);
  }
}

function largestSlot(worker: Worker): number {
  let largest = 0;
  for (const slot of worker.slots) if (slot.listed) largest = Math.max(largest, slot.usable);
  return largest;
}
