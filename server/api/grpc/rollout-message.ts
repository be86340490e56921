/**
 * A Rollout message as the JSON body that says the same, so that both fronts share one path of checks.
 * protobufjs coerces silently when it encodes and makes `Long`s when it decodes; here every 64-bit
 * integer becomes a number (one beyond 2^53 stays beyond it, and the schema refuses it).
 */
import type { paceline } from "../../../proto/gen/paceline.js";
import { structToJson, valueToJson } from "./struct.ts";
import {
  ATTESTED,
  CACHE_REUSE,
  DELIVER,
  KV,
  LATENCY,
  LOGPROB_MODE,
  ON_UPDATE,
  RESUME,
} from "./words.ts";

type Message = paceline.v1.Rollout.$Properties;
type Wide = number | { toNumber(): number };
type Absent = null | undefined;

/** A number from a 64-bit field. */
export function narrow(value: Wide): number;
export function narrow(value: Wide | Absent): number | undefined;
export function narrow(value: Wide | Absent): number | undefined {
  if (value == null) return undefined;
  return typeof value === "number" ? value : value.toNumber();
}

/** The body that `decodeRollout` takes. Nothing is checked here. */
export function rolloutFromProto(message: Message): Record<string, unknown> {
  const { hints, want, cache } = message;
  return {
    id: message.id,
    job: message.job,
    policy: message.policy,
    pool: message.pool,
    prompt_token_ids: message.prompt_token_ids ?? [],
    media: message.media?.map(mediaFrom),
    sampling: samplingFrom(message.sampling ?? {}),
    continue: message.continue && continuationFrom(message.continue),
    group: message.group && groupFrom(message.group),
    session: message.session && sessionFrom(message.session),
    version: message.version && constraintFrom(message.version),
    on_update: ON_UPDATE.word(message.on_update),
    cache: cache && { reuse: CACHE_REUSE.word(cache.reuse) },
    resume: RESUME.word(message.resume),
    priority: message.priority,
    hints: hints && {
      expected_new_tokens: hints.expected_new_tokens,
      next_turn: hints.next_turn,
      latency: LATENCY.word(hints.latency),
    },
    want: want && {
      logprob_modes: want.logprob_modes?.map((mode) => LOGPROB_MODE.word(mode)),
      prompt_logprobs: want.prompt_logprobs && { start: want.prompt_logprobs.start ?? 0 },
      top_logprobs: want.top_logprobs,
      routed_experts: want.routed_experts,
      routed_experts_start: want.routed_experts_start,
      side_by_ref: want.side_by_ref,
      sampling_mask: want.sampling_mask,
    },
    timeout_ms: message.timeout_ms,
    deliver: DELIVER.word(message.deliver),
    required_features: message.required_features,
  };
}

function samplingFrom(sampling: paceline.v1.Sampling.$Properties): Record<string, unknown> {
  return {
    max_new_tokens: sampling.max_new_tokens,
    max_total_tokens: sampling.max_total_tokens,
    min_new_tokens: sampling.min_new_tokens,
    temperature: sampling.temperature,
    top_p: sampling.top_p,
    top_k: sampling.top_k,
    min_p: sampling.min_p,
    presence_penalty: sampling.presence_penalty,
    frequency_penalty: sampling.frequency_penalty,
    repetition_penalty: sampling.repetition_penalty,
    stop_token_ids: sampling.stop_token_ids,
    stop: sampling.stop,
    ignore_eos: sampling.ignore_eos,
    seed: narrow(sampling.seed),
    logit_bias: sampling.logit_bias,
    allowed_token_ids: sampling.allowed_token_ids,
    bad_words: sampling.bad_words,
    structured: sampling.structured && valueToJson(sampling.structured),
    engine: sampling.engine && structToJson(sampling.engine),
  };
}

const mediaFrom = (media: paceline.v1.Media.$Properties) => ({
  kind: media.kind ?? "",
  sha256: media.sha256,
  uri: media.uri,
  placeholder: media.placeholder && {
    offset: media.placeholder.offset ?? 0,
    length: media.placeholder.length ?? 0,
  },
});

export const continuationFrom = (given: paceline.v1.Continuation.$Properties) => ({
  output_token_ids: given.output_token_ids ?? [],
  logprobs: given.logprobs ?? [],
  spans: (given.spans ?? []).map(spanFrom),
});

/** As JSON has it; the scalars that the wire leaves out when they are zero are back. */
export const spanFrom = (span: paceline.v1.Span.$Properties) => ({
  version: narrow(span.version) ?? 0,
  label: span.label && { run: span.label.run ?? "", step: narrow(span.label.step) ?? 0 },
  base_version: narrow(span.base_version),
  start: span.start ?? 0,
  end: span.end ?? 0,
  kv: KV.word(span.kv),
  attested: ATTESTED.word(span.attested),
});

export const groupFrom = (group: paceline.v1.GroupRef.$Properties) => ({
  id: group.id ?? "",
  size: group.size ?? 0,
  index: group.index ?? 0,
});

export const sessionFrom = (session: paceline.v1.SessionRef.$Properties) => ({
  id: session.id ?? "",
  turn: session.turn,
  branch: session.branch,
  final: session.final,
});

const constraintFrom = (version: paceline.v1.VersionConstraint.$Properties) => ({
  exact: narrow(version.exact),
  min: narrow(version.min),
  max_lag: narrow(version.max_lag),
  min_step: narrow(version.min_step),
});
