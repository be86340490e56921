/** Output tokens as the text that OpenAI's routes answer: without what stopped it, unless asked. */
import type { Result } from "../../../contract/result.ts";
import type { TextCodec } from "../../../text/tokenizer.ts";
import type { TextRule } from "../vllm/sampling-params.ts";

export function outputText(result: Result, codec: TextCodec | null, rule: TextRule): string {
  if (codec === null) return "";
  const { finishReason, outputTokenIds } = result;
  const { cause, matched } = finishReason;
  const stoppedById = (cause === "stop_id" || cause === "eos") && !rule.includeStop;
  const ids = [...(stoppedById ? outputTokenIds.subarray(0, -1) : outputTokenIds)];
  const text = rule.skipSpecial ? codec.decode(ids) : codec.decodeAll(ids);
  if (cause !== "stop_string" || typeof matched !== "string") return text;
  // The output ends with the token that completes the string; what else that token holds is behind it.
  const at = text.lastIndexOf(matched);
  return at === -1 ? text : text.slice(0, at + (rule.includeStop ? matched.length : 0));
}

const UNFINISHED = "\uFFFD";

/**
 * Text as its tokens come. A window of few tokens is decoded each time; bytes that are no character yet wait for the next
 * token, as many characters as could be the beginning of a stop string wait for what follows, and nothing goes out behind one.
 */
export class TextDeltas {
  readonly #codec: TextCodec | null;
  readonly #rule: TextRule;
  readonly #stops: readonly string[];
  readonly #held: number;
  #ids: number[] = [];
  #read = 0;
  #waiting = "";
  #written = 0;

  constructor(codec: TextCodec | null, rule: TextRule, stops: readonly string[]) {
    this.#codec = codec;
    this.#rule = rule;
    this.#stops = stops;
    this.#held = Math.max(0, ...stops.map(({ length }) => length - 1));
  }

  add(ids: Uint32Array): string {
    if (this.#codec === null) return "";
    for (const id of ids) this.#ids.push(id);
    const before = this.#decode(this.#ids.slice(0, this.#read));
    const now = this.#decode(this.#ids);
    if (now.length > before.length && !now.endsWith(UNFINISHED)) {
      this.#waiting += now.slice(before.length);
      this.#ids = this.#ids.slice(this.#read);
      this.#read = this.#ids.length;
    }
    const ready = this.#waiting.slice(0, this.#safe());
    this.#waiting = this.#waiting.slice(ready.length);
    this.#written += ready.length;
    return ready;
  }

  /** Characters that no stop string can begin in. One that is there may be none yet (`min_tokens`): `rest` tells. */
  #safe(): number {
    const found = this.#stops.map((stop) => this.#waiting.indexOf(stop)).filter((at) => at !== -1);
    return Math.max(0, Math.min(this.#waiting.length - this.#held, ...found));
  }

  /** What of the whole text has not been written. */
  rest(result: Result): string {
    return outputText(result, this.#codec, this.#rule).slice(this.#written);
  }

  #decode(ids: readonly number[]): string {
    if (this.#codec === null) return "";
    return this.#rule.skipSpecial ? this.#codec.decode(ids) : this.#codec.decodeAll(ids);
  }
}
