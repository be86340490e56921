/**
 * `{"token_id":5,"logprob":-0.25,"rank":1,"top_logprobs":[{"token_id":5,"logprob":-0.25,"rank":1}]}`, as vLLM 0.32
 * writes a token's logprob on `/inference/v1/generate` where the sampled token alone was asked for (`logprobs: 0`).
 */
import { Decimal } from "../json/decimal.ts";
import type { GrowingFloat32, GrowingUint32 } from "../json/growing.ts";
import { matched, type RowReader, repeated } from "../json/row-reader.ts";

const COMMA = 44;
const ZERO = 48;
const TOKEN_ID = Buffer.from('{"token_id":');
const LOGPROB = Buffer.from(',"logprob":');
const RANK = Buffer.from(',"rank":');
const TOP = Buffer.from(',"top_logprobs":[');
const END = Buffer.from("}]}");

export class LogprobEntries implements RowReader {
  readonly #ids: GrowingUint32;
  readonly #logprobs: GrowingFloat32;
  readonly #decimal = new Decimal();
  /** Where the last whole number ended; -1: there was none. */
  #next = 0;

  constructor(ids: GrowingUint32, logprobs: GrowingFloat32) {
    this.#ids = ids;
    this.#logprobs = logprobs;
  }

  read(bytes: Buffer, from: number, fresh: boolean): number {
    const decimal = this.#decimal;
    if (!fresh && bytes[from] !== COMMA) return from;
    for (let end = from, row = fresh ? from : from + 1; ; row = end + 1) {
      let at = matched(bytes, row, TOKEN_ID);
      if (at === -1) return end;
      const id = this.#whole(bytes, at);
      at = this.#next === -1 ? -1 : matched(bytes, this.#next, LOGPROB);
      if (at === -1) return end;
      const logprob = decimal.float32(bytes, at);
      at = decimal.next === -1 ? -1 : matched(bytes, decimal.next, RANK);
      if (at === -1) return end;
      this.#whole(bytes, at);
      const sampled = this.#next;
      at = sampled === -1 ? -1 : matched(bytes, sampled, TOP);
      // The sampled token again, alone.
      at = at === -1 ? -1 : repeated(bytes, row, sampled, at);
      at = at === -1 ? -1 : matched(bytes, at, END);
      if (at === -1) return end;
      this.#logprobs.push(logprob);
      this.#ids.push(id);
      end = at;
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
