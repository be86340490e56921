/** The points of a prompt by which it is told apart from others, and by which what they have in common is measured. */
import { type Card, PREFIX_BLOCK_TOKENS } from "./card.ts";

/**
 * Marks stand after 1, 2, 4, 8 … blocks and at the last one, so that equal prompts meet fully and
 * others to within half, at a cost that grows with the logarithm of the prompt. Where the prompt is
 * shorter than a block, a group meets by its id and the prompt's length: siblings have one prompt, others may use their id.
 * Hashes as i32: as keys V8 keeps these without a box.
 */
export function eachMark(card: Card, visit: (mark: number | string, tokens: number) => void): void {
  const { prefix, group } = card;
  if (prefix.length === 0) {
    if (group !== null)
      visit(`${card.policy} ${card.job}/${group.id} ${card.promptTokens}`, card.promptTokens);
    return;
  }
  const last = prefix.length - 1;
  for (let at = 1; at - 1 < last; at *= 2) {
    visit((prefix[at - 1] as number) | 0, at * PREFIX_BLOCK_TOKENS);
  }
  visit((prefix[last] as number) | 0, (last + 1) * PREFIX_BLOCK_TOKENS);
}
