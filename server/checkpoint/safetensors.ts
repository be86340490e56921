/**
 * Reads and writes the safetensors file format: 8 bytes of header length (u64, little-endian), a JSON
 * header `{name: {dtype, shape, data_offsets: [begin, end)}, __metadata__?: {string: string}}`, then the
 * tensors' bytes. Format: https://github.com/huggingface/safetensors ("Format").
 *
 * Files come from outside, so every claim of a header is checked before it is used, more strictly than
 * the reference where that costs nothing: sizes match shapes, tensors neither overlap nor leave holes,
 * and cover the file to its end. What is wrong throws `weights_rejected` with the file and the reason.
 */
import { closeSync, fstatSync, openSync, readSync, writeFileSync } from "node:fs";
import { PacelineError } from "../contract/errors.ts";
import { LIMITS } from "../limits.ts";

/** Bytes of one element, by the format's names. */
const ELEMENT_BYTES: Readonly<Record<string, number>> = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
  U16: 2,
  I16: 2,
  F16: 2,
  BF16: 2,
  U32: 4,
  I32: 4,
  F32: 4,
  U64: 8,
  I64: 8,
  F64: 8,
};

export interface TensorHeader {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
}

/** Where a tensor's bytes are. */
export interface TensorEntry extends TensorHeader {
  readonly file: string;
  /** From the start of the file. */
  readonly offset: number;
  readonly byteLength: number;
}

export interface Tensor extends TensorHeader {
  readonly bytes: Uint8Array;
}

export function rejected(path: string, reason: string, cause?: unknown): PacelineError {
  return new PacelineError("weights_rejected", `${path}: ${reason}`, {
    details: { path, reason },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Entries of one file in the order of their bytes. */
export function readHeader(path: string): TensorEntry[] {
  return withFile(path, (fd) => {
    const fileBytes = fstatSync(fd).size;
    const length = headerLength(path, fd, fileBytes);
    const text = readAt(path, fd, 8, length);
    const entries = parseHeader(path, text, 8 + length);
    assertTiled(path, entries, 8 + length, fileBytes);
    return entries;
  });
}

/** Reads `tensor`'s bytes, or the part `[from, from + length)` of them. */
export function readTensor(
  entry: TensorEntry,
  from = 0,
  length: number = entry.byteLength - from,
): Uint8Array {
  return withFile(entry.file, (fd) => readAt(entry.file, fd, entry.offset + from, length));
}

/** Writes one file; tensors keep the order given. */
export function writeSafetensors(
  path: string,
  tensors: readonly Tensor[],
  metadata: Readonly<Record<string, string>> = { format: "pt" },
): void {
  const header: [string, unknown][] = [["__metadata__", metadata]];
  let end = 0;
  for (const { name, dtype, shape, bytes } of tensors) {
    if (bytes.length !== byteLengthOf(path, { name, dtype, shape })) {
      throw rejected(path, `tensor ${name} has ${bytes.length} bytes`);
    }
    header.push([name, { dtype, shape, data_offsets: [end, end + bytes.length] }]);
    end += bytes.length;
  }
  const text = JSON.stringify(Object.fromEntries(header));
  // Padded with spaces, as the reference does, so that the data is aligned.
  const padded = Buffer.from(text.padEnd(Math.ceil(Buffer.byteLength(text) / 8) * 8));
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(padded.length));
  writeFileSync(path, Buffer.concat([size, padded, ...tensors.map(({ bytes }) => bytes)]));
}

function headerLength(path: string, fd: number, fileBytes: number): number {
  if (fileBytes < 8) throw rejected(path, `${fileBytes} bytes are no safetensors file`);
  const length = Buffer.from(readAt(path, fd, 0, 8).buffer).readBigUInt64LE();
  if (length > BigInt(LIMITS.checkpointHeaderBytes)) {
    throw rejected(path, `the header claims ${length} bytes`);
  }
  if (8n + length > BigInt(fileBytes)) throw rejected(path, "the file ends inside its header");
  return Number(length);
}

function parseHeader(path: string, text: Uint8Array, dataStart: number): TensorEntry[] {
  const header = parseJson(path, text);
  const names = Object.keys(header).filter((name) => name !== "__metadata__");
  if (names.length > LIMITS.checkpointTensors) throw rejected(path, `${names.length} tensors`);
  return names
    .map((name) => parseEntry(path, name, header[name], dataStart))
    .sort((a, b) => a.offset - b.offset || a.byteLength - b.byteLength);
}

export function parseJson(path: string, text: Uint8Array): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(text));
    if (isRecord(value)) return value;
  } catch (cause) {
    throw rejected(path, "not JSON", cause);
  }
  throw rejected(path, "not a JSON object");
}

function parseEntry(path: string, name: string, value: unknown, dataStart: number): TensorEntry {
  if (name.length === 0 || name.length > LIMITS.checkpointNameChars) {
    throw rejected(path, `a tensor's name has ${name.length} characters`);
  }
  if (!isRecord(value)) throw rejected(path, `tensor ${name} is not an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string" || !Object.hasOwn(ELEMENT_BYTES, dtype)) {
    throw rejected(path, `tensor ${name} has the unknown dtype ${JSON.stringify(dtype)}`);
  }
  if (!isCounts(shape) || shape.length > LIMITS.checkpointRank) {
    throw rejected(path, `tensor ${name} has no shape`);
  }
  if (!isCounts(offsets) || offsets.length !== 2) {
    throw rejected(path, `tensor ${name} has no data_offsets`);
  }
  const [begin = 0, end = 0] = offsets;
  const byteLength = byteLengthOf(path, { name, dtype, shape });
  if (end - begin !== byteLength) {
    throw rejected(path, `tensor ${name} takes ${byteLength} bytes but has ${end - begin}`);
  }
  return { name, dtype, shape, file: path, offset: dataStart + begin, byteLength };
}

function byteLengthOf(path: string, { name, dtype, shape }: TensorHeader): number {
  const bytes = shape.reduce((product, size) => product * size, ELEMENT_BYTES[dtype] ?? Number.NaN);
  if (!Number.isSafeInteger(bytes)) throw rejected(path, `tensor ${name} has an impossible size`);
  return bytes;
}

function assertTiled(path: string, entries: readonly TensorEntry[], start: number, end: number) {
  let at = start;
  for (const { name, offset, byteLength } of entries) {
    if (offset !== at) {
      throw rejected(path, `tensor ${name} ${offset < at ? "overlaps another" : "follows a hole"}`);
    }
    at += byteLength;
  }
  if (at !== end) throw rejected(path, `tensors end at byte ${at} but the file at ${end}`);
}

function withFile<T>(path: string, use: (fd: number) => T): T {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch (cause) {
    throw rejected(path, "cannot be opened", cause);
  }
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}

function readAt(path: string, fd: number, offset: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const count = readFrom(path, fd, bytes, done, offset + done);
    if (count === 0) throw rejected(path, `the file ends at byte ${offset + done}`);
    done += count;
  }
  return bytes;
}

/** One call reads at most 1 GiB: Linux answers short reads beyond 2 GiB. */
function readFrom(path: string, fd: number, into: Uint8Array, at: number, position: number) {
  try {
    return readSync(fd, into, at, Math.min(into.length - at, 2 ** 30), position);
  } catch (cause) {
    throw rejected(path, "cannot be read", cause);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}
