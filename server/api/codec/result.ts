/**
 * A Result as JSON text and back. The token arrays are written by hand around one small
 * `JSON.stringify`: a reply's cost is its arrays.
 */
import { PacelineError } from "../../contract/errors.ts";
import { createResult, type Result } from "../../contract/result.ts";
import type { Segment } from "../../contract/rollout.ts";
import type { Encoding } from "../../contract/schema.ts";
import { createResultSchema, type WireResult } from "../../contract/schema-result.ts";
import { assertAligned } from "../../contract/tokens.ts";
import { LIMITS } from "../../limits.ts";
import { check } from "./invalid.ts";
import { base64Bytes, floatsText, idsText, writeBase64 } from "./number-arrays.ts";
import { groupFromWire, sessionFromWire, spanFromWire, spanToWire } from "./refs.ts";
import { encodingOfReply, sideFromWire, sideText } from "./side-data.ts";

/** The whole Result: one line of NDJSON. Throws `misaligned` (I1). */
export function encodeResult(result: Result, encoding: Encoding): string {
  const { outputTokenIds, logprobs } = result;
  const [head, between, tail] = aroundArrays(result, encoding);
  return head + idsText(outputTokenIds, encoding) + between + floatsText(logprobs, encoding) + tail;
}

/** The same as the body of a unary reply: base64 is written where it is sent from, and not copied from text to text. */
export function encodeResultBody(result: Result, encoding: Encoding): Buffer {
  if (encoding === "json") return Buffer.from(encodeResult(result, encoding));
  const { outputTokenIds, logprobs } = result;
  const [head, between, tail] = aroundArrays(result, encoding);
  const texts = Buffer.byteLength(head) + between.length + Buffer.byteLength(tail);
  const body = Buffer.allocUnsafe(texts + 2 * base64Bytes(outputTokenIds));
  let at = body.write(head);
  at += writeBase64(outputTokenIds, body, at);
  at += body.write(between, at, "latin1");
  at += writeBase64(logprobs, body, at);
  body.write(tail, at);
  return body;
}

/** What stands before, between and behind the two token arrays. */
function aroundArrays(result: Result, encoding: Encoding): readonly [string, string, string] {
  const { outputTokenIds, logprobs, side } = result;
  assertAligned(outputTokenIds, logprobs);
  const head = JSON.stringify(resultHead(result)).slice(0, -1);
  return [`${head},"output_token_ids":`, ',"logprobs":', `${sideText(side, encoding)}}`];
}

/** All but the token arrays: what the `finished` event carries. */
export const encodeResultHead = (result: Result, encoding: Encoding): string =>
  `${JSON.stringify(resultHead(result)).slice(0, -1)}${sideText(result.side, encoding)}}`;

function resultHead(result: Result) {
  const { routing, usage, stale } = result;
  return {
    id: result.id,
    job: result.job,
    policy: result.policy,
    group: result.group,
    session: result.session,
    logprob_mode: result.logprobMode,
    finish_reason: result.finishReason,
    spans: result.spans.map(spanToWire),
    segments: result.segments.map(segmentToWire),
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
  };
}

/** Field by field: to take one out of a copy costs several times as much. */
const segmentToWire = (segment: Segment) => ({
  worker: segment.worker,
  slot: segment.slot,
  incarnation: segment.incarnation,
  attempt: segment.attempt,
  start: segment.start,
  end: segment.end,
  resume: segment.resume,
  numerics: segment.numerics,
  logprob_mode: segment.logprobMode,
});

const SCHEMAS = {
  json: createResultSchema("json", LIMITS),
  b64: createResultSchema("b64", LIMITS),
} as const;

/** For clients. Tells the encoding by the arrays. Throws `internal` for a body that is no Result. */
export function decodeResult(body: unknown): Result {
  return fromReply("Result", () => resultFromWire(check(SCHEMAS[encodingOfReply(body)], body)));
}

/** What a server answered and what does not hold is not the caller's argument. */
export function fromReply<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    const error = PacelineError.from(thrown);
    if (error.code !== "invalid_argument") throw error;
    throw new PacelineError("internal", `the server's ${what} is malformed: ${error.message}`, {
      details: error.details,
      cause: error,
    });
  }
}

export function resultFromWire(wire: WireResult): Result {
  const { routing, usage } = wire;
  return createResult({
    id: wire.id,
    job: wire.job,
    policy: wire.policy,
    group: groupFromWire(wire.group),
    session: sessionFromWire(wire.session),
    outputTokenIds: wire.output_token_ids,
    logprobs: wire.logprobs,
    logprobMode: wire.logprob_mode,
    finishReason: { ...wire.finish_reason, matched: wire.finish_reason.matched ?? null },
    spans: wire.spans.map(spanFromWire),
    segments: wire.segments.map(({ logprob_mode, worker, ...segment }) => ({
      ...segment,
      worker: worker ?? null,
      logprobMode: logprob_mode,
    })),
    routing: {
      worker: routing.worker ?? null,
      queueMs: routing.queue_ms,
      prefillMs: routing.prefill_ms,
      decodeMs: routing.decode_ms,
      cachedTokens: routing.cached_tokens,
      attempts: routing.attempts,
      moves: routing.moves,
    },
    usage: {
      promptTokens: usage.prompt_tokens,
      outputTokens: usage.output_tokens,
      wastedTokens: usage.wasted_tokens,
    },
    stale: wire.stale ? { lag: wire.stale.lag, maxLag: wire.stale.max_lag } : null,
    side: sideFromWire(wire),
  });
}
