/** Batches of what comes one by one: large ones when much comes, and none that waits for long. */
import type { Clock, Timer } from "../contract/clock.ts";

export interface BatchBounds<T> {
  readonly count: number;
  /** Sum of `weigh` from which on a batch is full. */
  readonly weight: number;
  weigh(item: T): number;
  /** From a batch's first item until it is handed out, however small. */
  readonly ms: number;
}

/** Ends with `source`; whoever leaves early leaves `source` early too, once its next item is there. */
export async function* gather<T>(
  source: AsyncGenerator<T>,
  clock: Clock,
  bounds: BatchBounds<T>,
): AsyncGenerator<T[]> {
  let batch: T[] = [];
  let weight = 0;
  let due: { readonly timer: Timer; readonly passed: Promise<null> } | null = null;
  let next = source.next();
  try {
    for (;;) {
      const came = await (due === null ? next : Promise.race([next, due.passed]));
      const last = came !== null && came.done === true;
      if (came !== null && came.done !== true) {
        batch.push(came.value);
        weight += bounds.weigh(came.value);
        due ??= startTimer(clock, bounds.ms);
        next = source.next();
        if (batch.length < bounds.count && weight < bounds.weight) continue;
      }
      due?.timer.cancel();
      due = null;
      if (batch.length > 0) yield batch;
      batch = [];
      weight = 0;
      if (last) return;
    }
  } finally {
    due?.timer.cancel();
    // Its items are nobody's any more, and so is what it throws.
    next.catch(() => {});
    await source.return(undefined);
  }
}

function startTimer(clock: Clock, ms: number): { timer: Timer; passed: Promise<null> } {
  const { promise: passed, resolve } = Promise.withResolvers<null>();
  return { timer: clock.timer(ms, () => resolve(null)), passed };
}
