/** From a dialect's request to rollouts of the contract: `n` siblings of one prompt, as the native codecs check them. */
import { PacelineError } from "../../../contract/errors.ts";
import type { Rollout, SessionRef } from "../../../contract/rollout.ts";
import { decodeGroup } from "../../codec/group.ts";
import { invalid } from "../../codec/invalid.ts";
import { decodeRollout } from "../../codec/rollout.ts";
import type { DialectContext } from "../dialect.ts";
import { dialectPath, type SamplingAsked } from "../vllm/sampling-params.ts";
import { assertFits, contextLength } from "./models.ts";

export interface TokenAsk {
  readonly policy: string;
  /** Unchecked. */
  readonly promptTokenIds: unknown;
  readonly sampling: SamplingAsked;
  /** Alternatives at each output position, beside the sampled token. */
  readonly topLogprobs: number;
  /** Position of the first row of routed experts, unchecked. Absent: none are wanted. */
  readonly expertsStart?: unknown;
  /** Unchecked. */
  readonly priority: unknown;
  /** The client's own: the same id with the same body joins. Absent: minted, and equal bodies are different requests. */
  readonly id: string | null;
  readonly session: SessionRef | null;
  readonly traceparent: string | null;
  /** Where the dialect's body has prompt and parameters, for errors. */
  readonly paths: BodyPaths;
}

export interface BodyPaths {
  readonly prompt: string;
  /** With the dot that ends it; empty at the top. */
  readonly params: string;
}

/** Throws what `decodeRollout` throws, with the path in the dialect's body, and `prompt_too_long`. */
export function rolloutsOf(ask: TokenAsk, context: DialectContext): readonly Rollout[] {
  const { mint, job } = context;
  const { sampling, traceparent, policy, paths } = ask;
  const most = contextLength(context, policy);
  if (Array.isArray(ask.promptTokenIds)) assertFits(ask.promptTokenIds.length, most, paths.prompt);
  const body = {
    ...(ask.id === null ? {} : { id: ask.id }),
    job,
    policy,
    prompt_token_ids: ask.promptTokenIds,
    sampling: limited(sampling, most),
    priority: ask.priority ?? null,
    want: {
      top_logprobs: ask.topLogprobs,
      prompt_logprobs: sampling.promptLogprobs ? { start: 0 } : null,
      ...(ask.expertsStart === undefined
        ? {}
        : { routed_experts: true, routed_experts_start: ask.expertsStart }),
    },
  };
  try {
    if (sampling.n === 1) {
      return [decodeRollout({ ...body, session: ask.session }, mint, { traceparent }).rollout];
    }
    // Siblings would be one turn of a session several times.
    const size = sampling.n;
    // Asked for by number, whatever the job does with its groups.
    const counted = { ...body, size, over_issue: 0, backfill: 0 };
    const { sibling } = decodeGroup(counted, mint, traceparent);
    return Array.from({ length: size }, (_, index) => sibling(index));
  } catch (thrown) {
    throw inDialectPaths(thrown, paths);
  }
}

/** No `max_tokens`: as far as the context goes; more than that is cut to it, as vLLM does. */
function limited({ wire }: SamplingAsked, most: number | null): Record<string, unknown> {
  if (most !== null) return { ...wire, max_total_tokens: most };
  if ((wire["max_new_tokens"] ?? null) !== null) return wire;
  throw new PacelineError("no_eligible_worker", "no worker is known, and no max_tokens was given", {
    retryAfterMs: 1_000,
  });
}

/** The same error, with the path that the dialect's body has for ours. */
export function inDialectPaths(thrown: unknown, paths: BodyPaths): PacelineError {
  const error = PacelineError.from(thrown);
  const { path } = error.details;
  if (typeof path !== "string" || path === "") return error;
  const theirs = dialectPath(path, paths);
  if (theirs === path) return error;
  const { details, code, message, cause, kept, retryAfterMs } = error;
  const text = message.startsWith(path) ? theirs + message.slice(path.length) : message;
  return new PacelineError(code, text, {
    details: { ...details, path: theirs },
    cause,
    ...(kept === undefined ? {} : { kept }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
  });
}

/** Throws `invalid_argument`. */
export function objectBody(body: unknown): Readonly<Record<string, unknown>> {
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    throw invalid("", "the body must be a JSON object");
  }
  return body as Record<string, unknown>;
}
