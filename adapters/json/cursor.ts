/**
 * Reads JSON as a walk over its bytes, in the order in which they come: no tree, no strings for keys. For replies of
 * known shape whose writer keeps it. Whatever is not as the walk expects is a surprise: the cursor stops there,
 * every further call answers as at an end, and the caller parses the same bytes with `JSON.parse` instead, whose
 * word is final. What the cursor accepts has exactly the values that `JSON.parse` would give; a known key that
 * comes twice is a surprise.
 *
 *     const CHOICE = new Keys("index", "token_ids");          // best in the order of the wire
 *     cursor.reset(bytes, start, end);
 *     if (cursor.enterObject()) {
 *       for (let key = cursor.key(CHOICE); key !== END; key = cursor.key(CHOICE)) {
 *         if (key === 1) cursor.uint32Array(ids);
 *         else cursor.skip();                                  // UNKNOWN, and what is not wanted
 *       }
 *     }
 *     if (!cursor.finish()) ids.rewind(0), fromJson(JSON.parse(bytes.toString("utf8", start, end)));
 *
 * The value after a key, and an element, must be read or skipped before the next is asked for.
 */
import { Decimal } from "./decimal.ts";
import type { GrowingUint32 } from "./growing.ts";
import type { Keys } from "./keys.ts";
import type { KnownPrefix } from "./known-prefix.ts";
import type { RowReader } from "./row-reader.ts";
import { skipString, skipValue } from "./skip.ts";

/** `key`: the object ended, or there was a surprise. */
export const END = -1;
/** `key`: one that `Keys` does not know. */
export const UNKNOWN = -2;

const QUOTE = 34;
const COMMA = 44;
const ZERO = 48;
const COLON = 58;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const SPACE = 32;
const LETTER_F = 102;
const LETTER_N = 110;
const LETTER_T = 116;

const DEEPEST = 64;
const NOTHING = Buffer.of(0);

export class JsonCursor {
  #bytes: Buffer = NOTHING;
  #at = 0;
  #end = 0;
  /** No key or element of the innermost container has been read. */
  #fresh = false;
  #surprised = false;
  /** Of each open object, the known keys that it has had, as bits. */
  readonly #seen = new Int32Array(DEEPEST);
  #depth = -1;
  readonly #decimal = new Decimal();

  /** Begins at an object or array that is all of `bytes[start, end)`, but for whitespace around it. */
  reset(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#fresh = false;
    this.#surprised = false;
    this.#depth = -1;
    while (this.#end > start && isSpace(bytes[this.#end - 1] as number)) this.#end -= 1;
    // So no number can run on behind the end.
    const last = this.#end > start ? bytes[this.#end - 1] : undefined;
    if (last !== CLOSE_OBJECT && last !== CLOSE_ARRAY) this.#surprise();
  }

  /** Whether all went as expected and nothing is left. */
  finish(): boolean {
    return !this.#surprised && this.#at === this.#end && this.#depth === -1;
  }

  /** Whether the walk is over before its end; for loops that do not end by `key` or `element`. */
  get surprised(): boolean {
    return this.#surprised;
  }

  /** Where it stands. */
  get at(): number {
    return this.#at;
  }

  /** For a caller that finds a value which it did not expect. */
  surprise(): void {
    this.#surprise();
  }

  enterObject(): boolean {
    if (!this.#open(OPEN_OBJECT)) return false;
    this.#depth += 1;
    if (this.#depth === DEEPEST) return this.#surprise();
    this.#seen[this.#depth] = 0;
    return true;
  }

  enterArray(): boolean {
    return this.#open(OPEN_ARRAY);
  }

  /**
   * Enters an array whose first elements were read before, in an earlier piece that ended where `known` does, and
   * goes on after them. Other bytes than those are a surprise. `remember` when the array has ended.
   */
  enterArrayAfter(known: KnownPrefix): boolean {
    if (!this.#open(OPEN_ARRAY)) return false;
    known.start = this.#at;
    if (known.length === 0) return true;
    if (!known.matches(this.#bytes, this.#at, this.#end)) return this.#surprise();
    this.#at += known.length;
    this.#fresh = false;
    return true;
  }

  /** The array that was entered after `known` has just ended: it is what is known now. */
  remember(known: KnownPrefix): void {
    if (!this.#surprised) known.extend(this.#bytes, this.#at - 1);
  }

  /** Skips a string that begins with `known`, which then holds it all. */
  skipStringAfter(known: KnownPrefix): void {
    if (this.#peek() !== QUOTE) {
      this.#surprise();
      return;
    }
    known.start = this.#at + 1;
    if (!known.matches(this.#bytes, known.start, this.#end)) {
      this.#surprise();
      return;
    }
    this.#move(skipString(this.#bytes, known.start + known.length, this.#end));
    if (!this.#surprised) known.extend(this.#bytes, this.#at - 1);
  }

  /** The next key of the object: its index in `keys`, `UNKNOWN` or `END`. */
  key(keys: Keys): number {
    const bytes = this.#bytes;
    if (!this.#next(CLOSE_OBJECT)) {
      if (!this.#surprised) this.#depth -= 1;
      return END;
    }
    const at = this.#at;
    const template = keys.templates[keys.expected] as Uint8Array;
    let same = 0;
    while (same < template.length && bytes[at + same] === template[same]) same += 1;
    if (same < template.length) return this.#otherKey(keys);
    this.#at = at + same;
    return this.#knownKey(keys, keys.expected);
  }

  /** Whether the array has another element. */
  element(): boolean {
    return this.#next(CLOSE_ARRAY);
  }

  /** As `JSON.parse` would give it; NaN at a surprise. */
  number(): number {
    this.#space();
    const value = this.#decimal.double(this.#bytes, this.#at);
    this.#move(this.#decimal.next);
    return value;
  }

  /** `Math.fround` of the number; faster than `number` for what was a float32. */
  float32(): number {
    this.#space();
    const value = this.#decimal.float32(this.#bytes, this.#at);
    this.#move(this.#decimal.next);
    return value;
  }

  /** A whole number below 2^32, written as one. */
  uint32(): number {
    this.#space();
    const bytes = this.#bytes;
    const start = this.#at;
    let at = start;
    let value = 0;
    let digit = (bytes[at] as number) - ZERO;
    while (digit >= 0 && digit <= 9) {
      value = value * 10 + digit;
      digit = (bytes[++at] as number) - ZERO;
    }
    const zero = bytes[start] === ZERO && at > start + 1;
    if (at === start || at - start > 10 || value > 0xffff_ffff || zero) {
      this.#surprise();
      return 0;
    }
    this.#at = at;
    return value;
  }

  /** Appends an array of whole numbers below 2^32. */
  uint32Array(into: GrowingUint32): void {
    if (!this.enterArray()) return;
    if (this.element()) this.restOfUint32s(into);
  }

  /** Appends the elements from the one that `element` has just found to the array's end, whole numbers below 2^32. */
  restOfUint32s(into: GrowingUint32): void {
    const bytes = this.#bytes;
    let at = this.#at;
    for (;;) {
      const start = at;
      let value = 0;
      let digit = (bytes[at] as number) - ZERO;
      while (digit >>> 0 < 10) {
        value = (Math.imul(value, 10) + digit) | 0;
        digit = (bytes[++at] as number) - ZERO;
      }
      const digits = at - start;
      if (digits === 0 || digits > 9 || (digits > 1 && bytes[start] === ZERO)) {
        // Spaces, ten digits, or none of ours.
        this.#at = start;
        into.push(this.uint32());
        if (this.#surprised) return;
        at = this.#at;
      } else {
        into.push(value);
      }
      if (bytes[at] === COMMA) {
        at += 1;
        continue;
      }
      this.#at = at;
      if (!this.element()) return;
      at = this.#at;
    }
  }

  /** Of the array that was entered, the elements from here on that `reader` reads; `element` goes on after them. */
  rows(reader: RowReader): void {
    if (this.#surprised) return;
    const at = reader.read(this.#bytes, this.#at, this.#fresh);
    if (at === this.#at) return;
    this.#fresh = false;
    this.#move(at);
  }

  /** Reads `null` if it comes next. */
  isNull(): boolean {
    if (this.#peek() !== LETTER_N) return false;
    this.skip();
    return !this.#surprised;
  }

  /** False at a surprise. */
  boolean(): boolean {
    const first = this.#peek();
    if (first !== LETTER_T && first !== LETTER_F) return this.#surprise();
    this.skip();
    return first === LETTER_T && !this.#surprised;
  }

  /** "" at a surprise. */
  string(): string {
    if (this.#peek() !== QUOTE) {
      this.#surprise();
      return "";
    }
    const start = this.#at;
    this.#move(skipString(this.#bytes, start + 1, this.#end));
    if (this.#surprised) return "";
    const text = this.#bytes.toString("utf8", start, this.#at);
    return text.includes("\\") ? JSON.parse(text) : text.slice(1, -1);
  }

  /** Any value, checked as `JSON.parse` would. */
  skip(): void {
    this.#space();
    this.#move(skipValue(this.#bytes, this.#at, this.#end));
  }

  /** Any value, small, as `JSON.parse` would give it; undefined at a surprise. */
  value(): unknown {
    this.#space();
    const start = this.#at;
    const bytes = this.#bytes;
    this.skip();
    return this.#surprised ? undefined : JSON.parse(bytes.toString("utf8", start, this.#at));
  }

  #open(byte: number): boolean {
    if (this.#peek() !== byte) return this.#surprise();
    this.#at += 1;
    this.#fresh = true;
    return true;
  }

  /** To the next key or element, past its comma; false at the container's end. */
  #next(close: number): boolean {
    const byte = this.#peek();
    if (byte === COMMA && !this.#fresh) {
      this.#at += 1;
      // An element that is none surprises whoever reads it; a key is looked at from its quote on.
      this.#space();
      return true;
    }
    if (byte === close) {
      this.#at += 1;
      this.#fresh = false;
      return false;
    }
    if (!this.#fresh) return this.#surprise();
    this.#fresh = false;
    return true;
  }

  #knownKey(keys: Keys, index: number): number {
    const bit = 1 << index;
    const seen = this.#seen[this.#depth] as number;
    if ((seen & bit) !== 0) {
      this.#surprise();
      return END;
    }
    this.#seen[this.#depth] = seen | bit;
    keys.found(index);
    return index;
  }

  /** A key that is not the expected one, or not written as tersely. */
  #otherKey(keys: Keys): number {
    const bytes = this.#bytes;
    const start = this.#at + 1;
    const end = bytes[this.#at] === QUOTE ? skipString(bytes, start, this.#end) : -1;
    if (end === -1 || bytes.subarray(start, end - 1).includes(BACKSLASH)) {
      this.#surprise();
      return END;
    }
    this.#at = end;
    if (this.#peek() !== COLON) {
      this.#surprise();
      return END;
    }
    this.#at += 1;
    const index = keys.find(bytes, start, end - 1);
    return index === -1 ? UNKNOWN : this.#knownKey(keys, index);
  }

  #peek(): number {
    if (this.#at >= this.#end) return 0;
    const byte = this.#bytes[this.#at] as number;
    if (byte > SPACE) return byte;
    this.#space();
    return this.#at < this.#end ? (this.#bytes[this.#at] as number) : 0;
  }

  #space(): void {
    while (this.#at < this.#end && isSpace(this.#bytes[this.#at] as number)) this.#at += 1;
  }

  #move(to: number): void {
    if (to === -1 || to > this.#end) this.#surprise();
    else this.#at = to;
  }

  /** From here on every look finds nothing. */
  #surprise(): false {
    this.#surprised = true;
    this.#fresh = false;
    this.#bytes = NOTHING;
    this.#at = 0;
    this.#end = 0;
    return false;
  }
}

const isSpace = (byte: number): boolean =>
  byte === SPACE || byte === 10 || byte === 13 || byte === 9;
