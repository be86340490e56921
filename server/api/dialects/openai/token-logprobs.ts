/** Logprobs as OpenAI's two routes write them. Tokens are text, or `token_id:N` where asked or where nobody can write text. */
import type { TopLogprobs } from "../../../contract/side-data.ts";
import { shortDouble } from "../../codec/number-arrays.ts";
import type { Asked } from "./asked.ts";

export interface LogprobRun {
  readonly ids: ArrayLike<number>;
  /** NaN for a prompt's first token, which has none. */
  readonly logprobs: ArrayLike<number>;
  readonly top: TopLogprobs | null;
}

type Names = Pick<Asked, "tokensAsIds" | "codec">;

const tokenText = ({ tokensAsIds, codec }: Names, id: number): string =>
  tokensAsIds || codec === null ? `token_id:${id}` : codec.decodeAll([id]);

const number = (logprob: number): string =>
  Number.isNaN(logprob) ? "null" : String(shortDouble(logprob));

/** `{text_offset, token_logprobs, tokens, top_logprobs}`, an entry a token; runs follow each other. */
export function completionLogprobs(
  names: Names,
  width: number,
  runs: readonly LogprobRun[],
  from = 0,
): string {
  const tokens: string[] = [];
  const values: string[] = [];
  const offsets: number[] = [];
  const tops: string[] = [];
  let offset = from;
  for (const { ids, logprobs, top } of runs) {
    for (let at = 0; at < ids.length; at++) {
      const text = tokenText(names, ids[at] as number);
      tokens.push(JSON.stringify(text));
      values.push(number(logprobs[at] as number));
      offsets.push(offset);
      offset += text.length;
      const own = Number.isNaN(logprobs[at]) ? null : `${tokens.at(-1)}:${values.at(-1)}`;
      tops.push(
        own === null ? "null" : `{${own}${othersText(names, top, at, ids[at] as number, width)}}`,
      );
    }
  }
  // By hand: an object would put names that are numbers first.
  return `{"text_offset":[${offsets}],"token_logprobs":[${values}],"tokens":[${tokens}],"top_logprobs":[${tops}]}`;
}

function othersText(
  names: Names,
  top: TopLogprobs | null,
  row: number,
  own: number,
  width: number,
): string {
  let text = "";
  for (const [id, logprob] of alternatives(top, row, own, width)) {
    text += `,${JSON.stringify(tokenText(names, id))}:${number(logprob)}`;
  }
  return text;
}

/** `{"content": […]}`; `width` alternatives beside each token, the most likely first. */
export function chatLogprobs(
  names: Names,
  width: number,
  { ids, logprobs, top }: LogprobRun,
): string {
  const content: string[] = [];
  for (let at = 0; at < ids.length; at++) {
    const own = entryText(names, ids[at] as number, logprobs[at] as number);
    const others: string[] = [];
    if (top !== null) {
      const to = Math.min(top.offsets[at + 1] as number, (top.offsets[at] as number) + width);
      for (let i = top.offsets[at] as number; i < to; i++) {
        others.push(`${entryText(names, top.ids[i] as number, top.logprobs[i] as number)}}`);
      }
    }
    content.push(`${own},"top_logprobs":[${others}]}`);
  }
  return `{"content":[${content}]}`;
}

/** Without its closing brace. */
function entryText(names: Names, id: number, logprob: number): string {
  const text = tokenText(names, id);
  return `{"token":${JSON.stringify(text)},"logprob":${number(logprob)},"bytes":[${[...Buffer.from(text)]}]`;
}

function* alternatives(
  top: TopLogprobs | null,
  row: number,
  own: number,
  most: number,
): Generator<readonly [id: number, logprob: number]> {
  if (top === null) return;
  const { offsets, ids, logprobs } = top;
  const to = Math.min(offsets[row + 1] as number, (offsets[row] as number) + most);
  for (let at = offsets[row] as number; at < to; at++) {
    if (ids[at] !== own) yield [ids[at] as number, logprobs[at] as number];
  }
}
