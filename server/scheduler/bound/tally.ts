/**
 * Sums over rollouts from which any bound follows, whatever the rates: by length in eighths of an octave, and the paths
 * that may be the longest. Constant size, so that a live job may keep one.
 */
import type { Charge, Path } from "./charges.ts";

export interface Bucket {
  count: number;
  /** Σ tokens decoded. */
  steps: number;
  /** Σ over decoded tokens of the private context at each. */
  held: number;
  /** Longest private context; what was removed still counts, which only loosens the bound. */
  longestTokens: number;
}

export interface Tally {
  /** Longest rollouts first; empty ones left out. */
  buckets(): Bucket[];
  readonly prefillTokens: number;
  readonly paths: readonly Path[];
  add(charge: Charge): void;
  /** What was added; its path stays, since a rollout that got so far will not be shorter in the end. */
  remove(charge: Charge): void;
}

const PER_OCTAVE = 8;
/** Of paths none of which is longer in all respects. Beyond it new ones are left out: a looser bound, still a bound. */
const PATHS = 256;

const bucketOf = (steps: number): number => Math.floor(PER_OCTAVE * Math.log2(steps));

export function createTally(): Tally {
  const buckets = new Map<number, Bucket>();
  let paths: Path[] = [];
  let prefillTokens = 0;

  const count = ({ steps, privateTokens }: Charge, sign: 1 | -1): void => {
    if (steps === 0) return;
    const at = bucketOf(steps);
    const bucket = buckets.get(at) ?? { count: 0, steps: 0, held: 0, longestTokens: 0 };
    buckets.set(at, bucket);
    bucket.count += sign;
    bucket.steps += sign * steps;
    bucket.held += sign * (steps * privateTokens + (steps * (steps + 1)) / 2);
    bucket.longestTokens = Math.max(bucket.longestTokens, privateTokens + steps);
  };

  const follow = (path: Path): void => {
    if (paths.some((known) => covers(known, path))) return;
    paths = paths.filter((known) => !covers(path, known));
    if (paths.length < PATHS) paths.push(path);
  };

  return {
    buckets: () =>
      [...buckets]
        .filter(([, bucket]) => bucket.count > 0)
        .sort(([a], [b]) => b - a)
        .map(([, bucket]) => bucket),
    get prefillTokens() {
      return prefillTokens;
    },
    get paths() {
      return paths;
    },
    add(charge) {
      count(charge, 1);
      prefillTokens += charge.prefillTokens;
      follow(charge.path);
    },
    remove(charge) {
      count(charge, -1);
      prefillTokens -= charge.prefillTokens;
    },
  };
}

const covers = (a: Path, b: Path): boolean =>
  a.seconds >= b.seconds && a.steps >= b.steps && a.prefillTokens >= b.prefillTokens;
