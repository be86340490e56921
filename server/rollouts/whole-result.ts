/** A Result whose stored rows are in memory again: for a wire that knows of no references. */
import { PacelineError } from "../contract/errors.ts";
import { createResult, type Result } from "../contract/result.ts";
import { maskFrom, promptFrom, type StoredPart, topFrom } from "../contract/stored-side.ts";
import type { RolloutService } from "./service.ts";

/** Itself where nothing is stored; experts stay where they are. Throws `expired`, `store_unavailable`. */
export async function wholeResult(
  result: Result,
  rollouts: Pick<RolloutService, "side">,
): Promise<Result> {
  const { side, usage, job } = result;
  if (side === null || side.stored === null) return result;
  const { prompt, top, mask } = side.stored;
  const [scores, tops, masks] = await Promise.all(
    [prompt, top, mask].map((part) => part && bytesOf(part, job, rollouts)),
  );
  return createResult({
    ...result,
    side: {
      ...side,
      prompt:
        prompt && scores
          ? {
              start: usage.promptTokens - prompt.rows,
              logprobs: promptFrom(scores),
              version: prompt.version,
            }
          : side.prompt,
      top: top && tops ? topFrom(top, tops) : side.top,
      mask: mask && masks ? maskFrom(mask, masks) : side.mask,
      stored: null,
    },
  });
}

async function bytesOf(
  { ref, bytes }: StoredPart,
  job: string,
  rollouts: Pick<RolloutService, "side">,
): Promise<ArrayBuffer> {
  const stored = rollouts.side(job, ref);
  try {
    const whole = new Uint8Array(new ArrayBuffer(bytes));
    let at = 0;
    for await (const piece of stored.read(0, bytes)) {
      whole.set(piece, at);
      at += piece.length;
    }
    if (at !== bytes) throw new PacelineError("internal", `${at} of ${bytes} bytes of ${ref}`);
    return whole.buffer;
  } finally {
    stored.close();
  }
}
