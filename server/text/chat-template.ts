/** A policy's chat template: a conversation as the text that the model was trained to see. */
import { Template } from "@huggingface/jinja";
import { PacelineError } from "../contract/errors.ts";

export interface ChatOptions {
  readonly tools: readonly unknown[] | null;
  /** Whether the text ends where the assistant's next turn begins. */
  readonly addGenerationPrompt: boolean;
  /** More of the template's variables. */
  readonly variables: Readonly<Record<string, unknown>>;
}

export interface ChatTemplate {
  /** Throws `invalid_argument` for messages that the template refuses or cannot use, `unsupported` for one that cannot be read. */
  render(messages: readonly Readonly<Record<string, unknown>>[], options: ChatOptions): string;
}

/** `chat_template.jinja` beside the tokenizer wins over `tokenizer_config.json`; null where there is none. */
export function chatTemplateOf(config: TokenizerConfig, file: string | null): ChatTemplate | null {
  const source = file ?? sourceIn(config.chat_template);
  if (source === null) return null;
  let template: Template | null = null;
  const special = {
    bos_token: tokenText(config.bos_token),
    eos_token: tokenText(config.eos_token),
    pad_token: tokenText(config.pad_token),
  };
  return {
    render(messages, { tools, addGenerationPrompt, variables }) {
      template ??= parsed(source);
      try {
        return template.render({
          ...special,
          ...variables,
          messages,
          ...(tools === null ? {} : { tools }),
          add_generation_prompt: addGenerationPrompt,
        });
      } catch (thrown) {
        const { message } = PacelineError.from(thrown);
        throw new PacelineError("invalid_argument", `messages: the chat template: ${message}`, {
          details: { path: "messages" },
          cause: thrown,
        });
      }
    },
  };
}

/** Read when it is needed: what else the tokenizer does needs none. */
function parsed(source: string): Template {
  try {
    return new Template(source);
  } catch (thrown) {
    const { message } = PacelineError.from(thrown);
    throw new PacelineError("unsupported", `the policy's chat template: ${message}`, {
      details: { path: "messages" },
      cause: thrown,
    });
  }
}

/** What is read of `tokenizer_config.json`. */
export interface TokenizerConfig {
  readonly chat_template?: unknown;
  readonly bos_token?: unknown;
  readonly eos_token?: unknown;
  readonly pad_token?: unknown;
}

/** Some models have several by name. */
function sourceIn(given: unknown): string | null {
  if (typeof given === "string") return given;
  if (!Array.isArray(given)) return null;
  const named = given as readonly { name?: unknown; template?: unknown }[];
  const { template } = named.find(({ name }) => name === "default") ?? {};
  return typeof template === "string" ? template : null;
}

/** As text, or as an object with its content; empty where there is none. */
export function tokenText(token: unknown): string {
  if (typeof token === "string") return token;
  const content =
    typeof token === "object" && token !== null ? Reflect.get(token, "content") : null;
  return typeof content === "string" ? content : "";
}
