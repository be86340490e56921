/** What a stream has to tell of one rollout so far: arrays as text that grows, so that a chunk costs its tokens once. */
import type { Result } from "../../../contract/result.ts";
import type { TokenChunk } from "../../../contract/tokens.ts";
import type { TextCodec } from "../../../text/tokenizer.ts";
import { plainArray } from "../../codec/number-arrays.ts";
import type { Member } from "./generate-request.ts";
import { markedText, parseMarked } from "./marked-reply.ts";
import { outputText, pairsText, textOfToken } from "./reply.ts";

export class OutputSoFar {
  readonly incremental: boolean;
  readonly #member: Member;
  readonly #codec: TextCodec | null;
  readonly #chunks: TokenChunk[] = [];
  /** Token arrays as JSON, without brackets, of all tokens, or of those that no chunk has told yet. */
  #ids = "";
  #pairs = "";
  #text: TextSoFar;
  #told = 0;
  length = 0;
  version: number | null = null;

  constructor(member: Member, codec: TextCodec | null, incremental: boolean) {
    this.#member = member;
    this.#codec = codec;
    this.incremental = incremental;
    this.#text = new TextSoFar(codec, member.wish.skipSpecialTokens);
  }

  add(chunk: TokenChunk): void {
    const { ids, logprobs, version } = chunk;
    if (ids.length === 0) return;
    this.#chunks.push(chunk);
    this.length += ids.length;
    this.version = version ?? this.version;
    const comma = this.#ids === "" ? "" : ",";
    this.#ids += comma + plainArray(ids).join();
    if (this.#member.wish.logprobs) {
      const textOf = textOfToken(this.#member.wish, this.#codec);
      this.#pairs += comma + pairsText(ids, logprobs, textOf);
    }
    this.#text.add(ids);
  }

  /** Tokens from `kept` on are void. */
  cut(kept: number): void {
    const before = this.#chunks.splice(0);
    this.length = 0;
    this.#ids = "";
    this.#pairs = "";
    this.#text = new TextSoFar(this.#codec, this.#member.wish.skipSpecialTokens);
    for (const chunk of before) {
      const left = kept - this.length;
      if (left <= 0) break;
      const ids = chunk.ids.subarray(0, left);
      this.add({ ...chunk, ids, logprobs: chunk.logprobs.subarray(0, left) });
    }
  }

  /** A chunk before the last. */
  chunk(version: string): string {
    const { wish, rollout } = this.#member;
    const text = this.incremental ? this.#text.take() : this.#text.all;
    const made = `{"text":${JSON.stringify(text)},"output_ids":[${this.#ids}],"meta_info":${this.#meta(
      `{"id":${JSON.stringify(wish.rid)},"finish_reason":null,"prompt_tokens":${rollout.promptTokenIds.length},` +
        `"completion_tokens":${this.length},"cached_tokens":0,"weight_version":"${version}"`,
    )}}`;
    this.#forget();
    return made;
  }

  /** The last chunk of an incremental stream: the whole reply, with only the arrays and text that were not told. */
  rest(result: Result, whole: string): string {
    const { wish } = this.#member;
    const full = outputText(result.outputTokenIds, result.finishReason, wish, this.#codec);
    const sent = this.#text.taken;
    const parsed = parseMarked(whole) as {
      text: string;
      output_ids: number[];
      meta_info: Meta;
    };
    parsed.text = full.startsWith(sent) ? full.slice(sent.length) : "";
    parsed.output_ids = parsed.output_ids.slice(this.#told);
    if (parsed.meta_info.output_token_logprobs !== undefined) {
      parsed.meta_info.output_token_logprobs = parsed.meta_info.output_token_logprobs.slice(
        this.#told,
      );
    }
    return markedText(parsed);
  }

  #meta(head: string): string {
    return this.#member.wish.logprobs
      ? `${head},"output_token_logprobs":[${this.#pairs}]}`
      : `${head}}`;
  }

  #forget(): void {
    if (!this.incremental) return;
    this.#told = this.length;
    this.#ids = "";
    this.#pairs = "";
  }
}

interface Meta {
  output_token_logprobs?: unknown[];
}

/** Text that grows with its tokens; bytes of a character that is not whole yet wait. */
class TextSoFar {
  readonly #codec: TextCodec | null;
  readonly #skip: boolean;
  readonly #ids: number[] = [];
  /** Tokens before it are settled; those from it to `#read` are told, and decoded again as context of what follows. */
  #from = 0;
  #read = 0;
  all = "";
  taken = "";

  constructor(codec: TextCodec | null, skip: boolean) {
    this.#codec = codec;
    this.#skip = skip;
  }

  add(ids: Uint32Array): void {
    if (this.#codec === null) return;
    for (let i = 0; i < ids.length; i++) this.#ids.push(ids[i] as number);
    const told = this.#decode(this.#from, this.#read);
    const now = this.#decode(this.#from, this.#ids.length);
    if (now.length <= told.length || now.endsWith("\ufffd")) return;
    this.all += now.slice(told.length);
    this.#from = this.#read;
    this.#read = this.#ids.length;
  }

  /** What no chunk has told. */
  take(): string {
    const fresh = this.all.slice(this.taken.length);
    this.taken = this.all;
    return fresh;
  }

  #decode(from: number, to: number): string {
    const ids = this.#ids.slice(from, to);
    return this.#skip ? (this.#codec?.decode(ids) ?? "") : (this.#codec?.decodeAll(ids) ?? "");
  }
}
