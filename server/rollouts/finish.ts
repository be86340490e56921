/** The end of a rollout: the one Result made of its output. */
import { createResult, type Result } from "../contract/result.ts";
import type { FinishReason, Rollout } from "../contract/rollout.ts";
import { staleOf } from "./infeasible.ts";
import { Output } from "./output.ts";
import type { Timeline } from "./timeline.ts";

/**
 * Makes the Result. Where a lag limit is broken at reply (I8), the tokens are flagged if its job keeps such, else withheld: an
 * empty Result of cause `stale`. Tokens whose version nobody can tell are withheld likewise from a rollout with a version
 * constraint (I2). What is withheld is wasted.
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
  const stale = staleOf(rollout, output, committed);
  const withheld = stale !== null && rollout.onInfeasible !== "flag";
  if (withheld) {
    timeline.wasted(output.length);
    output.side?.withhold();
  }
  // What it ended with is not there any more.
  const cut = withheld || (unknown > 0 && reason.type !== "abort");
  const mode = rollout.want.logprobModes[0] ?? "processed";
  const given = withheld ? new Output(null, mode) : output;
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
    stale: withheld ? null : stale,
    side: given.side === null ? null : given.side.data(),
  });
}
