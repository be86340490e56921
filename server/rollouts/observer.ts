/** What the rollouts' life tells telemetry. Counts and durations only, never tokens. */
import type { ErrorCode } from "../contract/errors.ts";
import type { Result } from "../contract/result.ts";
import type { OnInfeasible, Rollout } from "../contract/rollout.ts";
import type { MoveReason, Outcome } from "../scheduler/card.ts";

export interface RolloutObserver {
  accepted(rollout: Rollout): void;
  /** Trace context of the attempt that has just been placed, for its engine. */
  traceparent(rollout: Rollout): string | null;
  placed(rollout: Rollout, worker: string, queueMs: number): void;
  /** `lag`: committed version − the version that made them; null where nobody knows. */
  tokens(rollout: Rollout, count: number, lag: number | null): void;
  attempt(rollout: Rollout, outcome: Outcome): void;
  moved(rollout: Rollout, reason: MoveReason, resume: "none" | "prefill"): void;
  wasted(rollout: Rollout, tokens: number, reason: string): void;
  /** `kept`: not needed, and kept. `resumed`: asked for again. Else why one that was kept ended. */
  kept(rollout: Rollout, what: "kept" | "resumed" | "too_many" | "too_old"): void;
  /** It became too old to meet its lag limit. */
  infeasible(rollout: Rollout, fate: OnInfeasible): void;
  finished(rollout: Rollout, result: Result, durationMs: number): void;
  failed(rollout: Rollout, code: ErrorCode): void;
}
