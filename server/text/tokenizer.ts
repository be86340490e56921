/** Text to ids and back, where a policy's directory has a `tokenizer.json`. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { AgeMap } from "../age-map.ts";
import { PacelineError } from "../contract/errors.ts";
import { LIMITS } from "../limits.ts";
import {
  type ChatTemplate,
  chatTemplateOf,
  type TokenizerConfig,
  tokenText,
} from "./chat-template.ts";

export interface TextCodec {
  /** Throws `prompt_too_long` beyond `LIMITS.tokenizedChars`, as `encodePrompt` does. */
  encode(text: string): number[];
  /** A whole prompt: with the special tokens that the tokenizer puts around one. */
  encodePrompt(text: string): number[];
  /** Without special tokens. */
  decode(ids: readonly number[]): string;
  /** Special tokens as they are written; U+FFFD for bytes that are no character (yet). */
  decodeAll(ids: readonly number[]): string;
  /** Null where the directory has none. */
  readonly chat: ChatTemplate | null;
  /** Id of the end-of-sequence token; null where the tokenizer names none. */
  readonly eosTokenId: number | null;
}

/** Null where the directory has no tokenizer. Throws `invalid_argument` for one that cannot be read. */
export function openTokenizer(directory: string): TextCodec | null {
  const files = readFiles(directory);
  return files === null ? null : codecOf(directory, files);
}

interface TokenizerFiles {
  readonly tokenizer: string;
  readonly config: string;
  /** `chat_template.jinja`. */
  readonly template: string | null;
}

function readFiles(directory: string): TokenizerFiles | null {
  const file = join(directory, "tokenizer.json");
  if (!existsSync(file)) return null;
  const { size } = statSync(file);
  if (size > LIMITS.tokenizerBytes) {
    throw new PacelineError("invalid_argument", `${file}: ${size} bytes`, {
      details: { limit_bytes: LIMITS.tokenizerBytes },
    });
  }
  const config = join(directory, "tokenizer_config.json");
  const template = join(directory, "chat_template.jinja");
  return {
    tokenizer: readFileSync(file, "utf8"),
    config: existsSync(config) ? readFileSync(config, "utf8") : "{}",
    template: existsSync(template) ? readFileSync(template, "utf8") : null,
  };
}

function codecOf(directory: string, files: TokenizerFiles): TextCodec {
  try {
    const config = JSON.parse(files.config) as TokenizerConfig;
    const tokenizer = new Tokenizer(JSON.parse(files.tokenizer), config);
    const encode = (text: string, add_special_tokens: boolean): number[] => {
      assertLength(text);
      return Array.from(tokenizer.encode(text, { add_special_tokens }).ids);
    };
    const eos = tokenText(config.eos_token);
    const [eosTokenId = null, more] = eos === "" ? [] : encode(eos, false);
    const decode = (ids: readonly number[], skip_special_tokens: boolean): string =>
      ids.length === 0 ? "" : tokenizer.decode([...ids], { skip_special_tokens });
    return {
      encode: (text) => encode(text, false),
      encodePrompt: (text) => encode(text, true),
      decode: (ids) => decode(ids, true),
      decodeAll: (ids) => decode(ids, false),
      chat: chatTemplateOf(config, files.template),
      eosTokenId: more === undefined ? eosTokenId : null,
    };
  } catch (thrown) {
    throw new PacelineError(
      "invalid_argument",
      `${directory}/tokenizer.json: ${PacelineError.from(thrown).message}`,
    );
  }
}

function assertLength({ length }: string): void {
  if (length <= LIMITS.tokenizedChars) return;
  throw new PacelineError(
    "prompt_too_long",
    `a text of ${length} characters: at most ${LIMITS.tokenizedChars} are made into ids here; ids can be sent instead`,
    { details: { limit_chars: LIMITS.tokenizedChars } },
  );
}

export interface Tokenizers {
  /** Of a published checkpoint, a file or a directory; null where none lies beside the weights. Throws `unsupported` for one that cannot be read. */
  beside(path: string): TextCodec | null;
}

/**
 * Tokenizers of published checkpoints. Each version has a directory of its own and most have the same
 * tokenizer, so what is read once a directory is parsed once a content.
 */
export function createTokenizers(): Tokenizers {
  const byPath = new AgeMap<string, TextCodec | PacelineError | null>();
  const parsed: { readonly files: TokenizerFiles; readonly codec: TextCodec }[] = [];

  function open(path: string): TextCodec | null {
    const isDirectory = statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
    const directory = isDirectory ? path : dirname(path);
    const files = readFiles(directory);
    if (files === null) return null;
    const known = parsed.find(
      (one) =>
        one.files.tokenizer === files.tokenizer &&
        one.files.config === files.config &&
        one.files.template === files.template,
    );
    if (known !== undefined) return known.codec;
    const codec = codecOf(directory, files);
    parsed.push({ files, codec });
    if (parsed.length > LIMITS.tokenizersKept) parsed.shift();
    return codec;
  }

  /** A broken one is kept as its error: it must not be parsed anew for each rollout. */
  function tryOpen(path: string): TextCodec | PacelineError | null {
    try {
      return open(path);
    } catch (thrown) {
      const { message, details } = PacelineError.from(thrown);
      return new PacelineError("unsupported", message, { details, cause: thrown });
    }
  }

  return {
    beside(path) {
      let known = byPath.get(path);
      if (known === undefined) {
        known = tryOpen(path);
        byPath.set(path, known);
        byPath.keep(LIMITS.versionsKept);
      }
      if (known instanceof PacelineError) throw known;
      return known;
    },
  };
}
