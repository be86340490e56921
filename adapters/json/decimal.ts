/**
 * Numbers of JSON from bytes, equal to what `JSON.parse` and, for float32, `Math.fround` after it would give. Fast
 * where that can be proven from the first 17 digits; else the text goes through `Number`.
 */

const MINUS = 45;
const PLUS = 43;
const POINT = 46;
const ZERO = 48;
const UPPER_E = 69;
const LOWER_E = 101;

/** Correctly rounded; exact up to 10^22. */
const POWERS = Float64Array.from({ length: 64 }, (_, exponent) => Number(`1e${exponent}`));
/** Of a number's digits behind the point. */
const FRACTIONS = Float64Array.from({ length: 64 }, (_, digits) => Number(`1e-${digits}`));
const EXACT_POWER = 22;
const EXACT_DIGITS = 15;
/** Digits that an int32 holds, and that are read beside it. */
const HIGH_DIGITS = 9;
const READ_DIGITS = 17;
/** Of a value made from 17 digits and one power: its few roundings of 2^-53 and digits cut off, 10^-16, stay far below. */
const UNSURE = 2 ** -48;

export class Decimal {
  /** After `double` or `float32`: where the number ends; -1 where there is none. */
  next = 0;
  #negative = false;
  /** The first nine significant digits, and up to eight after them. */
  #high = 0;
  #low = 0;
  #digits = 0;
  #exponent = 0;
  /** Digits were left out. */
  #cut = false;

  /** The number that begins at `at`. Some byte at or after it must end a number. */
  double(bytes: Buffer, at: number): number {
    if (!this.#scan(bytes, at)) return Number.NaN;
    const exponent = this.#exponent;
    if (this.#digits > EXACT_DIGITS || this.#cut || Math.abs(exponent) > EXACT_POWER) {
      return Number(bytes.toString("latin1", at, this.next));
    }
    const mantissa = this.#mantissa();
    const value =
      exponent < 0
        ? mantissa / (POWERS[-exponent] as number)
        : mantissa * (POWERS[exponent] as number);
    return this.#negative ? -value : value;
  }

  /**
   * The same rounded to float32. One pass over what was a float32: some digits, a point, digits. Whether the value
   * between its first 17 digits and the next higher ones rounds to one float32 proves the rest.
   */
  float32(bytes: Buffer, from: number): number {
    const negative = bytes[from] === MINUS;
    const start = negative ? from + 1 : from;
    let at = start;
    let digit = 0;
    let high = 0;
    let low = 0;
    let stop = start + HIGH_DIGITS;
    // Unsigned: whatever is no digit is large.
    while (at < stop) {
      digit = (bytes[at] as number) - ZERO;
      if (digit >>> 0 >= 10) break;
      high = (Math.imul(high, 10) + digit) | 0;
      at += 1;
    }
    if (at === start || at === stop || (bytes[start] === ZERO && at > start + 1)) {
      return this.#rounded(bytes, from);
    }
    let mantissa = high;
    let fraction = 0;
    let rest = 0;
    if (bytes[at] === POINT) {
      at += 1;
      const point = at;
      stop += 1;
      while (at < stop) {
        digit = (bytes[at] as number) - ZERO;
        if (digit >>> 0 >= 10) break;
        high = (Math.imul(high, 10) + digit) | 0;
        at += 1;
      }
      if (at === point) return this.#rounded(bytes, from);
      mantissa = high;
      fraction = at - point;
      if (at === stop) {
        stop = at + READ_DIGITS - HIGH_DIGITS;
        while (at < stop) {
          digit = (bytes[at] as number) - ZERO;
          if (digit >>> 0 >= 10) break;
          low = (Math.imul(low, 10) + digit) | 0;
          at += 1;
        }
        mantissa = high * (POWERS[at - point - fraction] as number) + low;
        fraction = at - point;
        while (((bytes[at] as number) - ZERO) >>> 0 < 10) {
          rest = 1;
          at += 1;
        }
      }
    }
    if (((bytes[at] as number) | 32) === LOWER_E) return this.#rounded(bytes, from);
    const scale = FRACTIONS[fraction] as number;
    const least = Math.fround(mantissa * scale * (1 - UNSURE));
    if (least !== Math.fround((mantissa + rest) * scale * (1 + UNSURE))) {
      return this.#rounded(bytes, from);
    }
    this.next = at;
    return negative ? -least : least;
  }

  /** Any other float32. */
  #rounded(bytes: Buffer, at: number): number {
    if (!this.#scan(bytes, at)) return Number.NaN;
    const exponent = this.#exponent;
    if (exponent > -POWERS.length && exponent < POWERS.length) {
      const mantissa = this.#mantissa();
      const scale = POWERS[Math.abs(exponent)] as number;
      const value = exponent < 0 ? mantissa / scale : mantissa * scale;
      const least = Math.fround(value * (1 - UNSURE));
      if (least === Math.fround(value * (1 + UNSURE))) return this.#negative ? -least : least;
    }
    return Math.fround(Number(bytes.toString("latin1", at, this.next)));
  }

  #mantissa(): number {
    return this.#digits <= HIGH_DIGITS
      ? this.#high
      : this.#high * (POWERS[this.#digits - HIGH_DIGITS] as number) + this.#low;
  }

  /** `-? (0 | [1-9] [0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?` */
  #scan(bytes: Buffer, from: number): boolean {
    let at = from;
    let high = 0;
    let low = 0;
    let digits = 0;
    let exponent = 0;
    let cut = false;
    this.next = -1;
    this.#negative = bytes[at] === MINUS;
    if (this.#negative) at += 1;
    const whole = at;
    let digit = (bytes[at] as number) - ZERO;
    while (digit >= 0 && digit <= 9) {
      if (digits < HIGH_DIGITS) {
        high = (high * 10 + digit) | 0;
        if (high !== 0) digits += 1;
      } else if (digits < READ_DIGITS) {
        low = (low * 10 + digit) | 0;
        digits += 1;
      } else {
        cut = true;
        exponent += 1;
      }
      digit = (bytes[++at] as number) - ZERO;
    }
    if (at === whole || (bytes[whole] === ZERO && at > whole + 1)) return false;
    if (bytes[at] === POINT) {
      const fraction = ++at;
      digit = (bytes[at] as number) - ZERO;
      while (digit >= 0 && digit <= 9) {
        if (digits < HIGH_DIGITS) {
          high = (high * 10 + digit) | 0;
          if (high !== 0) digits += 1;
          exponent -= 1;
        } else if (digits < READ_DIGITS) {
          low = (low * 10 + digit) | 0;
          digits += 1;
          exponent -= 1;
        } else {
          cut = true;
        }
        digit = (bytes[++at] as number) - ZERO;
      }
      if (at === fraction) return false;
    }
    this.#high = high;
    this.#low = low;
    this.#digits = digits;
    this.#cut = cut;
    this.#exponent = exponent;
    const letter = bytes[at];
    if (letter === LOWER_E || letter === UPPER_E) return this.#scanExponent(bytes, at + 1);
    this.next = at;
    return true;
  }

  #scanExponent(bytes: Buffer, from: number): boolean {
    let at = from;
    const negative = bytes[at] === MINUS;
    if (negative || bytes[at] === PLUS) at += 1;
    const first = at;
    let value = 0;
    let digit = (bytes[at] as number) - ZERO;
    while (digit >= 0 && digit <= 9) {
      // Far beyond any double's: the text decides.
      if (value < 100_000) value = value * 10 + digit;
      digit = (bytes[++at] as number) - ZERO;
    }
    if (at === first) return false;
    this.#exponent += negative ? -value : value;
    this.next = at;
    return true;
  }
}
