/**
 * NVIDIA Dynamo's KV router: cost = w · prefill blocks (of this prompt what is not cached there, and what is still to be prefilled
 * before it) + decode blocks (what runs there and this prompt); w = 1, temperature 0, ties at random. In tokens here: both
 * terms are in blocks of one size.
 */
import type { Random } from "../../contract/clock.ts";
import { PromptMemory } from "./prompt-memory.ts";
import { least, type Rule } from "./rule.ts";

const PREFILL_WEIGHT = 1;

export function dynamo(random: Random, blocks: number): Rule {
  const memory = new PromptMemory(blocks);
  return {
    pick(card, places) {
      const context = card.promptTokens + card.outputTokens;
      const from = random.u32() % places.length;
      const [first = places[0], ...others] = [...places.slice(from), ...places.slice(0, from)];
      return least([first, ...others], (place) => {
        const prefill = place.pendingTokens + context - memory.matched(card, place);
        return PREFILL_WEIGHT * prefill + place.contextTokens + context;
      });
    },
    granted: ({ card, slot }) => memory.add(card, slot),
  };
}
