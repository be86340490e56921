/** Virtual time: what is to happen, by time and then by when it was asked for, so that a run repeats exactly. */
import { type HeapItem, IndexedHeap } from "../scheduler/heap.ts";

/** One thing that may be due; asking again moves it. */
export class Appointment implements HeapItem {
  readonly fire: () => void;
  at = 0;
  order = 0;
  heapIndex = -1;

  constructor(fire: () => void) {
    this.fire = fire;
  }
}

export class Agenda {
  readonly #heap = new IndexedHeap<Appointment>(
    (a, b) => a.at < b.at || (a.at === b.at && a.order < b.order),
  );
  #now = 0;
  #order = 0;

  /** Seconds. */
  get now(): number {
    return this.#now;
  }

  get size(): number {
    return this.#heap.size;
  }

  /** Never before now. */
  set(appointment: Appointment, at: number): void {
    appointment.at = Math.max(at, this.#now);
    appointment.order = this.#order++;
    if (appointment.heapIndex >= 0) this.#heap.moved(appointment);
    else this.#heap.push(appointment);
  }

  once(at: number, fire: () => void): void {
    this.set(new Appointment(fire), at);
  }

  cancel(appointment: Appointment): void {
    if (appointment.heapIndex >= 0) this.#heap.remove(appointment);
  }

  /** False where nothing is left. */
  step(): boolean {
    const next = this.#heap.peek();
    if (next === null) return false;
    this.#heap.remove(next);
    this.#now = next.at;
    next.fire();
    return true;
  }
}
