/** What a gRPC client makes of messages: the JSON that says the same, through the codecs that check it. */
import type { Metadata } from "@grpc/grpc-js";
import { paceline } from "../../proto/gen/paceline.js";
import { decodeError } from "../../server/api/codec/error.ts";
import { decodeResult } from "../../server/api/codec/result.ts";
import { ERROR_TRAILER } from "../../server/api/grpc/error-status.ts";
import { groupFrom, narrow, sessionFrom, spanFrom } from "../../server/api/grpc/rollout-message.ts";
import { structToJson } from "../../server/api/grpc/struct.ts";
import {
  BOUNDARY,
  ERROR_CODE,
  EXPERTS_DTYPE,
  EXPERTS_SOURCE,
  FINISH_CAUSE,
  FINISH_TYPE,
  LOGPROB_MODE,
  MOVE_REASON,
  RESUME_KIND,
} from "../../server/api/grpc/words.ts";
import type { PacelineError } from "../../server/contract/errors.ts";
import type { Result } from "../../server/contract/result.ts";

type Message = paceline.v1.Result.$Properties;

/** Throws `internal` for a message that is no valid Result. */
export const resultFromProto = (message: Message): Result => decodeResult(resultData(message));

function resultData(message: Message) {
  const { finish_reason: reason, routing, usage } = message;
  return {
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
    stale: message.stale && {
      lag: narrow(message.stale.lag) ?? 0,
      max_lag: narrow(message.stale.max_lag) ?? 0,
    },
    usage: {
      prompt_tokens: usage?.prompt_tokens ?? 0,
      output_tokens: usage?.output_tokens ?? 0,
      wasted_tokens: narrow(usage?.wasted_tokens) ?? 0,
    },
    ...(message.prompt_logprobs?.length ? { prompt_logprobs: message.prompt_logprobs } : {}),
    prompt_version: message.prompt_version == null ? null : narrow(message.prompt_version),
    top_logprobs: message.top_logprobs && {
      ids: (message.top_logprobs.ids ?? []).map(({ values }) => values ?? []),
      logprobs: (message.top_logprobs.logprobs ?? []).map(({ values }) => values ?? []),
    },
    side: message.side && {
      sampling_mask: message.side.sampling_mask && {
        ids: message.side.sampling_mask.ids ?? [],
        offsets: message.side.sampling_mask.offsets ?? [],
      },
      routed_experts: message.side.routed_experts && expertsFrom(message.side.routed_experts),
      stored: message.side.stored && {
        prompt_logprobs: partFrom(message.side.stored.prompt_logprobs),
        top_logprobs: partFrom(message.side.stored.top_logprobs),
        sampling_mask: partFrom(message.side.stored.sampling_mask),
      },
    },
  };
}

const partFrom = (part: paceline.v1.StoredPart.$Properties | null | undefined) =>
  part && {
    ref: part.ref ?? "",
    bytes: narrow(part.bytes) ?? 0,
    rows: part.rows ?? 0,
    entries: part.entries ?? 0,
  };

const expertsFrom = (message: paceline.v1.RoutedExperts.$Properties) => ({
  dtype: EXPERTS_DTYPE.word(message.dtype),
  first_position: message.first_position ?? 0,
  shape: message.shape ?? [],
  source: EXPERTS_SOURCE.word(message.source),
  bytes: narrow(message.bytes) ?? 0,
  crc32: message.crc32 ?? 0,
  data: message.data && Buffer.from(message.data).toString("base64"),
  ref: message.ref,
});

const segmentFrom = (segment: paceline.v1.Segment.$Properties) => ({
  worker: segment.worker,
  slot: segment.slot ?? 0,
  incarnation: segment.incarnation ?? "",
  attempt: segment.attempt ?? 0,
  start: segment.start ?? 0,
  end: segment.end ?? 0,
  resume: RESUME_KIND.word(segment.resume),
  logprob_mode: LOGPROB_MODE.word(segment.logprob_mode),
  numerics: { dtype: segment.numerics?.dtype ?? "" },
});

/** Name and data of an event, as a reader of SSE gets them. */
export function eventData(message: paceline.v1.Event): { name: string; data: unknown } {
  const name = message.event ?? "none";
  switch (name) {
    case "tokens": {
      const { start, output_token_ids, logprobs, version, mixed } = message.tokens ?? {};
      const data = {
        start: start ?? 0,
        output_token_ids,
        logprobs,
        version: narrow(version),
        mixed,
      };
      return { name, data };
    }
    case "placed": {
      const { worker, version, attempt } = message.placed ?? {};
      return { name, data: { worker, version: narrow(version) ?? 0, attempt: attempt ?? 0 } };
    }
    case "moved": {
      const { from, to, reason, resume, kept_tokens } = message.moved ?? {};
      const words = { reason: MOVE_REASON.word(reason), resume: RESUME_KIND.word(resume) };
      return { name, data: { from, to, ...words, kept_tokens: kept_tokens ?? 0 } };
    }
    case "finished": {
      const { output_token_ids: _, logprobs: __, ...head } = resultData(message.finished ?? {});
      return { name, data: head };
    }
    case "accepted":
      return { name, data: { id: message.accepted?.id } };
    case "held":
      return { name, data: { reason: message.held?.reason } };
    default:
      return { name, data: null };
  }
}

/** The error in a failed call's trailer, or null where the other side sent none. */
export function errorFromTrailer(metadata: Metadata): PacelineError | null {
  const bytes = metadata.get(ERROR_TRAILER)[0];
  if (!Buffer.isBuffer(bytes)) return null;
  const message = paceline.v1.Error.decode(bytes);
  return decodeError({
    code: ERROR_CODE.word(message.code),
    boundary: BOUNDARY.word(message.boundary),
    message: message.message,
    retryable: message.retryable,
    retry_after_ms: message.retry_after_ms,
    details: structToJson(message.details ?? {}),
    kept: message.kept && { output_tokens: message.kept.output_tokens ?? 0 },
  });
}
