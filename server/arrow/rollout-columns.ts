/**
 * Finished rollouts as rows: what a Result holds, by the same names as in JSON, or the error that it ended in. A
 * row with an error, or of what is kept, has nothing else but `id` and `job`. Whole numbers are int64; times float64, in ms.
 */
import type { Field } from "apache-arrow";
import type { PacelineError } from "../contract/errors.ts";
import type { Label } from "../contract/policy.ts";
import type { Result, Routing, Stale, Usage } from "../contract/result.ts";
import type { FinishReason, GroupRef, Segment, SessionRef, Span } from "../contract/rollout.ts";
import type { RoutedExperts } from "../contract/routed-experts.ts";
import type { IdRows, SideData, TopLogprobs } from "../contract/side-data.ts";
import type { StoredPart, StoredSide } from "../contract/stored-side.ts";
import type { Kind, Kinds, Member } from "./kinds.ts";

export type RolloutRow =
  | { readonly result: Result }
  | { readonly id: string; readonly job: string; readonly error: PacelineError }
  | { readonly id: string; readonly job: string; readonly keptTokens: number };

export type RolloutColumns = readonly Member<RolloutRow>[];

export const fieldsOf = (columns: RolloutColumns): Field[] => columns.map(({ field }) => field);

export function createRolloutColumns(kinds: Kinds): RolloutColumns {
  const { always, maybe, utf8, int64, ids, floats, list } = kinds;
  const ofResult = <F>(name: string, kind: Kind<F>, pick: (result: Result) => F | null) =>
    maybe<RolloutRow, F>(name, kind, (row) => ("result" in row ? pick(row.result) : null));
  return [
    always("id", utf8, (row) => ("result" in row ? row.result.id : row.id)),
    always("job", utf8, (row) => ("result" in row ? row.result.job : row.job)),
    ofResult("policy", utf8, ({ policy }) => policy),
    ofResult("group", groupKind(kinds), ({ group }) => group),
    ofResult("session", sessionKind(kinds), ({ session }) => session),
    ofResult("output_token_ids", ids, ({ outputTokenIds }) => outputTokenIds),
    ofResult("logprobs", floats, ({ logprobs }) => logprobs),
    ofResult("logprob_mode", utf8, ({ logprobMode }) => logprobMode),
    ofResult("finish_reason", finishKind(kinds), ({ finishReason }) => finishReason),
    ofResult("spans", list(spanKind(kinds)), ({ spans }) => spans),
    ofResult("segments", list(segmentKind(kinds)), ({ segments }) => segments),
    ofResult("routing", routingKind(kinds), ({ routing }) => routing),
    ofResult("usage", usageKind(kinds), ({ usage }) => usage),
    ofResult("stale", staleKind(kinds), ({ stale }) => stale),
    ofResult("prompt_logprobs", floats, ({ side }) => side?.prompt?.logprobs ?? null),
    ofResult("prompt_version", int64, ({ side }) => promptVersion(side)),
    ofResult("top_logprobs", topKind(kinds), ({ side }) => side?.top ?? null),
    ofResult("sampling_mask", maskKind(kinds), ({ side }) => side?.mask ?? null),
    ofResult("routed_experts", expertsKind(kinds), ({ side }) => side?.experts ?? null),
    ofResult("stored", storedKind(kinds), ({ side }) => side?.stored ?? null),
    maybe("error", errorKind(kinds), (row) => ("error" in row ? row.error : null)),
    maybe("kept_tokens", int64, (row) => ("keptTokens" in row ? row.keptTokens : null)),
  ];
}

const promptVersion = (side: SideData | null): number | null =>
  (side?.prompt ?? side?.stored?.prompt)?.version ?? null;

/** `data` or `ref`, as in JSON; here the bytes as they are. */
const expertsKind = ({ struct, list, always, maybe, utf8, int64, binary }: Kinds) =>
  struct<RoutedExperts>([
    always("dtype", utf8, ({ dtype }) => dtype),
    always("first_position", int64, ({ firstPosition }) => firstPosition),
    always("shape", list(int64), ({ shape }) => shape),
    always("source", utf8, ({ source }) => source),
    always("bytes", int64, ({ bytes }) => bytes),
    always("crc32", int64, ({ crc32 }) => crc32),
    maybe("data", binary, ({ held }) => ("data" in held ? held.data : null)),
    maybe("ref", utf8, ({ held }) => ("ref" in held ? held.ref : null)),
  ]);

const storedKind = (kinds: Kinds) => {
  const { struct, maybe, always, utf8, int64 } = kinds;
  const part = struct<StoredPart>([
    always("ref", utf8, ({ ref }) => ref),
    always("bytes", int64, ({ bytes }) => bytes),
    always("rows", int64, ({ rows }) => rows),
    always("entries", int64, ({ entries }) => entries),
  ]);
  return struct<StoredSide>([
    maybe("prompt_logprobs", part, ({ prompt }) => prompt),
    maybe("top_logprobs", part, ({ top }) => top),
    maybe("sampling_mask", part, ({ mask }) => mask),
  ]);
};

const groupKind = ({ struct, always, utf8, int64 }: Kinds): Kind<GroupRef> =>
  struct([
    always("id", utf8, ({ id }) => id),
    always("size", int64, ({ size }) => size),
    always("index", int64, ({ index }) => index),
  ]);

const sessionKind = ({ struct, always, utf8, int64, bool }: Kinds): Kind<SessionRef> =>
  struct([
    always("id", utf8, ({ id }) => id),
    always("turn", int64, ({ turn }) => turn),
    always("branch", int64, ({ branch }) => branch),
    always("final", bool, ({ final }) => final),
  ]);

/** JSON's one `matched` is two columns: an id or a string. */
const finishKind = ({ struct, always, maybe, utf8, int64 }: Kinds): Kind<FinishReason> =>
  struct([
    always("type", utf8, ({ type }) => type),
    always("cause", utf8, ({ cause }) => cause),
    maybe("matched_id", int64, ({ matched }) => (typeof matched === "number" ? matched : null)),
    maybe("matched_string", utf8, ({ matched }) => (typeof matched === "string" ? matched : null)),
  ]);

const labelKind = ({ struct, always, utf8, int64 }: Kinds): Kind<Label> =>
  struct([always("run", utf8, ({ run }) => run), always("step", int64, ({ step }) => step)]);

const spanKind = (kinds: Kinds): Kind<Span> => {
  const { struct, always, maybe, utf8, int64 } = kinds;
  return struct([
    always("version", int64, ({ version }) => version),
    maybe("label", labelKind(kinds), ({ label }) => label),
    maybe("base_version", int64, ({ baseVersion }) => baseVersion),
    always("start", int64, ({ start }) => start),
    always("end", int64, ({ end }) => end),
    always("kv", utf8, ({ kv }) => kv),
    always("attested", utf8, ({ attested }) => attested),
  ]);
};

const segmentKind = ({ struct, always, maybe, utf8, int64 }: Kinds): Kind<Segment> =>
  struct([
    maybe("worker", utf8, ({ worker }) => worker),
    always("slot", int64, ({ slot }) => slot),
    always("incarnation", utf8, ({ incarnation }) => incarnation),
    always("attempt", int64, ({ attempt }) => attempt),
    always("start", int64, ({ start }) => start),
    always("end", int64, ({ end }) => end),
    always("resume", utf8, ({ resume }) => resume),
    always("logprob_mode", utf8, ({ logprobMode }) => logprobMode),
    always("dtype", utf8, ({ numerics }) => numerics.dtype),
  ]);

const routingKind = ({ struct, always, maybe, utf8, int64, float64 }: Kinds): Kind<Routing> =>
  struct([
    maybe("worker", utf8, ({ worker }) => worker),
    always("queue_ms", float64, ({ queueMs }) => queueMs),
    always("prefill_ms", float64, ({ prefillMs }) => prefillMs),
    always("decode_ms", float64, ({ decodeMs }) => decodeMs),
    always("cached_tokens", int64, ({ cachedTokens }) => cachedTokens),
    always("attempts", int64, ({ attempts }) => attempts),
    always("moves", int64, ({ moves }) => moves),
  ]);

const usageKind = ({ struct, always, int64 }: Kinds): Kind<Usage> =>
  struct([
    always("prompt_tokens", int64, ({ promptTokens }) => promptTokens),
    always("output_tokens", int64, ({ outputTokens }) => outputTokens),
    always("wasted_tokens", int64, ({ wastedTokens }) => wastedTokens),
  ]);

const staleKind = ({ struct, always, int64 }: Kinds): Kind<Stale> =>
  struct([
    always("lag", int64, ({ lag }) => lag),
    always("max_lag", int64, ({ maxLag }) => maxLag),
  ]);

/** Flat, unlike in JSON: those of output token i are `[offsets[i], offsets[i + 1])`. */
const topKind = ({ struct, always, ids, floats }: Kinds): Kind<TopLogprobs> =>
  struct([
    always("offsets", ids, (rows) => rows.offsets),
    always("ids", ids, (rows) => rows.ids),
    always("logprobs", floats, ({ logprobs }) => logprobs),
  ]);

const maskKind = ({ struct, always, ids }: Kinds): Kind<IdRows> =>
  struct([always("offsets", ids, (rows) => rows.offsets), always("ids", ids, (rows) => rows.ids)]);

/** `details` is JSON text: each code has its own. */
const errorKind = ({ struct, always, maybe, utf8, int64, bool }: Kinds): Kind<PacelineError> =>
  struct([
    always("code", utf8, ({ code }) => code),
    always("boundary", utf8, ({ kind }) => kind.boundary),
    always("message", utf8, ({ message }) => message),
    always("retryable", bool, ({ kind }) => kind.retryable),
    maybe("retry_after_ms", int64, ({ retryAfterMs }) => retryAfterMs ?? null),
    always("details", utf8, ({ details }) => JSON.stringify(details)),
    maybe("kept_output_tokens", int64, ({ kept }) => kept?.output_tokens ?? null),
  ]);
