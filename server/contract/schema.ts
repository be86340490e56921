/**
 * The words that the wire's schemas are made of. A schema's JSON Schema carries `format` (`uint32`,
 * `int32`, `uint64`, `float`, `double`), which names the scalar of the proto: `schema.test.ts` holds the two equal.
 * Token arrays are checked and turned into typed arrays by one hand-written loop: walking them with
 * plain zod costs a hundred times as much.
 */
import { z } from "zod";

/** How number arrays travel in JSON: as numbers, or as base64 of little-endian u32, i32 or f32. */
export type Encoding = "json" | "b64";

/** Ids travel in paths, headers and logs. */
const ID = /^[A-Za-z0-9._:-]{1,128}$/;

export const id = (): z.ZodString =>
  z.string().regex(ID, "must be 1 to 128 characters of A-Z a-z 0-9 . _ : -");

export const uint32 = (min = 0, max = 0xffff_ffff): z.ZodNumber =>
  z.number().int().min(min).max(max).meta({ format: "uint32" });

export const int32 = (min = -0x8000_0000, max = 0x7fff_ffff): z.ZodNumber =>
  z.number().int().min(min).max(max).meta({ format: "int32" });

/** 64 bits in the proto; on every wire a whole number below 2^53, so that JSON keeps it exact. */
export const uint53 = (min = 0): z.ZodNumber =>
  z.number().int().min(min).max(Number.MAX_SAFE_INTEGER).meta({ format: "uint64" });

/** A double on both wires, so that a caller's 1.1 is the same number, and the same body, over either. */
export const between = (min: number, max: number): z.ZodNumber =>
  z.number().min(min).max(max).meta({ format: "double" });

export const anyDouble = (): z.ZodNumber => z.number().meta({ format: "double" });

/** Times and rates: not negative. */
export const double = (): z.ZodNumber => z.number().min(0).meta({ format: "double" });

/** Bounds on the number of entries of an array. */
export interface Entries {
  readonly min?: number;
  readonly max: number;
}

type Complain = (message: string, index?: number) => void;

function numberArray<T>(
  encoding: Encoding,
  items: { format: string; type: string; minimum?: number; maximum?: number },
  read: (value: unknown, complain: Complain) => T | null,
) {
  const shape =
    encoding === "json"
      ? { type: "array" as const, items }
      : { type: "string" as const, contentEncoding: "base64", format: `${items.format}[]` };
  return z
    .unknown()
    .meta(shape)
    .transform((value, context): T => {
      const complain: Complain = (message, index) => {
        context.issues.push({
          code: "custom",
          message,
          input: value,
          ...(index === undefined ? {} : { path: [index] }),
        });
      };
      return read(value, complain) ?? z.NEVER;
    });
}

/** Unsigned 32-bit numbers into a `Uint32Array`. */
export function uint32Array(encoding: Encoding, entries: Entries) {
  const items = { type: "integer", format: "uint32", minimum: 0, maximum: 0xffff_ffff };
  return numberArray(encoding, items, (value, complain): Uint32Array | null => {
    if (encoding === "b64") {
      const bytes = base64Words(value, entries, complain);
      return bytes === null ? null : new Uint32Array(bytes);
    }
    if (!isArrayWithin(value, entries, complain)) return null;
    const out = new Uint32Array(value.length);
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i];
      if (typeof item !== "number" || item >>> 0 !== item) {
        complain("must be a whole number from 0 to 4294967295", i);
        return null;
      }
      out[i] = item;
    }
    return out;
  });
}

/** Finite numbers into a `Float32Array`. */
export function floatArray(encoding: Encoding, entries: Entries) {
  return numberArray(encoding, { type: "number", format: "float" }, (value, complain) => {
    const out = floatsOf(encoding, value, entries, complain);
    if (out === null) return null;
    for (let i = 0; i < out.length; i++) {
      if (!Number.isFinite(out[i])) {
        complain("must be a finite number", i);
        return null;
      }
    }
    return out;
  });
}

/**
 * Logprobs of a prompt into a `Float32Array`. What its first token has is `null` in JSON and NaN in
 * binary encodings, and becomes NaN; nothing else may be one.
 */
export function promptLogprobArray(encoding: Encoding, entries: Entries) {
  return numberArray(encoding, { type: "number", format: "float" }, (value, complain) => {
    const out = floatsOf(encoding, value, entries, complain);
    if (out === null) return null;
    for (let i = 1; i < out.length; i++) {
      if (Number.isFinite(out[i])) continue;
      complain("must be a finite number", i);
      return null;
    }
    return out;
  });
}

/** Whatever is not a number becomes NaN. Null after complaining. */
function floatsOf(
  encoding: Encoding,
  value: unknown,
  entries: Entries,
  complain: Complain,
): Float32Array | null {
  if (encoding === "b64") {
    const bytes = base64Words(value, entries, complain);
    return bytes === null ? null : new Float32Array(bytes);
  }
  if (!isArrayWithin(value, entries, complain)) return null;
  const out = new Float32Array(value.length);
  for (let i = 0; i < value.length; i++) {
    const item: unknown = value[i];
    out[i] = typeof item === "number" ? item : Number.NaN;
  }
  return out;
}

function isArrayWithin(
  value: unknown,
  entries: Entries,
  complain: Complain,
): value is readonly unknown[] {
  if (!Array.isArray(value)) {
    complain(`must be an array of numbers${value === undefined ? ", and is missing" : ""}`);
    return false;
  }
  return hasEntries(value.length, entries, complain);
}

function hasEntries(count: number, { min = 0, max }: Entries, complain: Complain): boolean {
  if (count < min) complain(min === 1 ? "must not be empty" : `must hold at least ${min} numbers`);
  else if (count > max) complain(`must hold at most ${max} numbers, not ${count}`);
  else return true;
  return false;
}

/** The bytes of whole 32-bit words, in a buffer of their own (aligned), or null after complaining. */
function base64Words(value: unknown, entries: Entries, complain: Complain): ArrayBuffer | null {
  const size = typeof value === "string" ? base64Size(value) : null;
  const own = size === null ? null : new ArrayBuffer(size);
  // Node skips characters that do not belong, so they show as missing bytes; a regular expression over
  // the text would cost ten times the decoding.
  if (own === null || Buffer.from(own).write(value as string, "base64") !== size) {
    complain('must be a base64 string: `encoding` is "b64"');
    return null;
  }
  if (size % 4 !== 0) {
    complain("must hold whole 32-bit little-endian words");
    return null;
  }
  return hasEntries(size / 4, entries, complain) ? own : null;
}

/** Bytes that base64 text of this length stands for; null for a length that none has. */
function base64Size(text: string): number | null {
  if (text.length % 4 !== 0) return null;
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return (text.length / 4) * 3 - padding;
}

/** A message of which exactly one field is set. */
export function exactlyOne(value: Readonly<Record<string, unknown>>): boolean {
  let set = 0;
  for (const field of Object.values(value)) if (field !== undefined && field !== null) set++;
  return set === 1;
}

/** Any JSON with at most `deepest` arrays and objects inside of one another: what walks it afterwards recurses. */
export const freeJson = (deepest: number) =>
  z
    .custom<z.core.util.JSONType>((value) => value !== undefined && isWithin(value, deepest), {
      message: `must not be nested deeper than ${deepest} levels`,
    })
    .meta({ type: ["object", "array", "string", "number", "boolean", "null"] });

function isWithin(value: unknown, deepest: number): boolean {
  const open: (readonly [value: unknown, level: number])[] = [[value, 0]];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    const [inner, level] = at;
    if (typeof inner !== "object" || inner === null) continue;
    if (level === deepest) return false;
    for (const item of Object.values(inner)) open.push([item, level + 1]);
  }
  return true;
}
