/** A conversation's prompt: rendered by the policy's template, with the tokens of turns that were sampled before kept. */
import { PacelineError } from "../../../contract/errors.ts";
import type { ChatOptions, ChatTemplate } from "../../../text/chat-template.ts";
import type { TextCodec } from "../../../text/tokenizer.ts";
import { invalid } from "../../codec/invalid.ts";
import { flag } from "../vllm/generate-request.ts";
import { unsupported } from "../vllm/sampling-params.ts";
import { type Body, needCodec } from "./asked.ts";
import { spliced } from "./prior-tokens.ts";

type Message = Readonly<Record<string, unknown>>;

/** Its token ids. Throws `invalid_argument`; `unsupported` without tokenizer or template, and for media. */
export function chatPrompt(body: Body, codec: TextCodec | null, policy: string): readonly number[] {
  const messages = messagesOf(body["messages"]);
  const text = needCodec(codec, "messages", policy);
  const template = needTemplate(text.chat, policy);
  const options = optionsOf(body);
  const render = (some: readonly Message[], addGenerationPrompt: boolean): number[] =>
    text.encode(template.render(some, { ...options, addGenerationPrompt }));
  const rendered = render(messages, options.addGenerationPrompt);
  const before = priorOf(body, messages);
  if (before === null) return rendered;
  const { prior, turns, path } = before;
  const priorRendered = render(messages.slice(0, turns), false);
  return spliced({ priorRendered, rendered, prior, eosTokenId: text.eosTokenId, path });
}

function needTemplate(template: ChatTemplate | null, policy: string): ChatTemplate {
  if (template !== null) return template;
  throw new PacelineError(
    "unsupported",
    `messages: no chat template lies beside the weights of ${policy}; nvext.token_data and /v1/completions need none`,
    { details: { path: "messages" } },
  );
}

function optionsOf(body: Body): ChatOptions {
  const tools = body["tools"] ?? null;
  if (tools !== null && !Array.isArray(tools)) throw invalid("tools", "must be an array");
  const choice = body["tool_choice"] ?? "auto";
  if (choice !== "auto" && choice !== "none")
    throw unsupported("tool_choice", "only auto and none");
  if (flag(body, "continue_final_message")) throw unsupported("continue_final_message");
  const variables = body["chat_template_kwargs"] ?? {};
  if (typeof variables !== "object" || variables === null) {
    throw invalid("chat_template_kwargs", "must be an object");
  }
  return {
    tools: tools === null || tools.length === 0 ? null : tools,
    addGenerationPrompt: body["add_generation_prompt"] !== false,
    variables: variables as Record<string, unknown>,
  };
}

function messagesOf(given: unknown): readonly Message[] {
  if (!Array.isArray(given) || given.length === 0) {
    throw invalid("messages", "must be an array of at least one message");
  }
  return given.map((message: unknown, at) => {
    const path = `messages[${at}]`;
    if (typeof message !== "object" || message === null) throw invalid(path, "must be an object");
    const { role, content } = message as Message;
    if (typeof role !== "string") throw invalid(`${path}.role`, "must be a string");
    return { ...message, content: contentText(content, `${path}.content`) };
  });
}

/** Templates take text: its parts are joined. */
function contentText(content: unknown, path: string): string {
  if (content === undefined || content === null) return "";
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw invalid(path, "must be text or an array of parts");
  return content
    .map((part: unknown, at) => {
      const of = (name: string): unknown =>
        typeof part === "object" && part !== null ? Reflect.get(part, name) : undefined;
      if (of("type") !== "text") throw unsupported(`${path}[${at}]`, "no engine here takes media");
      const text = of("text");
      if (typeof text !== "string") throw invalid(`${path}[${at}].text`, "must be a string");
      return text;
    })
    .join("");
}

interface Prior {
  readonly prior: readonly number[];
  /** Messages that they are the tokens of. */
  readonly turns: number;
  readonly path: string;
}

/** `required_prefix_token_ids`, or what the last assistant message that was sampled brings along. */
function priorOf(body: Body, messages: readonly Message[]): Prior | null {
  const last = messages.findLastIndex(({ role }) => role === "assistant");
  const required = body["required_prefix_token_ids"] ?? null;
  if (required !== null) {
    const path = "required_prefix_token_ids";
    if (last === -1) throw invalid(path, "no assistant message is there that they could end in");
    return { prior: idsOf(required, path), turns: last + 1, path };
  }
  const message = messages[last];
  const prompt = message?.["prompt_token_ids"] ?? null;
  const generated = message?.["generation_token_ids"] ?? null;
  if (prompt === null || generated === null) return null;
  const path = `messages[${last}]`;
  const ids = [
    ...idsOf(prompt, `${path}.prompt_token_ids`),
    ...idsOf(generated, `${path}.generation_token_ids`),
  ];
  return { prior: ids, turns: last + 1, path };
}

function idsOf(given: unknown, path: string): readonly number[] {
  const whole = (id: unknown): boolean => typeof id === "number" && id >>> 0 === id;
  if (Array.isArray(given) && given.every(whole)) return given as number[];
  throw invalid(path, "must be an array of token ids");
}
