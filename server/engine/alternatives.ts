/** The row of side data that belongs to one sampled token. */
import type { LogprobMode } from "../contract/rollout.ts";
import type { SideChunk, SideWant, TopLogprobs } from "../contract/side-data.ts";
import type { Distribution } from "./sampler.ts";

export function alternatives(
  distribution: Distribution,
  { topLogprobs, samplingMask }: SideWant,
  mode: LogprobMode,
  vocabSize: number,
): SideChunk {
  const top =
    topLogprobs === 0 ? null : mostLikely(topLogprobs, vocabSize, distribution.logprobs(mode));
  if (!samplingMask) return { top, mask: null };
  const ids = distribution.kept();
  return { top, mask: { offsets: Uint32Array.of(0, ids.length), ids } };
}

/** Greatest first, equals by id; what has no probability is none of them. */
function mostLikely(
  count: number,
  vocabSize: number,
  logprob: (id: number) => number,
): TopLogprobs {
  const ids: number[] = [];
  const values: number[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (let id = 0; id < vocabSize; id++) {
    const value = logprob(id);
    if (!(value > least)) continue;
    let at = ids.length;
    while (at > 0 && (values[at - 1] as number) < value) at--;
    ids.splice(at, 0, id);
    values.splice(at, 0, value);
    if (ids.length > count) {
      ids.pop();
      values.pop();
    }
    if (ids.length === count) least = values[count - 1] as number;
  }
  return {
    offsets: Uint32Array.of(0, ids.length),
    ids: Uint32Array.from(ids),
    logprobs: Float32Array.from(values),
  };
}
