/** The points of a prompt by which it is told apart from others, and by which what they have in common is measured. */
import { type Card, PREFIX_BLOCK_TOKENS } from "./card.ts";

/**
 * Marks stand after 1, 2, 4, 8 … blocks and at the last one, so that equal prompts meet fully and
 * others to within half, at a cost that grows with the logarithm of the prompt. Where the prompt is
 * shorter than a block, a group meets by its id and the prompt's length: siblings have one prompt, others may use their id.
 * Hashes as i32: as keys V8 keeps these without a box.
 */
export interface Marks {
  readonly policy: string;
  readonly promptTokens: number;
  readonly blocks: number;
  /** In order, and the tokens before each. */
  readonly keys: readonly (number | string)[];
  readonly ends: readonly number[];
}

/** `sibling`: its group's, if any are known: those of one prompt are made once. */
export function marksOf(card: Card, sibling: Marks | null): Marks {
  return sibling !== null && areOf(sibling, card) ? sibling : made(card);
}

/** The last hash is of all before it; a group that meets by its id does so in one policy. */
function areOf({ policy, promptTokens, blocks, keys }: Marks, card: Card): boolean {
  const { prefix } = card;
  if (promptTokens !== card.promptTokens || blocks !== prefix.length) return false;
  if (blocks === 0) return policy === card.policy;
  return keys[keys.length - 1] === ((prefix[blocks - 1] as number) | 0);
}

function made({ policy, job, group, prefix, promptTokens }: Card): Marks {
  const blocks = prefix.length;
  const [keys, ends]: [(number | string)[], number[]] = [[], []];
  if (blocks === 0 && group !== null) {
    keys.push(`${policy} ${job}/${group.id} ${promptTokens}`);
    ends.push(promptTokens);
  }
  for (let at = 1; at < blocks; at *= 2) {
    keys.push((prefix[at - 1] as number) | 0);
    ends.push(at * PREFIX_BLOCK_TOKENS);
  }
  if (blocks > 0) {
    keys.push((prefix[blocks - 1] as number) | 0);
    ends.push(blocks * PREFIX_BLOCK_TOKENS);
  }
  return { policy, promptTokens, blocks, keys, ends };
}
