/**
 * A rollout's output as SGLang's reply object. Token arrays are written by hand: a reply's cost is its arrays. Under
 * new names: `weight_version_start`, `weight_version_end` (steps, as Stitch has them) and `paceline`.
 */

import { PacelineError } from "../../../contract/errors.ts";
import type { Result } from "../../../contract/result.ts";
import type { FinishReason, Span } from "../../../contract/rollout.ts";
import type { IdRows, TopLogprobs } from "../../../contract/side-data.ts";
import { assertAligned } from "../../../contract/tokens.ts";
import type { TextCodec } from "../../../text/tokenizer.ts";
import { plainArray, shortDouble } from "../../codec/number-arrays.ts";
import type { DialectContext } from "../dialect.ts";
import { MARK } from "../marked-body.ts";
import type { Member, ReplyWish } from "./generate-request.ts";
import { committedText, labelText } from "./weight-version.ts";

/** Token id → its text, where texts are asked for. */
type TextOf = (id: number) => string | null;

const NO_TEXT: TextOf = () => null;

/** `[logprob, id, text or null]` of each token, joined, without the brackets around. */
export function pairsText(ids: Uint32Array, logprobs: Float32Array, textOf: TextOf): string {
  // One call over so many small arrays costs half of joining as many strings.
  const rows = new Array<readonly [number, number, string | null]>(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i] as number;
    rows[i] = [shortDouble(logprobs[i] as number), id, textOf(id)];
  }
  return JSON.stringify(rows).slice(1, -1);
}

export const textOfToken = ({ texts }: ReplyWish, codec: TextCodec | null): TextOf =>
  texts && codec !== null ? (id) => codec.decodeAll([id]) : NO_TEXT;

/** The output as text: without what stopped it, unless it is to stay. Empty where there is no tokenizer. */
export function outputText(
  ids: Uint32Array,
  reason: FinishReason | null,
  { skipSpecialTokens, keepStop }: ReplyWish,
  codec: TextCodec | null,
): string {
  if (codec === null || ids.length === 0) return "";
  const matched = keepStop || reason?.type !== "stop" ? null : reason.matched;
  const last = ids.length - 1;
  const shown = typeof matched === "number" && ids[last] === matched ? ids.subarray(0, last) : ids;
  const plain = plainArray(shown);
  const text = skipSpecialTokens ? codec.decode(plain) : codec.decodeAll(plain);
  if (typeof matched !== "string") return text;
  const cut = text.lastIndexOf(matched);
  return cut < 0 ? text : text.slice(0, cut);
}

export function finishText({ type, cause, matched }: FinishReason, length: number): string {
  if (type === "length") return `{"type":"length","length":${length}}`;
  if (type === "stop") return `{"type":"stop","matched":${JSON.stringify(matched)}}`;
  const message = cause === "client" ? "Aborted" : `Aborted: ${cause}`;
  return `{"type":"abort","message":"${message}","status_code":null,"err_type":null}`;
}

/** Spans by the trainer's steps: neighbours of one step are one. */
export function versionSpans(spans: readonly Span[]) {
  const merged: { version: string; start: number; end: number }[] = [];
  for (const { label, start, end } of spans) {
    const version = labelText(label);
    const last = merged.at(-1);
    if (last?.version === version) last.end = end;
    else merged.push({ version, start, end });
  }
  return merged;
}

/** The whole reply for one rollout. `fallback`: version of an output without tokens. */
export function replyText(
  result: Result,
  { rollout, wish }: Member,
  codec: TextCodec | null,
  fallback: string,
): string {
  const { outputTokenIds: ids, logprobs, finishReason, routing, usage } = result;
  assertAligned(ids, logprobs);
  const spans = versionSpans(result.spans);
  const version = spans.at(-1)?.version ?? fallback;
  const seconds = (routing.queueMs + routing.prefillMs + routing.decodeMs) / 1000;
  const head = {
    id: wish.rid,
    prompt_tokens: usage.promptTokens,
    completion_tokens: ids.length,
    cached_tokens: routing.cachedTokens,
    weight_version: version,
    weight_versions: spans,
    ...stepsOf(spans),
    num_retractions: routing.moves,
    queue_time: routing.queueMs / 1000,
    e2e_latency: seconds,
    paceline: {
      worker: routing.worker,
      attempts: routing.attempts,
      versions: result.spans.map(({ version: ours, start, end, kv }) => ({
        version: ours,
        start,
        end,
        kv,
      })),
    },
  };
  const meta =
    `${JSON.stringify(head).slice(0, -1)},"finish_reason":${finishText(finishReason, ids.length)}` +
    `${logprobTexts(result, rollout.promptTokenIds, wish, codec)}}`;
  const prompt = wish.promptIds
    ? `,"prompt_token_ids":${JSON.stringify(plainArray(rollout.promptTokenIds))}`
    : "";
  const text = JSON.stringify(outputText(ids, finishReason, wish, codec));
  return `{"text":${text},"output_ids":${JSON.stringify(plainArray(ids))}${prompt},"meta_info":${meta}}`;
}

/** Steps of the first and last token, where both have one. */
function stepsOf(spans: readonly { readonly version: string }[]) {
  const [first, last] = [spans.at(0)?.version, spans.at(-1)?.version];
  if (first === undefined || last === undefined) return {};
  const [start, end] = [Number(first), Number(last)];
  if (Number.isNaN(start) || Number.isNaN(end)) return {};
  return { weight_version_start: start, weight_version_end: end };
}

function logprobTexts(
  { outputTokenIds: ids, logprobs, side }: Result,
  prompt: Uint32Array,
  wish: ReplyWish,
  codec: TextCodec | null,
): string {
  const textOf = textOfToken(wish, codec);
  let text = side?.mask && wish.samplingMask ? maskText(side.mask) : "";
  if (side?.experts) text += `,"routed_experts":"${MARK}"`;
  if (!wish.logprobs) return text;
  text += `,"output_token_logprobs":[${pairsText(ids, logprobs, textOf)}]`;
  text += `,"output_token_logprobs_length":${ids.length}`;
  if (side?.top) text += `,"output_top_logprobs":[${topText(side.top, textOf)}]`;
  if (wish.inputStart === null || !side?.prompt) return `${text},"input_token_logprobs":[]`;
  // SGLang has no value for the first one, wherever it starts.
  const rest = pairsText(
    prompt.subarray(wish.inputStart + 1),
    side.prompt.logprobs.subarray(1),
    textOf,
  );
  const first = prompt[wish.inputStart] as number;
  const input = `${JSON.stringify([null, first, textOf(first)])}${rest === "" ? "" : `,${rest}`}`;
  return `${text},"input_token_logprobs":[${input}]`;
}

function topText({ offsets, ids, logprobs }: TopLogprobs, textOf: TextOf): string {
  const rows: string[] = [];
  for (let row = 0; row + 1 < offsets.length; row++) {
    const from = offsets[row] as number;
    const to = offsets[row + 1] as number;
    rows.push(`[${pairsText(ids.subarray(from, to), logprobs.subarray(from, to), textOf)}]`);
  }
  return rows.join();
}

/** As slime reads it: base64 of little-endian int32. */
const maskText = ({ ids, offsets }: IdRows): string =>
  `,"top_p_token_ids":"${base64(ids)}","top_p_token_offsets":"${base64(offsets)}"`;

const base64 = (array: Uint32Array): string =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");

/** Of a rollout that never ran: nothing was made. */
export function emptyReply(
  { rollout, wish }: Member,
  reason: FinishReason,
  version: string,
): string {
  const head = {
    id: wish.rid,
    prompt_tokens: rollout.promptTokenIds.length,
    completion_tokens: 0,
    cached_tokens: 0,
    weight_version: version,
    weight_versions: [],
  };
  const logprobs = wish.logprobs ? ',"output_token_logprobs":[],"input_token_logprobs":[]' : "";
  const meta = `${JSON.stringify(head).slice(0, -1)},"finish_reason":${finishText(reason, 0)}${logprobs}}`;
  return `{"text":"","output_ids":[],"meta_info":${meta}}`;
}

/** A prompt without room ends like one that has used up its room: a trainer would retry a 400. Null: another error. */
export function endWithoutResult(
  thrown: unknown,
  member: Member,
  context: DialectContext,
): string | null {
  if (!(thrown instanceof PacelineError) || thrown.code !== "prompt_too_long") return null;
  const reason: FinishReason = { type: "length", cause: "context", matched: null };
  return emptyReply(member, reason, committedText(context));
}
