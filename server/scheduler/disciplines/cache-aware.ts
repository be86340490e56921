/**
 * SMG's (SGLang's router) `cache_aware` with its defaults: while loads are balanced, whoever was given most of the prompt, if that
 * is more than half of it, else whoever was given least of all; once the longest queue is longer than the shortest by more
 * than 32 requests and by more than a tenth, the shortest.
 */
import { PromptMemory } from "./prompt-memory.ts";
import { least, type Rule } from "./rule.ts";

const MATCH_SHARE = 0.5;
const BALANCE_ABSOLUTE = 32;
const BALANCE_RELATIVE = 1.1;

/** `blocks`: remembered of each slot. */
export function cacheAware(blocks: number): Rule {
  const memory = new PromptMemory(blocks);
  return {
    pick(card, places) {
      const shortest = least(places, ({ running }) => running);
      const longest = places.reduce((most, { running }) => Math.max(most, running), 0);
      const apart = longest - shortest.running > BALANCE_ABSOLUTE;
      if (apart && longest > BALANCE_RELATIVE * shortest.running) return shortest;
      const known = least(places, (place) => -memory.matched(card, place));
      if (memory.matched(card, known) > MATCH_SHARE * card.promptTokens) return known;
      return least(places, (place) => memory.size(place));
    },
    granted: ({ card, slot }) => memory.add(card, slot),
  };
}
