/** What a completion or a chat completion asks for beside its tokens: fields that both have, read once. */
import type { IncomingHttpHeaders } from "node:http";
import { PacelineError } from "../../../contract/errors.ts";
import type { Rollout } from "../../../contract/rollout.ts";
import type { TextCodec } from "../../../text/tokenizer.ts";
import { invalid } from "../../codec/invalid.ts";
import { traceparentOf } from "../../traceparent.ts";
import type { DialectContext } from "../dialect.ts";
import type { MountState } from "../mount-state.ts";
import { flag, headerOf, usageOf } from "../vllm/generate-request.ts";
import {
  type SamplingAsked,
  samplingAsked,
  type TextRule,
  unsupported,
} from "../vllm/sampling-params.ts";
import { type NvextAsked, nvextAsked } from "./nvext.ts";
import { type BodyPaths, rolloutsOf } from "./token-ask.ts";

export type Body = Readonly<Record<string, unknown>>;

export interface Asked {
  readonly rollouts: readonly Rollout[];
  readonly paths: BodyPaths;
  readonly kind: "completion" | "chat";
  readonly id: string;
  readonly model: string;
  /** Seconds since the Unix epoch. */
  readonly created: number;
  /** Alternatives beside the sampled token; null: no logprobs at all. */
  readonly logprobs: number | null;
  readonly promptLogprobs: boolean;
  readonly echo: boolean;
  /** Tokens of logprobs as `token_id:N`. */
  readonly tokensAsIds: boolean;
  readonly returnTokenIds: boolean;
  readonly nvext: NvextAsked;
  readonly text: TextRule;
  /** Null: nobody can write text, and what text there would be is empty. */
  readonly codec: TextCodec | null;
  readonly stream: boolean;
  readonly usage: "none" | "last" | "each";
  readonly ignored: readonly string[];
}

/** Of both routes, read here or by them; the rest are sampling parameters. */
const ROUTE_FIELDS: ReadonlySet<string> = new Set([
  "model",
  "prompt",
  "messages",
  "echo",
  "logprobs",
  "top_logprobs",
  "stream",
  "stream_options",
  "return_token_ids",
  "return_tokens_as_token_ids",
  "nvext",
  "request_id",
  "tokens",
  "max_completion_tokens",
  "response_format",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "add_generation_prompt",
  "continue_final_message",
  "add_special_tokens",
  "chat_template_kwargs",
  "required_prefix_token_ids",
  // About accounts, or about how others run what they run.
  "user",
  "store",
  "metadata",
  "service_tier",
  "safety_identifier",
  "prompt_cache_key",
]);

const REFUSED = {
  suffix: "",
  prompt_embeds: null,
  kv_transfer_params: null,
  modalities: null,
  audio: null,
  chat_template: null,
} as const;

export interface Prompt {
  /** Unchecked. */
  readonly ids: unknown;
  readonly path: string;
}

export interface Reading {
  readonly context: DialectContext;
  readonly state: MountState;
  readonly body: Body;
  readonly headers: IncomingHttpHeaders;
  readonly policy: string;
  readonly codec: TextCodec | null;
}

/** Throws as `rolloutsOf`; and `unsupported` for more than one choice where Dynamo's fields hold one. */
export function askedOf(
  { context, state, body, headers, policy, codec }: Reading,
  kind: Asked["kind"],
  prompts: readonly Prompt[],
  defaultTokens: number | null,
): Asked {
  for (const [name, off] of Object.entries(REFUSED)) {
    if ((body[name] ?? off) !== off) throw unsupported(name);
  }
  const sampling = samplingOf(body, kind, defaultTokens);
  const logprobs = kind === "chat" ? chatLogprobs(body) : sampling.logprobs;
  const stream = flag(body, "stream");
  const echo = kind === "completion" && flag(body, "echo");
  const wanted = {
    ...sampling,
    promptLogprobs: sampling.promptLogprobs || (echo && logprobs !== null),
  };
  const field = kind === "chat" ? "top_logprobs" : "logprobs";
  if (stream && (logprobs ?? 0) > 0) {
    throw unsupported(field, "alternatives are known at the end: not in a stream");
  }
  if (stream && wanted.promptLogprobs) throw unsupported("prompt_logprobs", "not in a stream");
  const nvext = nvextAsked(body["nvext"]);
  const choices = prompts.length * sampling.n;
  if (nvext.fields.size > 0 && choices > 1)
    throw unsupported("n", "nvext.extra_fields hold one choice");
  const session = headerOf(headers, "x-session-id");
  const alone = choices === 1 && session !== null;
  const rollouts = prompts.flatMap(({ ids, path }) =>
    rolloutsOf(
      {
        policy,
        promptTokenIds: ids,
        sampling: wanted,
        topLogprobs: logprobs ?? 0,
        priority: body["priority"] ?? nvext.priority,
        id: null,
        session: alone ? state.turns.of(context.job, session, null) : null,
        traceparent: traceparentOf(headers["traceparent"]),
        paths: { prompt: path, params: "" },
      },
      context,
    ),
  );
  const [first] = rollouts;
  if (first === undefined) throw invalid("prompt", "must not be empty");
  return {
    rollouts,
    paths: { prompt: prompts[0]?.path ?? "prompt", params: "" },
    kind,
    id: `${kind === "chat" ? "chatcmpl" : "cmpl"}-${first.group?.id ?? first.id}`,
    model: typeof body["model"] === "string" ? body["model"] : policy,
    created: Math.floor(context.clock.wall() / 1000),
    logprobs,
    promptLogprobs: sampling.promptLogprobs,
    echo,
    tokensAsIds: codec === null || flag(body, "return_tokens_as_token_ids"),
    returnTokenIds: flag(body, "return_token_ids"),
    nvext,
    text: sampling.text,
    codec,
    stream,
    usage: usageOf(body["stream_options"]),
    ignored: [...sampling.ignored, ...nvext.ignored],
  };
}

function samplingOf(body: Body, kind: Asked["kind"], defaultTokens: number | null): SamplingAsked {
  const given: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(body)) {
    if (!ROUTE_FIELDS.has(name) && !Object.hasOwn(REFUSED, name)) given[name] = value;
  }
  // In a chat, it is a flag.
  if (kind === "completion") given["logprobs"] = body["logprobs"];
  given["max_tokens"] = body["max_completion_tokens"] ?? body["max_tokens"] ?? defaultTokens;
  const structured = structuredOf(body["response_format"]);
  if (structured !== null) given["structured_outputs"] = structured;
  return samplingAsked(given, "");
}

function chatLogprobs(body: Body): number | null {
  if (!flag(body, "logprobs")) return null;
  const top = body["top_logprobs"] ?? 0;
  if (typeof top === "number" && Number.isInteger(top) && top >= 0) return top;
  throw invalid("top_logprobs", "must be a whole number from 0 on");
}

/** OpenAI's way to say vLLM's `structured_outputs`. */
function structuredOf(format: unknown): object | null {
  if (format === undefined || format === null) return null;
  const type = typeof format === "object" ? Reflect.get(format, "type") : null;
  if (type === "text") return null;
  if (type === "json_object") return { json_object: true };
  const schema = type === "json_schema" ? Reflect.get(format as object, "json_schema") : null;
  if (typeof schema === "object" && schema !== null) return { json: Reflect.get(schema, "schema") };
  throw invalid("response_format", "must be of type text, json_object or json_schema");
}

export function needCodec(codec: TextCodec | null, path: string, policy: string): TextCodec {
  if (codec !== null) return codec;
  throw new PacelineError(
    "unsupported",
    `${path}: no tokenizer.json lies beside the weights of ${policy}; token ids need none`,
    { details: { path } },
  );
}
