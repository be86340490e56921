/** A rollout's reports as spans, beside what they are already. */
import { type Rollout, rolloutKey } from "../contract/rollout.ts";
import type { RolloutObserver } from "../rollouts/observer.ts";
import type { RolloutTrace, Traces } from "../telemetry/traces.ts";

export function traced(observer: RolloutObserver, traces: Traces): RolloutObserver {
  /** Of every rollout under way. */
  const open = new Map<string, { readonly trace: RolloutTrace; traceparent: string | null }>();
  const keyOf = ({ job, id }: Rollout): string => rolloutKey(job, id);
  const close = (rollout: Rollout): RolloutTrace | undefined => {
    const entry = open.get(keyOf(rollout));
    open.delete(keyOf(rollout));
    return entry?.trace;
  };
  return {
    ...observer,
    accepted(rollout) {
      observer.accepted(rollout);
      const trace = traces.rollout(rollout.traceparent, {
        "paceline.rollout": rollout.id,
        "paceline.job": rollout.job,
        "paceline.policy": rollout.policy,
        "paceline.prompt_tokens": rollout.promptTokenIds.length,
      });
      open.set(keyOf(rollout), { trace, traceparent: null });
    },
    traceparent: (rollout) => open.get(keyOf(rollout))?.traceparent ?? rollout.traceparent,
    placed(rollout, worker, queueMs) {
      observer.placed(rollout, worker, queueMs);
      const entry = open.get(keyOf(rollout));
      if (entry === undefined) return;
      const attributes = { "paceline.worker": worker, "paceline.queue_ms": queueMs };
      entry.traceparent = entry.trace.attempt(attributes);
    },
    attempt(rollout, outcome) {
      observer.attempt(rollout, outcome);
      open.get(keyOf(rollout))?.trace.attemptEnded(outcome);
    },
    moved(rollout, reason, resume) {
      observer.moved(rollout, reason, resume);
      open.get(keyOf(rollout))?.trace.event("moved", { reason, resume });
    },
    finished(rollout, result, durationMs) {
      observer.finished(rollout, result, durationMs);
      const { finishReason, usage, routing } = result;
      close(rollout)?.end(
        {
          "paceline.finish": finishReason.type,
          "paceline.cause": finishReason.cause,
          "paceline.output_tokens": usage.outputTokens,
          "paceline.cached_tokens": routing.cachedTokens,
        },
        null,
      );
    },
    failed(rollout, code) {
      observer.failed(rollout, code);
      close(rollout)?.end({ "paceline.code": code }, code);
    },
  };
}
