/** The part of `@huggingface/tokenizers` 0.2 that we call: its own typings do not resolve under nodenext. */
export class Tokenizer {
  constructor(tokenizer: unknown, config: unknown);
  encode(text: string, options?: { add_special_tokens?: boolean }): { ids: ArrayLike<number> };
  decode(ids: number[], options?: { skip_special_tokens?: boolean }): string;
}
