/** A Result as its message, and back for clients (through the same schema that JSON passes). */
import type { paceline } from "../../../proto/gen/paceline.js";
import type { Result } from "../../contract/result.ts";
import type { Segment, Span } from "../../contract/rollout.ts";
import { assertAligned } from "../../contract/tokens.ts";
import { plainArray } from "../codec/number-arrays.ts";
import { decodeResult } from "../codec/result.ts";
import { groupFrom, narrow, sessionFrom, spanFrom } from "./rollout-message.ts";
import { ATTESTED, FINISH_CAUSE, FINISH_TYPE, KV, LOGPROB_MODE, RESUME_KIND } from "./words.ts";

type Message = paceline.v1.Result.$Properties;

/** Throws `misaligned` (I1). */
export function resultToProto(result: Result): Message {
  assertAligned(result.outputTokenIds, result.logprobs);
  return {
    ...resultHeadToProto(result),
    output_token_ids: plainArray(result.outputTokenIds),
    logprobs: plainArray(result.logprobs),
  };
}

/** All but the token arrays: what the `finished` event carries. */
export function resultHeadToProto(result: Result): Message {
  const { finishReason, routing, usage } = result;
  return {
    id: result.id,
    job: result.job,
    policy: result.policy,
    group: result.group,
    session: result.session,
    logprob_mode: LOGPROB_MODE.number(result.logprobMode),
    finish_reason: {
      type: FINISH_TYPE.number(finishReason.type),
      cause: FINISH_CAUSE.number(finishReason.cause),
      ...matchedToProto(finishReason.matched),
    },
    spans: result.spans.map(spanToProto),
    segments: result.segments.map(segmentToProto),
    routing: {
      worker: routing.worker,
      queue_ms: routing.queueMs,
      prefill_ms: routing.prefillMs,
      decode_ms: routing.decodeMs,
      cached_tokens: routing.cachedTokens,
      attempts: routing.attempts,
      moves: routing.moves,
    },
    usage: {
      prompt_tokens: usage.promptTokens,
      output_tokens: usage.outputTokens,
      wasted_tokens: usage.wastedTokens,
    },
  };
}

function matchedToProto(matched: number | string | null) {
  if (typeof matched === "number") return { matched_id: matched };
  return typeof matched === "string" ? { matched_string: matched } : {};
}

const spanToProto = (span: Span): paceline.v1.Span.$Properties => ({
  version: span.version,
  label: span.label,
  base_version: span.baseVersion,
  start: span.start,
  end: span.end,
  kv: KV.number(span.kv),
  attested: ATTESTED.number(span.attested),
});

const segmentToProto = (segment: Segment): paceline.v1.Segment.$Properties => ({
  worker: segment.worker,
  slot: segment.slot,
  incarnation: segment.incarnation,
  attempt: segment.attempt,
  start: segment.start,
  end: segment.end,
  resume: RESUME_KIND.number(segment.resume),
  logprob_mode: LOGPROB_MODE.number(segment.logprobMode),
  numerics: segment.numerics,
});

/** For clients. Throws `internal` for a message that is no valid Result. */
export function resultFromProto(message: Message): Result {
  const { finish_reason: reason, routing, usage } = message;
  return decodeResult({
    id: message.id ?? "",
    job: message.job ?? "",
    policy: message.policy ?? "",
    group: message.group && groupFrom(message.group),
    session: message.session && sessionFrom(message.session),
    output_token_ids: message.output_token_ids ?? [],
    logprobs: message.logprobs ?? [],
    logprob_mode: LOGPROB_MODE.word(message.logprob_mode),
    finish_reason: {
      type: FINISH_TYPE.word(reason?.type),
      cause: FINISH_CAUSE.word(reason?.cause),
      matched: reason?.matched_id ?? reason?.matched_string,
    },
    spans: (message.spans ?? []).map(spanFrom),
    segments: (message.segments ?? []).map(segmentFrom),
    routing: {
      worker: routing?.worker,
      queue_ms: routing?.queue_ms ?? 0,
      prefill_ms: routing?.prefill_ms ?? 0,
      decode_ms: routing?.decode_ms ?? 0,
      cached_tokens: routing?.cached_tokens ?? 0,
      attempts: routing?.attempts ?? 0,
      moves: routing?.moves ?? 0,
    },
    usage: {
      prompt_tokens: usage?.prompt_tokens ?? 0,
      output_tokens: usage?.output_tokens ?? 0,
      wasted_tokens: narrow(usage?.wasted_tokens) ?? 0,
    },
  });
}

const segmentFrom = (segment: paceline.v1.Segment.$Properties) => ({
  worker: segment.worker ?? "",
  slot: segment.slot ?? 0,
  incarnation: segment.incarnation ?? "",
  attempt: segment.attempt ?? 0,
  start: segment.start ?? 0,
  end: segment.end ?? 0,
  resume: RESUME_KIND.word(segment.resume),
  logprob_mode: LOGPROB_MODE.word(segment.logprob_mode),
  numerics: { dtype: segment.numerics?.dtype ?? "" },
});
