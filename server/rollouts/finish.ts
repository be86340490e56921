/** The end of a rollout: the one Result made of its output. */
import { createResult, type Result } from "../contract/result.ts";
import type { FinishReason, Rollout } from "../contract/rollout.ts";
import { Output } from "./output.ts";
import type { Timeline } from "./timeline.ts";

/**
 * Makes the Result. Where a lag limit is broken at reply (I8), the tokens are withheld: an empty
 * Result of cause `stale`, its tokens counted as wasted. Tokens whose version nobody can tell are withheld likewise
 * from a rollout with a version constraint (I2).
 */
export function concludeResult(
  rollout: Rollout,
  output: Output,
  timeline: Timeline,
  reason: FinishReason,
  committed: number | null,
  now: number,
): Result {
  const unknown = rollout.version === null ? 0 : output.dropUnattested();
  if (unknown > 0) timeline.wasted(unknown);
  const stale = isStale(rollout, output, committed);
  if (stale) timeline.wasted(output.length);
  // What it ended with is not there any more.
  const cut = stale || (unknown > 0 && reason.type !== "abort");
  const mode = rollout.want.logprobModes[0] ?? "processed";
  const given = stale ? new Output(null, mode) : output;
  return createResult({
    id: rollout.id,
    job: rollout.job,
    policy: rollout.policy,
    group: rollout.group,
    session: rollout.session,
    outputTokenIds: given.ids,
    logprobs: given.logprobs,
    logprobMode: given.segments.at(-1)?.logprobMode ?? mode,
    finishReason: cut ? { type: "abort", cause: "stale", matched: null } : reason,
    spans: given.spans.slice(),
    segments: given.segments.slice(),
    routing: timeline.routing(now),
    usage: {
      promptTokens: rollout.promptTokenIds.length,
      outputTokens: given.length,
      wastedTokens: timeline.wastedTokens,
    },
    side: given.side === null ? null : given.side.data(),
  });
}

function isStale(rollout: Rollout, output: Output, committed: number | null): boolean {
  const constraint = rollout.version;
  if (constraint === null || !("max_lag" in constraint) || committed === null) return false;
  const oldest = Math.min(
    ...output.spans.map(({ version }) => version),
    output.side?.promptVersion ?? committed,
  );
  return committed - oldest > constraint.max_lag;
}
