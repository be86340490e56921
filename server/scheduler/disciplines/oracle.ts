/** What only a simulation knows: rules that are given it are for comparison, and cannot serve. */
import type { Card } from "../card.ts";

export interface Oracle {
  /** True length of the output. */
  outputTokens(card: Card): number;
  /** Decode step times of a worker, profiled beforehand. */
  stepOf(worker: string): { readonly a: number; readonly s: number };
  /** True lengths of all that will be asked for, by rollout key. */
  readonly all: readonly {
    readonly key: string;
    readonly group: string;
    readonly tokens: number;
  }[];
}

/** Groups by their longest member, longest first, each with its members' lengths in order. */
export function groupsByLongest(
  all: Oracle["all"],
): readonly { readonly group: string; readonly keys: string[]; readonly lengths: number[] }[] {
  const groups = new Map<string, { group: string; keys: string[]; lengths: number[] }>();
  for (const { key, group, tokens } of [...all].sort((a, b) => b.tokens - a.tokens)) {
    const known = groups.get(group) ?? { group, keys: [], lengths: [] };
    groups.set(group, known);
    known.keys.push(key);
    known.lengths.push(tokens);
  }
  return [...groups.values()];
}
