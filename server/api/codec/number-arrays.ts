/** Typed arrays as the wire writes them: JSON numbers, or base64 of little-endian words. */
import { endianness } from "node:os";
import type { Encoding } from "../../contract/schema.ts";

if (endianness() !== "LE") throw new Error("Paceline's codecs need a little-endian machine");

const base64 = (array: Uint32Array | Float32Array): string =>
  Buffer.from(array.buffer, array.byteOffset, array.byteLength).toString("base64");

/** Of its JSON text. */
export const base64Bytes = (array: Uint32Array | Float32Array): number =>
  4 * Math.ceil(array.byteLength / 3) + 2;

/** Its JSON text at `at` of `to`; answers how many bytes that are. */
export const writeBase64 = (array: Uint32Array | Float32Array, to: Buffer, at: number): number =>
  to.write(`"${base64(array)}"`, at, "latin1");

/** `Array.from` goes through the iterator, which costs several times this loop. */
export function plainArray(values: Uint32Array | Float32Array): number[] {
  const out = new Array<number>(values.length);
  for (let i = 0; i < values.length; i++) out[i] = values[i] as number;
  return out;
}

/** JSON text of token ids. */
export const idsText = (ids: Uint32Array, encoding: Encoding): string =>
  encoding === "b64" ? `"${base64(ids)}"` : JSON.stringify(plainArray(ids));

/** JSON text of float32 values; `Math.fround` of what a reader parses is the value again. */
export function floatsText(values: Float32Array, encoding: Encoding): string {
  if (encoding === "b64") return `"${base64(values)}"`;
  const short = new Array<number>(values.length);
  for (let i = 0; i < values.length; i++) short[i] = shortDouble(values[i] as number);
  return JSON.stringify(short);
}

/**
 * A double near `value` that prints with few digits and rounds to the same float32. A float32 in
 * [2^e, 2^(e+1)) has neighbours 2^(e-23) away, so a decimal within half of that stands for it alone:
 * 7 places from 1 up, 8 from 1/8, 9 from 1/64, 11 from 2^-13. Smaller and odd ones stay as they are.
 */
export function shortDouble(value: number): number {
  const size = Math.abs(value);
  const scale = size >= 1 ? 1e7 : size >= 0.125 ? 1e8 : size >= 0.015625 ? 1e9 : 1e11;
  const near = Math.round(value * scale) / scale;
  return Math.fround(near) === value ? near : value;
}
