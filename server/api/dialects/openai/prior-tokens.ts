/**
 * A conversation whose earlier turns were sampled here must go on from the very tokens that were sampled: text that is
 * tokenised again may come out as others. So the rendered prompt's beginning is replaced by the tokens that were, as NeMo
 * RL's servers do: up to the last end-of-sequence token within the rendered prior turns.
 */
import { PacelineError } from "../../../contract/errors.ts";

export interface Splice {
  /** The conversation up to the last sampled turn, rendered. */
  readonly priorRendered: readonly number[];
  /** All of it, rendered. */
  readonly rendered: readonly number[];
  /** What was sampled before, with its prompt. */
  readonly prior: readonly number[];
  readonly eosTokenId: number | null;
  /** Where `prior` stands in the body. */
  readonly path: string;
}

/** Throws `invalid_argument` where the two cannot be joined. */
export function spliced({ priorRendered, rendered, prior, eosTokenId, path }: Splice): number[] {
  const cut = cutOf(priorRendered, rendered, eosTokenId);
  if (cut === null) {
    throw new PacelineError(
      "invalid_argument",
      `${path}: the rendered conversation does not begin with these turns, or no end-of-sequence token ends them`,
      { details: { path } },
    );
  }
  const kept = cut.atEos && prior.at(-1) === eosTokenId ? prior.slice(0, -1) : prior;
  return [...kept, ...rendered.slice(cut.at)];
}

/** Where the tail begins that follows the prior tokens: with the token that ended the last turn, if one does. */
function cutOf(
  priorRendered: readonly number[],
  rendered: readonly number[],
  eos: number | null,
): { readonly at: number; readonly atEos: boolean } | null {
  if (priorRendered.length > rendered.length) return null;
  for (let at = priorRendered.length - 1; eos !== null && at >= 0; at--) {
    if (rendered[at] === eos) return { at, atEos: true };
  }
  const begins = priorRendered.every((id, at) => rendered[at] === id);
  return begins ? { at: priorRendered.length, atEos: false } : null;
}
