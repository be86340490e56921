/** Steps over values of JSON (RFC 8259), as strictly as `JSON.parse`. Each answers where the value ends; -1: it is none. */
import { viewUnder } from "./row-reader.ts";

const QUOTE = 34;
const PLUS = 43;
const COMMA = 44;
const MINUS = 45;
const POINT = 46;
const ZERO = 48;
const NINE = 57;
const COLON = 58;
const OPEN_ARRAY = 91;
const BACKSLASH = 92;
const CLOSE_ARRAY = 93;
const LETTER_U = 117;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

const NULL = Buffer.from("null");
const TRUE = Buffer.from("true");
const FALSE = Buffer.from("false");

/** Deeper than any reply; beyond it `JSON.parse` decides. */
const DEEPEST = 64;

/** Of each byte that may follow a backslash, 1. */
const ESCAPES = new Uint8Array(256);
for (const letter of '"\\/bfnrt') ESCAPES[letter.charCodeAt(0)] = 1;

/** Of the bytes that were last stepped over four at a time. */
let view: DataView = new DataView(new ArrayBuffer(0));

/** Whether what is open at each depth is an object. Skipping calls nothing that skips. */
const objects = new Uint8Array(DEEPEST);

/** The value that begins at `at`, which is no whitespace. */
export function skipValue(bytes: Buffer, from: number, end: number): number {
  let at = from;
  let depth = 0;
  for (;;) {
    // A value begins here.
    const first = at < end ? (bytes[at] as number) : 0;
    if (first === OPEN_OBJECT || first === OPEN_ARRAY) {
      const inside = skipSpace(bytes, at + 1, end);
      if (bytes[inside] === (first === OPEN_OBJECT ? CLOSE_OBJECT : CLOSE_ARRAY)) {
        at = inside + 1;
      } else {
        if (depth === DEEPEST) return -1;
        objects[depth++] = first === OPEN_OBJECT ? 1 : 0;
        at = first === OPEN_OBJECT ? skipKey(bytes, inside, end) : inside;
        if (at === -1) return -1;
        continue;
      }
    } else if (first >= ZERO && first <= NINE && depth > 0 && objects[depth - 1] === 0) {
      at = skipWholes(bytes, at, end);
    } else {
      at = skipScalar(bytes, at, end, first);
    }
    // A value ended here: so may what holds it.
    for (;;) {
      if (at === -1 || at > end) return -1;
      if (depth === 0) return at;
      at = skipSpace(bytes, at, end);
      const byte = at < end ? bytes[at] : 0;
      const inObject = objects[depth - 1] === 1;
      if (byte === COMMA) {
        at = skipSpace(bytes, at + 1, end);
        if (inObject) at = skipKey(bytes, at, end);
        if (at === -1) return -1;
        break;
      }
      if (byte !== (inObject ? CLOSE_OBJECT : CLOSE_ARRAY)) return -1;
      depth -= 1;
      at += 1;
    }
  }
}

/** The rest of a string, from behind its opening quote; where its closing quote ends. */
export function skipString(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte === QUOTE) return at + 1;
    if (byte < 32) return -1;
    if (byte === BACKSLASH) {
      const letter = bytes[at + 1] as number;
      if (letter === LETTER_U) {
        if (!isHex(bytes, at + 2)) return -1;
        at += 6;
      } else if (ESCAPES[letter] === 1) {
        at += 2;
      } else {
        return -1;
      }
    } else {
      at += 1;
    }
  }
  return -1;
}

/** A key and its colon; where the value begins. */
function skipKey(bytes: Buffer, at: number, end: number): number {
  if (at >= end || bytes[at] !== QUOTE) return -1;
  const after = skipString(bytes, at + 1, end);
  if (after === -1) return -1;
  const colon = skipSpace(bytes, after, end);
  return colon < end && bytes[colon] === COLON ? skipSpace(bytes, colon + 1, end) : -1;
}

function skipScalar(bytes: Buffer, at: number, end: number, first: number): number {
  if (first === QUOTE) return skipString(bytes, at + 1, end);
  if (first === MINUS || (first >= ZERO && first <= NINE)) return skipNumber(bytes, at);
  if (first === NULL[0]) return skipWord(bytes, at, NULL);
  if (first === TRUE[0]) return skipWord(bytes, at, TRUE);
  return first === FALSE[0] ? skipWord(bytes, at, FALSE) : -1;
}

function skipNumber(bytes: Buffer, from: number): number {
  const whole = bytes[from] === MINUS ? from + 1 : from;
  let at = skipDigits(bytes, whole);
  if (at === whole || (bytes[whole] === ZERO && at > whole + 1)) return -1;
  if (bytes[at] === POINT) {
    const fraction = at + 1;
    at = skipDigits(bytes, fraction);
    if (at === fraction) return -1;
  }
  // Either case of E.
  if (((bytes[at] as number) | 32) === 101) {
    const sign = bytes[at + 1];
    const exponent = sign === MINUS || sign === PLUS ? at + 2 : at + 1;
    at = skipDigits(bytes, exponent);
    if (at === exponent) return -1;
  }
  return at;
}

/** Elements of an array from one on that begins with a digit, as far as they are whole numbers with bare commas between. */
function skipWholes(bytes: Buffer, from: number, end: number): number {
  let at = skipWords(bytes, from, end);
  // What comes after the comma is none.
  if (bytes[at] === COMMA) return at;
  for (;;) {
    const start = at;
    at = skipDigits(bytes, start + 1);
    const byte = bytes[at] as number;
    const zero = bytes[start] === ZERO && at > start + 1;
    if (zero || byte === POINT || (byte | 32) === 101) return skipNumber(bytes, start);
    const next = bytes[at + 1] as number;
    if (byte !== COMMA || next < ZERO || next > NINE) return at;
    at += 1;
  }
}

/** The same four bytes at a time; the number, or the comma before what is none, that is to be looked at byte by byte. */
function skipWords(bytes: Buffer, from: number, end: number): number {
  view = viewUnder(bytes, view);
  const under = bytes.byteOffset;
  let at = from;
  /** Bit 7 of each byte that a number begins at, here of the first. */
  let begins = 0x80;
  for (; at + 4 <= end; at += 4) {
    const word = view.getInt32(under + at, true) ^ 0x30303030;
    const other = word ^ 0x1c1c1c1c;
    const commas = ~(((other & 0x7f7f7f7f) + 0x7f7f7f7f) | other) & 0x80808080;
    begins |= commas << 8;
    const strange = (((word & 0x7f7f7f7f) + 0x76767676) | word) & 0x80808080;
    // Where one is taken off the first digits, a zero is below 0, and may begin no longer number.
    const zeros = word - (begins >>> 7);
    if (((strange ^ commas) | ((commas | zeros) & begins)) !== 0) break;
    begins = commas >>> 24;
  }
  while (at > from && bytes[at - 1] !== COMMA) at -= 1;
  const byte = bytes[at] as number;
  return at > from && (byte < ZERO || byte > NINE) ? at - 1 : at;
}

function skipDigits(bytes: Buffer, from: number): number {
  let at = from;
  while ((bytes[at] as number) >= ZERO && (bytes[at] as number) <= NINE) at += 1;
  return at;
}

function skipWord(bytes: Buffer, at: number, word: Buffer): number {
  for (let i = 1; i < word.length; i++) if (bytes[at + i] !== word[i]) return -1;
  return at + word.length;
}

function skipSpace(bytes: Buffer, from: number, end: number): number {
  let at = from;
  while (at < end) {
    const byte = bytes[at] as number;
    if (byte !== 32 && byte !== 10 && byte !== 13 && byte !== 9) break;
    at += 1;
  }
  return at;
}

function isHex(bytes: Buffer, at: number): boolean {
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] as number;
    const letter = byte | 32;
    if (!((byte >= ZERO && byte <= NINE) || (letter >= 97 && letter <= 102))) return false;
  }
  return true;
}
