/** A rollout that has not finished, as `GET /v1/rollouts/{id}` shows it. */
import type { WireProgress } from "../../contract/schema-result.ts";
import type { RolloutProgress, RolloutTimeline } from "../../rollouts/service.ts";

export const encodeProgress = (
  progress: RolloutProgress,
  timeline: RolloutTimeline | null = null,
): WireProgress => ({
  id: progress.id,
  job: progress.job,
  state: progress.state,
  output_tokens: progress.outputTokens,
  worker: progress.worker,
  attempts: progress.attempts,
  ...(timeline === null ? {} : { timeline: encodeTimeline(timeline) }),
});

const encodeTimeline = ({
  acceptedAtMs,
  moments,
  dropped,
}: RolloutTimeline): NonNullable<WireProgress["timeline"]> => ({
  accepted_at_ms: acceptedAtMs,
  moments: moments.map(({ atMs, event, outputTokens, worker, version, attempt, reason }) => ({
    at_ms: atMs,
    event,
    output_tokens: outputTokens,
    worker,
    version,
    attempt,
    reason,
  })),
  dropped,
});
