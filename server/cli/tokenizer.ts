/** Text to ids and back at the edge, where a policy's directory has a `tokenizer.json`. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Tokenizer } from "@huggingface/tokenizers";
import { PacelineError } from "../contract/errors.ts";

export interface TextCodec {
  encode(text: string): number[];
  decode(ids: readonly number[]): string;
}

/** Null where the directory has no tokenizer. */
export function openTokenizer(directory: string): TextCodec | null {
  const file = join(directory, "tokenizer.json");
  if (!existsSync(file)) return null;
  const configFile = join(directory, "tokenizer_config.json");
  const config: unknown = existsSync(configFile)
    ? JSON.parse(readFileSync(configFile, "utf8"))
    : {};
  try {
    const tokenizer = new Tokenizer(JSON.parse(readFileSync(file, "utf8")), config as object);
    return {
      encode: (text) => Array.from(tokenizer.encode(text, { add_special_tokens: false }).ids),
      decode: (ids) =>
        ids.length === 0 ? "" : tokenizer.decode([...ids], { skip_special_tokens: true }),
    };
  } catch (thrown) {
    throw new PacelineError("invalid_argument", `${file}: ${PacelineError.from(thrown).message}`);
  }
}
