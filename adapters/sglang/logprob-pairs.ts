/** `[-0.12,42,null]`, as SGLang writes a token's logprob when no text is asked for (`output_token_logprobs`). */
import { Decimal } from "../json/decimal.ts";
import type { GrowingFloat32, GrowingUint32 } from "../json/growing.ts";
import type { RowReader } from "../json/row-reader.ts";

const COMMA = 44;
const ZERO = 48;
const OPEN = 91;
const CLOSE = 93;
const LETTER_L = 108;
const LETTER_N = 110;
const LETTER_U = 117;

export class LogprobPairs implements RowReader {
  readonly #ids: GrowingUint32;
  readonly #logprobs: GrowingFloat32;
  readonly #decimal = new Decimal();

  constructor(ids: GrowingUint32, logprobs: GrowingFloat32) {
    this.#ids = ids;
    this.#logprobs = logprobs;
  }

  read(bytes: Buffer, from: number, fresh: boolean): number {
    const ids = this.#ids;
    const logprobs = this.#logprobs;
    const decimal = this.#decimal;
    if (!fresh && bytes[from] !== COMMA) return from;
    for (let end = from, row = fresh ? from : from + 1; ; row = end + 1) {
      if (bytes[row] !== OPEN) return end;
      const logprob = decimal.float32(bytes, row + 1);
      let at = decimal.next;
      if (at === -1 || bytes[at] !== COMMA) return end;
      const start = ++at;
      let id = 0;
      let digit = (bytes[at] as number) - ZERO;
      while (digit >>> 0 < 10) {
        id = (Math.imul(id, 10) + digit) | 0;
        digit = (bytes[++at] as number) - ZERO;
      }
      const digits = at - start;
      if (digits === 0 || digits > 9 || (digits > 1 && bytes[start] === ZERO)) return end;
      if (bytes[at] !== COMMA || bytes[at + 1] !== LETTER_N || bytes[at + 2] !== LETTER_U)
        return end;
      if (bytes[at + 3] !== LETTER_L || bytes[at + 4] !== LETTER_L) return end;
      if (bytes[at + 5] !== CLOSE) return end;
      logprobs.push(logprob);
      ids.push(id);
      end = at + 6;
      if (bytes[end] !== COMMA) return end;
    }
  }
}
