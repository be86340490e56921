/** Alternatives as vLLM tells them, in the order of the contract. */
import type { TopLogprobs } from "../../server/contract/side-data.ts";

/** What is told of an id that no room was left for. */
const FLOOR = -9999;

/** Rows of the `width` most likely ids, equals by id, in place: the server tells the sampled one first, wherever it belongs. */
export function mostLikely({ offsets, ids, logprobs }: TopLogprobs, width: number): TopLogprobs {
  let kept = 0;
  for (let row = 0; row + 1 < offsets.length; row++) {
    const from = offsets[row] as number;
    const end = sortRow(ids, logprobs, from, offsets[row + 1] as number);
    const to = Math.min(end, from + width);
    ids.copyWithin(kept, from, to);
    logprobs.copyWithin(kept, from, to);
    offsets[row] = kept;
    kept += to - from;
  }
  offsets[offsets.length - 1] = kept;
  return { offsets, ids: ids.subarray(0, kept), logprobs: logprobs.subarray(0, kept) };
}

/** By insertion, as all but the first are in order already. Where those end that filters left room for. */
function sortRow(ids: Uint32Array, logprobs: Float32Array, from: number, to: number): number {
  let end = from;
  for (let next = from; next < to; next++) {
    const logprob = logprobs[next] as number;
    // What they left none for is told as the floor of all logprobs.
    if (logprob <= FLOOR) continue;
    const id = ids[next] as number;
    let at = end++;
    for (; at > from; at--) {
      const before = logprobs[at - 1] as number;
      if (before > logprob || (before === logprob && (ids[at - 1] as number) < id)) break;
      logprobs[at] = before;
      ids[at] = ids[at - 1] as number;
    }
    logprobs[at] = logprob;
    ids[at] = id;
  }
  return end;
}
