/**
 * Seer (2511.14617v3): each rollout in chunks over a pool of KV that any instance can read; one probe of each group first, those
 * with the fewest tokens ahead; then by the longest finished sibling, longest first, the limit while none has finished;
 * to the instance with the most room for another chunk. Its guard against starvation is left out: it moves no makespan.
 */
import type { Card } from "../card.ts";
import { Generations } from "../generations.ts";
import type { SchedulerOptions } from "../options.ts";
import type { Place } from "./books.ts";
import type { Rule } from "./rule.ts";

/** Output tokens of one chunk. */
const CHUNK = 8_192;

interface Group {
  probe: string;
  longest: number | null;
}

export function seer({ prefixLimit }: SchedulerOptions): Rule {
  const groups = new Generations<string, Group>(prefixLimit);
  /** Every look ranks all that wait. */
  const known = new WeakMap<Card, Group>();
  const groupOf = (card: Card): Group => {
    let found = known.get(card);
    if (found === undefined) {
      found = remembered(card);
      known.set(card, found);
    }
    return found;
  };
  const remembered = ({ key, job, group }: Card): Group => {
    const name = group === null ? key : `${job}/${group.id}`;
    const siblings = groups.get(name) ?? { probe: key, longest: null };
    groups.set(name, siblings);
    return siblings;
  };
  return {
    strict: true,
    offered: (card) => void groupOf(card),
    rank(card) {
      const { probe, longest } = groupOf(card);
      // All probes before all others: no length is longer than a limit.
      if (probe === card.key && longest === null) return card.outputTokens - 2 ** 40;
      return -(longest ?? card.maxNewTokens);
    },
    pick(card, places) {
      let best: Place | null = null;
      let most = Number.NEGATIVE_INFINITY;
      for (const place of places) {
        if (place.running >= place.maxRunning) continue;
        let room = place.kvTokens;
        for (const run of place.runs) room -= run.card.promptTokens + chunkEnd(run.card);
        if (place.running > 0 && room < card.promptTokens + chunkEnd(card)) continue;
        if (room > most) [best, most] = [place, room];
      }
      return best;
    },
    segment: () => CHUNK,
    ended({ card, outputTokens }, finished) {
      if (!finished) return;
      const group = groupOf(card);
      group.longest = Math.max(group.longest ?? 0, outputTokens);
    },
  };
}

const chunkEnd = ({ outputTokens, maxNewTokens, cuttable }: Card): number =>
  cuttable ? Math.min(maxNewTokens, outputTokens + CHUNK) : maxNewTokens;
