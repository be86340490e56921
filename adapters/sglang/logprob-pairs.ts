/**
 * `[-0.12,42,null]`, as SGLang writes a token's logprob when no text is asked for (`output_token_logprobs`). All in one
 * loop: a call for each number costs as much as reading it.
 */
import { Decimal } from "../json/decimal.ts";
import { areDigits, fourDigits } from "../json/digits.ts";
import type { GrowingFloat32, GrowingUint32 } from "../json/growing.ts";
import { type RowReader, viewUnder } from "../json/row-reader.ts";

const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const OPEN = 91;
const CLOSE = 93;
/** `null`, its first byte lowest. */
const NULL = 0x6c6c756e;

/** Digits behind the point that are read; those behind them decide nothing. */
const FRACTION = 12;
/**
 * Of a value 12 digits behind the point are known: it is off by 10^-12 at most, and by 2^-52 of itself; from 2^-12 on
 * that is less than 2^-27 of it. A float32 is the nearest to all that is within 2^-25 of it. So one within 2^-26 of what is
 * known is the nearest to the value, whatever digits follow.
 */
const LEAST = 2 ** -12;
const NEAR = 2 ** -26;

export class LogprobPairs implements RowReader {
  readonly #ids: GrowingUint32;
  readonly #logprobs: GrowingFloat32;
  readonly #decimal = new Decimal();
  #view: DataView = new DataView(new ArrayBuffer(0));

  constructor(ids: GrowingUint32, logprobs: GrowingFloat32) {
    this.#ids = ids;
    this.#logprobs = logprobs;
  }

  read(bytes: Buffer, from: number, fresh: boolean): number {
    if (!fresh && bytes[from] !== COMMA) return from;
    const view = viewUnder(bytes, this.#view);
    this.#view = view;
    /** Positions in the view are further on by this. */
    const under = bytes.byteOffset;
    /** Up to here the digits that are read at once lie under `bytes`. */
    const last = view.byteLength - under - FRACTION;
    let { array: ids } = this.#ids;
    let { array: logprobs } = this.#logprobs;
    let { length } = this.#ids;
    let end = from;
    for (let row = fresh ? from : from + 1; bytes[row] === OPEN; row = end + 1) {
      let at = bytes[row + 1] === MINUS ? row + 2 : row + 1;
      const negative = at === row + 2;
      const whole = (bytes[at] as number) - ZERO;
      let logprob = Number.NaN;
      if (whole >>> 0 < 10 && bytes[at + 1] === POINT && at + 2 <= last) {
        const digits = under + at + 2;
        const a = view.getInt32(digits, true);
        const b = view.getInt32(digits + 4, true);
        const c = view.getInt32(digits + 8, true);
        if (areDigits(a, b, c)) {
          const exact = whole * 1e12 + (fourDigits(a) * 1e8 + fourDigits(b) * 1e4 + fourDigits(c));
          const value = exact * 1e-12;
          const nearest = Math.fround(value);
          at += 2 + FRACTION;
          // Unsigned: whatever is no digit is large.
          while (((bytes[at] as number) - ZERO) >>> 0 < 10) at += 1;
          if (nearest >= LEAST && Math.abs(value - nearest) <= nearest * NEAR) {
            logprob = negative ? -nearest : nearest;
          }
        }
      }
      // Written otherwise, or too near between two; an exponent is no comma.
      if (Number.isNaN(logprob) || bytes[at] !== COMMA) {
        logprob = this.#decimal.float32(bytes, row + 1);
        at = this.#decimal.next;
        if (at === -1 || bytes[at] !== COMMA) break;
      }
      const start = ++at;
      let id = 0;
      let digit = (bytes[at] as number) - ZERO;
      while (digit >>> 0 < 10) {
        id = (Math.imul(id, 10) + digit) | 0;
        digit = (bytes[++at] as number) - ZERO;
      }
      const count = at - start;
      if (count === 0 || count > 9 || (count > 1 && bytes[start] === ZERO)) break;
      if (bytes[at] !== COMMA || bytes[at + 5] !== CLOSE) break;
      if (view.getInt32(under + at + 1, true) !== NULL) break;
      if (length === ids.length) ids = this.#ids.grow();
      if (length === logprobs.length) logprobs = this.#logprobs.grow();
      logprobs[length] = logprob;
      ids[length] = id;
      length += 1;
      end = at + 6;
      if (bytes[end] !== COMMA) break;
    }
    this.#ids.length = length;
    this.#logprobs.length = length;
    return end;
  }
}
