/**
 * `/v1/chat/completions` as miles' session server calls it: it owns the token ids and sends them as `input_ids` beside
 * the messages, so that nothing is templated here; it reads `choices[0].meta_info` and the message's text. Without
 * `input_ids` the call is refused: the `openai` dialect is for messages.
 */
import { z } from "zod";
import { PacelineError } from "../../../contract/errors.ts";
import { check, invalid } from "../../codec/invalid.ts";
import { traceparentOf } from "../../traceparent.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { workersOf } from "../job-workers.ts";
import type { MountState } from "../mount-state.ts";
import { routingKey, sendReply, serve } from "./generate.ts";
import { decodeGenerate } from "./generate-request.ts";
import { markedText, parseMarked } from "./marked-reply.ts";

const CHAT = z.looseObject({
  model: z.string().nullish(),
  messages: z.array(z.unknown()).nullish(),
  input_ids: z.unknown().optional(),
  stream: z.boolean().nullish(),
  max_tokens: z.number().nullish(),
  max_completion_tokens: z.number().nullish(),
  seed: z.number().nullish(),
  logprobs: z.boolean().nullish(),
  top_logprobs: z.number().nullish(),
  return_meta_info: z.boolean().nullish(),
  return_token_ids: z.boolean().nullish(),
});

/** SGLang's sampling parameters that stand at the top of a chat's body. */
const SAMPLING = [
  "n",
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "frequency_penalty",
  "presence_penalty",
  "repetition_penalty",
  "stop",
  "stop_token_ids",
  "min_tokens",
  "ignore_eos",
  "logit_bias",
  "no_stop_trim",
  "skip_special_tokens",
  "regex",
  "ebnf",
  "custom_params",
] as const;

/** Of `/generate`, passed on as they are. */
const PASSED = [
  "rid",
  "lora_path",
  "priority",
  "weight_version",
  "return_routed_experts",
  "routed_experts_start_len",
  "return_indexer_topk",
  "return_hidden_states",
] as const;

interface Generated {
  readonly text: string;
  readonly output_ids: readonly number[];
  readonly meta_info: Record<string, unknown> & {
    readonly finish_reason: { readonly type: string; readonly matched?: unknown };
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly output_token_logprobs?: readonly (readonly [number, number, string | null])[];
  };
}

type Chat = z.output<typeof CHAT>;

export function chatRoutes(context: DialectContext, state: MountState): DialectRoute[] {
  return [
    {
      method: "POST",
      path: "/v1/chat/completions",
      scope: "generate",
      touches: "job",
      async handler(request, reply) {
        const chat = check(CHAT, request.body);
        const traceparent = traceparentOf(request.headers["traceparent"]);
        const headers = { traceparent, routingKey: routingKey(request) };
        const body = generateBody(chat, context);
        const order = decodeGenerate(body, context, headers, state.turns);
        const texts = await serve(order, reply, context, state);
        if (texts === null) return reply;
        const generated = texts.map((text) => parseMarked(text) as Generated);
        return sendReply(reply, markedText(completion(chat, generated, context)), order, context);
      },
    },
  ];
}

function generateBody(chat: Chat, context: DialectContext): Record<string, unknown> {
  if (chat.stream === true) {
    throw unsupported("stream", "a chat is answered as a whole here");
  }
  const ids = chat.input_ids;
  if (!Array.isArray(ids)) {
    throw unsupported("messages", "give the prompt's input_ids, or ask the openai dialect");
  }
  const params: Record<string, unknown> = {};
  for (const name of SAMPLING) {
    const value: unknown = chat[name];
    if (value !== undefined) params[name === "min_tokens" ? "min_new_tokens" : name] = value;
  }
  if (chat.seed != null) params["sampling_seed"] = chat.seed;
  params["max_new_tokens"] =
    chat.max_completion_tokens ?? chat.max_tokens ?? roomBeside(ids.length, context);
  const passed: Record<string, unknown> = {};
  for (const name of PASSED) if (chat[name] !== undefined) passed[name] = chat[name];
  return {
    ...passed,
    input_ids: ids,
    sampling_params: params,
    return_logprob: chat.logprobs === true || chat.return_meta_info === true,
    top_logprobs_num: chat.top_logprobs ?? 0,
    return_text_in_logprobs: chat.logprobs === true && context.tokenizer() !== null,
  };
}

/** Without a limit a chat may fill the context. */
function roomBeside(prompt: number, context: DialectContext): number {
  const lengths = workersOf(context).map(({ description }) => description.maxModelLen);
  const room = Math.max(0, ...lengths) - prompt;
  if (room > 0) return room;
  throw invalid("max_tokens", "is needed: no worker tells what the context has room for");
}

function completion(chat: Chat, generated: readonly Generated[], context: DialectContext) {
  const [first] = generated;
  if (first === undefined) throw new Error("a chat has an answer");
  const prompt = first.meta_info.prompt_tokens;
  const output = generated.reduce((sum, { meta_info: meta }) => sum + meta.completion_tokens, 0);
  const { weight_version, weight_versions, weight_version_start, weight_version_end } =
    first.meta_info;
  return {
    id: first.meta_info["id"],
    object: "chat.completion",
    created: Math.floor(context.clock.wall() / 1000),
    model: chat.model ?? context.policy(),
    choices: generated.map((one, index) => choice(one, index, chat)),
    usage: {
      prompt_tokens: prompt,
      total_tokens: prompt + output,
      completion_tokens: output,
      prompt_tokens_details: null,
    },
    metadata: { weight_version, weight_versions },
    sglext: { weight_version, weight_versions },
    weight_version_start,
    weight_version_end,
  };
}

function choice({ text, output_ids, meta_info: meta }: Generated, index: number, chat: Chat) {
  const { type, matched } = meta.finish_reason;
  return {
    index,
    message: { role: "assistant", content: text, reasoning_content: null, tool_calls: null },
    logprobs: chat.logprobs === true ? { content: contentOf(meta) } : null,
    finish_reason: type,
    matched_stop: matched ?? null,
    ...(chat.return_token_ids === true
      ? { prompt_token_ids: chat.input_ids, response_token_ids: output_ids }
      : {}),
    ...(chat.return_meta_info === true ? { meta_info: meta } : {}),
  };
}

const contentOf = ({ output_token_logprobs: pairs = [] }: Generated["meta_info"]) =>
  pairs.map(([logprob, id, text]) => ({
    token: text ?? `token_id:${id}`,
    logprob,
    bytes: null,
    top_logprobs: [],
  }));

const unsupported = (path: string, why: string): PacelineError =>
  new PacelineError("unsupported", `${path}: ${why}`, { details: { path } });
