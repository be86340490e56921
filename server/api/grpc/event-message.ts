/** A rollout's events as messages. One that failed ends its stream with a status, so `error` has none. */
import type { paceline } from "../../../proto/gen/paceline.js";
import type { RolloutEvent, RolloutProgress, RolloutTimeline } from "../../rollouts/service.ts";
import { plainArray } from "../codec/number-arrays.ts";
import { resultHeadToProto } from "./result-message.ts";
import { MOMENT_EVENT, MOVE_REASON, RESUME_KIND, STATE } from "./words.ts";

type Message = paceline.v1.Event.$Properties;

export function eventToProto(
  seq: number,
  event: Exclude<RolloutEvent, { type: "error" }>,
): Message {
  switch (event.type) {
    case "accepted":
      return { seq, accepted: { id: event.id } };
    case "placed": {
      const { worker, version, attempt } = event;
      return { seq, placed: { worker, version, attempt } };
    }
    case "tokens": {
      const { start, ids, logprobs, version, mixed } = event.chunk;
      return {
        seq,
        tokens: {
          start,
          output_token_ids: plainArray(ids),
          logprobs: plainArray(logprobs),
          version,
          mixed,
        },
      };
    }
    case "moved":
      return {
        seq,
        moved: {
          from: event.from,
          to: event.to,
          reason: MOVE_REASON.number(event.reason),
          resume: RESUME_KIND.number(event.resume),
          kept_tokens: event.keptTokens,
        },
      };
    case "held":
      return { seq, held: { reason: event.reason } };
    case "finished":
      return { seq, finished: resultHeadToProto(event.result) };
  }
}

export const progressToProto = (
  progress: RolloutProgress,
  timeline: RolloutTimeline | null = null,
): paceline.v1.Progress.$Properties => ({
  id: progress.id,
  job: progress.job,
  state: STATE.number(progress.state),
  output_tokens: progress.outputTokens,
  worker: progress.worker,
  attempts: progress.attempts,
  ...(timeline === null ? {} : { timeline: timelineToProto(timeline) }),
});

const timelineToProto = (timeline: RolloutTimeline): paceline.v1.Timeline.$Properties => ({
  accepted_at_ms: timeline.acceptedAtMs,
  moments: timeline.moments.map(({ atMs, event, outputTokens, ...rest }) => ({
    ...rest,
    at_ms: atMs,
    event: MOMENT_EVENT.number(event),
    output_tokens: outputTokens,
  })),
  dropped: timeline.dropped,
});
