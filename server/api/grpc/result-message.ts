/** A Result as its message. */
import type { paceline } from "../../../proto/gen/paceline.js";
import type { Result } from "../../contract/result.ts";
import type { Segment, Span } from "../../contract/rollout.ts";
import type { RoutedExperts } from "../../contract/routed-experts.ts";
import type { SideData, TopLogprobs } from "../../contract/side-data.ts";
import { assertAligned } from "../../contract/tokens.ts";
import { plainArray } from "../codec/number-arrays.ts";
import { storedToWire } from "../codec/side-data.ts";
import {
  ATTESTED,
  EXPERTS_DTYPE,
  EXPERTS_SOURCE,
  FINISH_CAUSE,
  FINISH_TYPE,
  KV,
  LOGPROB_MODE,
  RESUME_KIND,
} from "./words.ts";

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
  const { finishReason, routing, usage, stale } = result;
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
    ...(stale && { stale: { lag: stale.lag, max_lag: stale.maxLag } }),
    ...(result.side === null ? {} : sideToProto(result.side)),
  };
}

const sideToProto = ({ prompt, top, mask, experts, stored }: SideData): Message => ({
  ...(prompt && { prompt_logprobs: plainArray(prompt.logprobs) }),
  prompt_version: (prompt ?? stored?.prompt)?.version ?? null,
  ...(top && { top_logprobs: topToProto(top) }),
  ...((mask ?? experts ?? stored) && {
    side: {
      ...(mask && {
        sampling_mask: { ids: plainArray(mask.ids), offsets: plainArray(mask.offsets) },
      }),
      ...(experts && { routed_experts: expertsToProto(experts) }),
      ...(stored && { stored: storedToWire(stored) }),
    },
  }),
});

const expertsToProto = (experts: RoutedExperts): paceline.v1.RoutedExperts.$Properties => ({
  dtype: EXPERTS_DTYPE.number(experts.dtype),
  first_position: experts.firstPosition,
  shape: [...experts.shape],
  source: EXPERTS_SOURCE.number(experts.source),
  bytes: experts.bytes,
  crc32: experts.crc32,
  ...experts.held,
});

function topToProto({ offsets, ids, logprobs }: TopLogprobs): paceline.v1.TopLogprobs.$Properties {
  const rows = <A extends Uint32Array | Float32Array>(all: A): { values: number[] }[] =>
    Array.from({ length: offsets.length - 1 }, (_, row) => ({
      values: plainArray(all.subarray(offsets[row], offsets[row + 1])),
    }));
  return { ids: rows(ids), logprobs: rows(logprobs) };
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
