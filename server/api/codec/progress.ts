/** A rollout that has not finished, as `GET /v1/rollouts/{id}` shows it. */
import type { WireProgress } from "../../contract/schema-result.ts";
import type { RolloutProgress } from "../../rollouts/service.ts";

export const encodeProgress = (progress: RolloutProgress): WireProgress => ({
  id: progress.id,
  job: progress.job,
  state: progress.state,
  output_tokens: progress.outputTokens,
  worker: progress.worker,
  attempts: progress.attempts,
});
