/**
 * `[-0.12,42,null]`, as SGLang writes a token's logprob when no text is asked for (`output_token_logprobs`). All in one
 * loop: a call for each number costs as much as reading it.
 */
import { Decimal } from "../json/decimal.ts";
import { areDigits, fourDigits, leadingDigits } from "../json/digits.ts";
import type { GrowingFloat32, GrowingUint32 } from "../json/growing.ts";
import { type RowReader, viewUnder } from "../json/row-reader.ts";

const COMMA = 44;
const ZERO = 48;
const OPEN = 91;
const CLOSE = 93;
/** `null`, `,nul`, `l]` and `[-0.` but for its digit, the first byte lowest. */
const NULL = 0x6c6c756e;
const COMMA_NUL = 0x6c756e2c;
const L_CLOSE = 0x5d6c;
const OPENING = 0x2e002d5b;

/** Bytes that are looked at from where a row begins: before its digits 4, then 12 and 8 of them, comma and id 8, to the end 8. */
const REACH = 40;
/**
 * Of a value 12 digits behind the point are known: it is off by 10^-12 at most, and by 2^-52 of itself; from 2^-12 on
 * that is less than 2^-27 of it. A float32 is the nearest to all that is within 2^-25 of it. So one within 2^-26 of what is
 * known is the nearest to the value, whatever digits follow.
 */
const LEAST = 2 ** -12;
const NEAR = 2 ** -26;
const POWERS = Int32Array.of(1, 10, 100, 1_000, 10_000);

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
    const last = view.byteLength - under - REACH;
    let { array: ids } = this.#ids;
    let { array: logprobs } = this.#logprobs;
    let { length } = this.#ids;
    let end = from;
    for (let row = fresh ? from : from + 1; bytes[row] === OPEN; row = end + 1) {
      if (length === ids.length) ids = this.#ids.grow();
      if (length === logprobs.length) logprobs = this.#logprobs.grow();
      let next = -1;
      if (row <= last) {
        const at = under + row;
        const opening = view.getInt32(at, true);
        const whole = ((opening >>> 16) & 0xff) - ZERO;
        const a = view.getInt32(at + 4, true);
        const b = view.getInt32(at + 8, true);
        const c = view.getInt32(at + 12, true);
        const d = view.getInt32(at + 16, true);
        const e = view.getInt32(at + 20, true);
        if ((opening & 0xff00ffff) === OPENING && whole >>> 0 < 10 && areDigits(a, b, c)) {
          const ab = Math.imul(fourDigits(a), 10_000) + fourDigits(b);
          const exact = whole * 1e12 + ab * 1e4 + fourDigits(c);
          const value = exact * 1e-12;
          const nearest = Math.fround(value);
          const third = leadingDigits(d);
          const comma = at + 16 + third + (leadingDigits(e) & -(third >> 2));
          // Seven digits of the id at most, and its comma, made a zero before them.
          const x = view.getInt32(comma, true) ^ 0x1c;
          const y = view.getInt32(comma + 4, true);
          const first = leadingDigits(x);
          const second = leadingDigits(y) & -(first >> 2);
          const behind = comma + first + second;
          // An exponent is no comma.
          if (
            nearest >= LEAST &&
            Math.abs(value - nearest) <= nearest * NEAR &&
            (x & 0xff) === ZERO &&
            first > 1 &&
            ((x & 0xff00) !== 0x3000 || first === 2) &&
            view.getInt32(behind, true) === COMMA_NUL
          ) {
            const closing = view.getInt32(behind + 4, true);
            if ((closing & 0xffff) === L_CLOSE) {
              logprobs[length] = -nearest;
              ids[length] =
                second === 0
                  ? fourDigits(x << (32 - 8 * first))
                  : fourDigits(x) * (POWERS[second] as number) + fourDigits(y << (32 - 8 * second));
              next = behind + 6 - under;
            }
          }
        }
      }
      if (next === -1) {
        next = this.#otherwise(bytes, view, row + 1, length);
        if (next === -1) break;
      }
      length += 1;
      end = next;
      if (bytes[end] !== COMMA) break;
    }
    this.#ids.length = length;
    this.#logprobs.length = length;
    return end;
  }

  /** A row that is written otherwise, from behind its bracket, put at `to`. Where it ends; -1: it is none. */
  #otherwise(bytes: Buffer, view: DataView, from: number, to: number): number {
    const logprob = this.#decimal.float32(bytes, from);
    let at = this.#decimal.next;
    if (at === -1 || bytes[at] !== COMMA) return -1;
    const start = ++at;
    let id = 0;
    let digit = (bytes[at] as number) - ZERO;
    // Unsigned: whatever is no digit is large.
    while (digit >>> 0 < 10) {
      id = (Math.imul(id, 10) + digit) | 0;
      digit = (bytes[++at] as number) - ZERO;
    }
    const count = at - start;
    if (count === 0 || count > 9 || (count > 1 && bytes[start] === ZERO)) return -1;
    if (bytes[at] !== COMMA || bytes[at + 5] !== CLOSE) return -1;
    if (view.getInt32(bytes.byteOffset + at + 1, true) !== NULL) return -1;
    this.#logprobs.array[to] = logprob;
    this.#ids.array[to] = id;
    return at + 6;
  }
}
