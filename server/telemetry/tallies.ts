/**
 * A counter of what happens often: a child of prom-client's finds its value by a string that it makes anew at each `inc`,
 * here it is a number that is read when scraped.
 */
import { Counter, type Registry } from "prom-client";

export interface Tally {
  /** Not negative. */
  count: number;
}

export interface Tallies {
  /** Of these label values; whoever counts often keeps it. */
  of(...values: readonly string[]): Tally;
}

export function createTallies(
  registry: Registry,
  name: string,
  help: string,
  labelNames: readonly string[],
): Tallies {
  const known = new Map<
    string,
    { readonly labels: Record<string, string>; readonly tally: Tally }
  >();
  new Counter({
    name,
    help,
    labelNames,
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, tally } of known.values()) this.inc(labels, tally.count);
    },
  });
  return {
    of(...values) {
      const key = JSON.stringify(values);
      let found = known.get(key);
      if (found === undefined) {
        const labels = Object.fromEntries(labelNames.map((label, at) => [label, values[at] ?? ""]));
        found = { labels, tally: { count: 0 } };
        known.set(key, found);
      }
      return found.tally;
    },
  };
}
