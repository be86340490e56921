/** When rollouts ended, one after the other, in bounded memory: beyond the limit every second time is forgotten. */
export interface Ends {
  /** Never before the last. */
  add(at: number): void;
  /** 0 before any. */
  readonly last: number;
  /** When this share of `count` had ended; null while it has not. */
  at(share: number, count: number): number | null;
}

/** Off by a thousandth of the count at most. */
const KEPT = 4_096;

export function createEnds(kept = KEPT): Ends {
  /** The end of every `stride`th rollout. */
  let times: number[] = [];
  let stride = 1;
  let count = 0;
  let last = 0;
  return {
    add(at) {
      last = at;
      count++;
      if (count % stride === 0) times.push(at);
      if (times.length < kept) return;
      times = times.filter((_, i) => i % 2 === 1);
      stride *= 2;
    },
    get last() {
      return last;
    },
    at(share, of) {
      const number = Math.ceil(share * of);
      if (number === 0 || number > count) return null;
      return times[Math.ceil(number / stride) - 1] ?? last;
    },
  };
}
