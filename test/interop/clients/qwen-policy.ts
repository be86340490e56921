/**
 * The demo policy under a tokenizer whose special tokens are Qwen's, as its renderer wants them: those of the demo's own, and
 * bytes that UTF-8 never has.
 */
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Id → name. */
const NAMES: Readonly<Record<number, string>> = {
  248: "<tool_call>",
  249: "</tool_call>",
  250: "<tool_response>",
  251: "</tool_response>",
  252: "<think>",
  256: "<|im_start|>",
  257: "<|im_end|>",
  258: "<|endoftext|>",
  259: "</think>",
};

const TEMPLATE =
  "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

interface TokenizerFile {
  added_tokens: { id: number; content: string }[];
  readonly model: { vocab: Record<string, number> };
}

/** Copies `from` to `to`. */
export function copyAsQwen(from: string, to: string): void {
  cpSync(from, to, { recursive: true });
  const file = join(to, "tokenizer.json");
  const tokenizer = JSON.parse(readFileSync(file, "utf8")) as TokenizerFile;
  const [sample] = tokenizer.added_tokens;
  tokenizer.model.vocab = Object.fromEntries(
    Object.entries(tokenizer.model.vocab).map(([token, id]) => [NAMES[id] ?? token, id]),
  );
  tokenizer.added_tokens = Object.entries(NAMES).map(([id, content]) => ({
    ...sample,
    id: Number(id),
    content,
  }));
  writeFileSync(file, JSON.stringify(tokenizer));
  writeFileSync(
    join(to, "tokenizer_config.json"),
    JSON.stringify({
      tokenizer_class: "PreTrainedTokenizerFast",
      eos_token: NAMES[257],
      pad_token: NAMES[258],
      clean_up_tokenization_spaces: false,
      chat_template: TEMPLATE,
    }),
  );
}
