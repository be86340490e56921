/**
 * What happened in this process, in order: a bounded ring of small events with offsets, read by
 * `/v1/events`, the live page and outside checkers. Never token arrays.
 */
import type { Clock } from "../contract/clock.ts";
import { LIMITS } from "../limits.ts";

export interface LifeCycleEvent {
  readonly type: string;
  /** Wall time, ms. */
  readonly at: number;
  readonly [detail: string]: unknown;
}

export interface LifeCycleRecord {
  /** Grows by one at each event, from 0 at the start of this process. */
  readonly offset: number;
  readonly event: LifeCycleEvent;
}

export interface LifeCycle {
  emit(type: string, details: Readonly<Record<string, unknown>>): void;
  /** Offset of the oldest event that is still kept. */
  readonly oldest: number;
  /** Offset that the next event will get. */
  readonly next: number;
  /** Kept events from offset `from` on, at most `most`. */
  read(from: number, most: number): readonly LifeCycleRecord[];
  /** Calls back after each event that is added; answers how to stop. */
  listen(added: () => void): () => void;
}

export function createLifeCycle(
  clock: Pick<Clock, "wall">,
  capacity: number = LIMITS.lifeCycleEvents,
): LifeCycle {
  const ring: LifeCycleEvent[] = [];
  const listeners = new Set<() => void>();
  let next = 0;
  return {
    emit(type, details) {
      ring[next % capacity] = { ...details, type, at: clock.wall() };
      next++;
      for (const added of listeners) added();
    },
    get oldest() {
      return Math.max(0, next - capacity);
    },
    get next() {
      return next;
    },
    read(from, most) {
      const records: LifeCycleRecord[] = [];
      const start = Math.max(from, next - capacity, 0);
      for (let offset = start; offset < next && records.length < most; offset++) {
        records.push({ offset, event: ring[offset % capacity] as LifeCycleEvent });
      }
      return records;
    },
    listen(added) {
      listeners.add(added);
      return () => listeners.delete(added);
    },
  };
}
