/**
 * `{"token_id":5,"logprob":-0.25,"rank":1,"top_logprobs":[{"token_id":5,"logprob":-0.25,"rank":1}]}`, as vLLM 0.32
 * writes a token's logprob on `/inference/v1/generate` where the sampled token alone was asked for (`logprobs: 0`).
 */
import { Decimal } from "../json/decimal.ts";
import type { GrowingFloat32, GrowingUint32 } from "../json/growing.ts";
import { Literal, type RowReader, repeated, viewUnder } from "../json/row-reader.ts";

const COMMA = 44;
const ZERO = 48;
const OPEN_ARRAY = 91;
const CLOSE_ARRAY = 93;
const CLOSE_OBJECT = 125;
const TOKEN_ID = new Literal('{"token_id":');
const LOGPROB = new Literal(',"logprob":');
const RANK = new Literal(',"rank":');
const TOP = new Literal(',"top_logprobs":');

export class LogprobEntries implements RowReader {
  readonly #ids: GrowingUint32;
  readonly #logprobs: GrowingFloat32;
  readonly #decimal = new Decimal();
  #view: DataView = new DataView(new ArrayBuffer(0));
  /** Where the last whole number ended; -1: there was none. */
  #next = 0;

  constructor(ids: GrowingUint32, logprobs: GrowingFloat32) {
    this.#ids = ids;
    this.#logprobs = logprobs;
  }

  read(bytes: Buffer, from: number, fresh: boolean): number {
    const decimal = this.#decimal;
    if (!fresh && bytes[from] !== COMMA) return from;
    const view = viewUnder(bytes, this.#view);
    this.#view = view;
    /** Positions in the view are further on by this. */
    const under = bytes.byteOffset;
    for (let end = from, row = fresh ? from : from + 1; ; row = end + 1) {
      let at = TOKEN_ID.match(view, row + under) - under;
      if (at < row) return end;
      const id = this.#whole(bytes, at);
      if (this.#next === -1) return end;
      at = LOGPROB.match(view, this.#next + under) - under;
      if (at < row) return end;
      const logprob = decimal.float32(bytes, at);
      if (decimal.next === -1) return end;
      at = RANK.match(view, decimal.next + under) - under;
      if (at < row) return end;
      this.#whole(bytes, at);
      const sampled = this.#next;
      if (sampled === -1) return end;
      at = TOP.match(view, sampled + under) - under;
      if (at < row || bytes[at] !== OPEN_ARRAY) return end;
      // The sampled token again, alone.
      at = repeated(view, row + under, sampled + under, at + 1 + under) - under;
      if (at < row || bytes[at] !== CLOSE_OBJECT) return end;
      if (bytes[at + 1] !== CLOSE_ARRAY || bytes[at + 2] !== CLOSE_OBJECT) return end;
      this.#logprobs.push(logprob);
      this.#ids.push(id);
      end = at + 3;
      if (bytes[end] !== COMMA) return end;
    }
  }

  #whole(bytes: Buffer, start: number): number {
    let at = start;
    let value = 0;
    let digit = (bytes[at] as number) - ZERO;
    while (digit >>> 0 < 10) {
      value = (Math.imul(value, 10) + digit) | 0;
      digit = (bytes[++at] as number) - ZERO;
    }
    const digits = at - start;
    const fits = digits > 0 && digits < 10 && (digits === 1 || bytes[start] !== ZERO);
    this.#next = fits ? at : -1;
    return value;
  }
}
