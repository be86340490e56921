/**
 * Equal small parts of rollouts, kept once: a trainer asks for the same with each of 100,000 that may wait. Only the
 * kinds seen last are known, so it costs a few comparisons and holds nothing for long.
 */
const KINDS = 8;

export class Shared<T> {
  readonly #equal: (a: T, b: T) => boolean;
  readonly #seen: T[] = [];
  #next = 0;

  constructor(equal: (a: T, b: T) => boolean) {
    this.#equal = equal;
  }

  /** What equals it and was seen before; else it. */
  of(value: T): T {
    for (const seen of this.#seen) if (this.#equal(seen, value)) return seen;
    this.#seen[this.#next] = value;
    this.#next = (this.#next + 1) % KINDS;
    return value;
  }
}

/** `fields`: all that a T has. Named, since to enumerate them costs more than to decode the rest of the body. */
export const equalBy = <T extends object>(
  fields: Readonly<Record<keyof T, true>>,
): ((a: T, b: T) => boolean) => {
  const names = Object.keys(fields) as (keyof T)[];
  return (a, b) => {
    for (const name of names) if (a[name] !== b[name]) return false;
    return true;
  };
};

export function equalLists<T>(a: readonly T[], b: readonly T[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}
