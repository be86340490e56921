import type { Card } from "../card.ts";
import type { Place, Run } from "./books.ts";

/** What makes one discipline differ from another; all else is the frame's (`frame.ts`). */
export interface Rule {
  /** Which of `places`, all of which may serve it and none of which is closed; null: none has room, it waits. */
  pick(card: Card, places: readonly [Place, ...Place[]], now: number): Place | null;
  /** Of those that wait the least goes first; absent: by priority, resumed ones, arrival. It may change as others end. */
  rank?(card: Card): number;
  /** New output tokens until a cut; only where the card may be cut. Absent: to its end. */
  segment?(card: Card, place: Place): number | null;
  /** Who finds no room holds back all behind it. Absent: those that other workers serve, or of another size, go past. */
  readonly strict?: boolean;
  /** Who waits is looked at again so often, though nothing has ended. Absent: never. */
  readonly recheckMs?: number;
  offered?(card: Card): void;
  granted?(run: Run, now: number): void;
  ended?(run: Run, finished: boolean, now: number): void;
  sessionFinished?(session: string): void;
}

/** The least by `cost`; the first of several. */
export function least<T>(items: readonly [T, ...T[]], cost: (item: T) => number): T {
  let [best] = items;
  let lowest = Number.POSITIVE_INFINITY;
  for (const item of items) {
    const value = cost(item);
    if (value < lowest) [best, lowest] = [item, value];
  }
  return best;
}
