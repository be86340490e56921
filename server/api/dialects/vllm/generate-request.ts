/**
 * `POST /inference/v1/generate`, read. What vLLM takes and what becomes of it here is the table of docs/dialects.md;
 * fields that would need multimodal input or foreign KV are refused, unknown ones are ignored and told.
 */
import type { IncomingHttpHeaders } from "node:http";
import type { Rollout, SessionRef } from "../../../contract/rollout.ts";
import { invalid } from "../../codec/invalid.ts";
import { traceparentOf } from "../../traceparent.ts";
import type { DialectContext, ExpertsShown } from "../dialect.ts";
import { policyNamed } from "../openai/models.ts";
import { type BodyPaths, objectBody, rolloutsOf } from "../openai/token-ask.ts";
import { samplingAsked, unsupported } from "./sampling-params.ts";

export interface GenerateAsked {
  readonly rollouts: readonly Rollout[];
  readonly paths: BodyPaths;
  /** As replies name the request: vLLM's prefix before the client's id. */
  readonly requestId: string;
  /** As the reply repeats it. */
  readonly model: string;
  /** Entries at each position of the output, the sampled one first; null: none. */
  readonly logprobs: number | null;
  readonly promptLogprobs: boolean;
  readonly returnPrompt: boolean;
  readonly stream: boolean;
  /** How the reply has routed experts; null: not. */
  readonly experts: ExpertsShown | null;
  readonly usage: "none" | "last" | "each";
  /** Fields that nobody knows. */
  readonly ignored: readonly string[];
}

export const ID_PREFIX = "generate-tokens-";

const KNOWN: ReadonlySet<string> = new Set([
  "request_id",
  "token_ids",
  "sampling_params",
  "model",
  "output_mode",
  "return_token_ids",
  "stream",
  "stream_options",
  // Our namespaces keep KV of versions apart, with or without a salt.
  "cache_salt",
  "priority",
  // Filled by vLLM's own /render; they change nothing without a reasoning parser.
  "token_offsets",
  "reasoning_ended",
  "reasoning_parser_kwargs",
]);

const REFUSED = ["kv_transfer_params", "ec_transfer_params", "features", "content_parts"] as const;

const PATHS = { prompt: "token_ids", params: "sampling_params." } as const;

/** Throws `invalid_argument`, `unsupported`, `not_found`, `prompt_too_long`; each with the path in this body. */
export function decodeGenerate(
  given: unknown,
  headers: IncomingHttpHeaders,
  context: DialectContext,
  sessionOf: (session: string, request: string | null) => SessionRef,
): GenerateAsked {
  const body = objectBody(given);
  for (const name of REFUSED) if ((body[name] ?? null) !== null) throw unsupported(name);
  if ((body["output_mode"] ?? "tokens") !== "tokens") {
    throw unsupported("output_mode", "this route answers tokens; /v1/completions answers text");
  }
  const params = body["sampling_params"];
  if (typeof params !== "object" || params === null || Array.isArray(params)) {
    throw invalid("sampling_params", "must be an object");
  }
  const own = params as Record<string, unknown>;
  const sampling = samplingAsked(own, "sampling_params.");
  assertSalt(body["cache_salt"], "cache_salt");
  assertSalt(own["cache_salt"], "sampling_params.cache_salt");
  const stream = flag(body, "stream");
  const { logprobs, promptLogprobs } = sampling;
  if (stream && (logprobs ?? 0) > 1) {
    throw unsupported(
      "sampling_params.logprobs",
      "alternatives are known at the end: not in a stream",
    );
  }
  if (stream && promptLogprobs)
    throw unsupported("sampling_params.prompt_logprobs", "not in a stream");
  const id = idOf(body["request_id"]);
  const session = headerOf(headers, "x-session-id");
  const policy = policyNamed(context, body["model"]);
  const { routedExperts: experts } = context;
  const rollouts = rolloutsOf(
    {
      ...(experts === null ? {} : { expertsStart: own["routed_experts_prompt_start"] ?? 0 }),
      policy,
      promptTokenIds: body["token_ids"],
      sampling,
      topLogprobs: logprobs !== null && logprobs > 1 ? logprobs : 0,
      priority: body["priority"] ?? own["priority"],
      id,
      session: session === null || sampling.n > 1 ? null : sessionOf(session, id),
      traceparent: traceparentOf(headers["traceparent"]),
      paths: PATHS,
    },
    context,
  );
  const unknown = Object.keys(body).filter((name) => !KNOWN.has(name) && !isRefused(name));
  return {
    rollouts,
    paths: PATHS,
    requestId: ID_PREFIX + (headerOf(headers, "x-request-id") ?? id ?? mintedId(rollouts)),
    model: typeof body["model"] === "string" ? body["model"] : policy,
    logprobs,
    promptLogprobs,
    returnPrompt: flag(body, "return_token_ids"),
    stream,
    experts,
    usage: usageOf(body["stream_options"]),
    ignored: [...unknown, ...sampling.ignored],
  };
}

const isRefused = (name: string): boolean => REFUSED.some((refused) => refused === name);

/** The group's where there are siblings. */
const mintedId = ([first]: readonly Rollout[]): string => first?.group?.id ?? first?.id ?? "";

/** vLLM takes any string; one that is no id of ours could neither be joined nor aborted. */
function idOf(given: unknown): string | null {
  if (given === undefined || given === null) return null;
  if (typeof given !== "string" || !/^[A-Za-z0-9._:-]{1,120}$/.test(given)) {
    throw invalid("request_id", "must be 1 to 120 characters of A-Z a-z 0-9 . _ : -");
  }
  return given;
}

export function assertSalt(salt: unknown, path: string): void {
  if (salt === undefined || salt === null) return;
  if (typeof salt !== "string" || salt.length === 0 || salt.length > 1_024) {
    throw invalid(path, "must be 1 to 1024 characters");
  }
}

export function flag(body: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = body[name] ?? false;
  if (typeof value !== "boolean") throw invalid(name, "must be true or false");
  return value;
}

export function usageOf(options: unknown): GenerateAsked["usage"] {
  if (typeof options !== "object" || options === null) return "none";
  if (Reflect.get(options, "continuous_usage_stats") === true) return "each";
  return Reflect.get(options, "include_usage") === true ? "last" : "none";
}

/** A header that was given once and says something; else null. */
export function headerOf(headers: IncomingHttpHeaders, name: string): string | null {
  const value = headers[name];
  return typeof value === "string" && value !== "" ? value : null;
}
