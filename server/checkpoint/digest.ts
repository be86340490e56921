/**
 * The content digest of a checkpoint: what a version *is*, whatever files hold it.
 *
 * SHA-256 over the ASCII bytes `paceline.content.v1` and a zero byte, then, for each tensor in the order of
 * its name's UTF-8 bytes:
 *
 *     u32 bytes of name, name (UTF-8) · u32 bytes of dtype, dtype (ASCII, safetensors' name) ·
 *     u32 rank, each dimension as u64 · the 32 bytes of SHA-256 over the tensor's bytes
 *
 * all integers little-endian. File names, sharding, order in a file, metadata and time are outside it.
 */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { openCheckpoint } from "./checkpoint.ts";
import { readTensor, type TensorEntry, type TensorHeader } from "./safetensors.ts";

/** Hashed in such parts so that the caller's event loop is held for some 10 ms at most. */
const PART_BYTES = 8 * 1024 * 1024;

export interface TensorDigest extends TensorHeader {
  /** Hex. */
  readonly sha256: string;
}

export interface ContentDigest {
  /** Hex. */
  readonly digest: string;
  /** Of all tensors. */
  readonly bytes: number;
  /** In the order in which they were hashed. */
  readonly tensors: readonly TensorDigest[];
}

/** Reads a checkpoint whole. Throws `weights_rejected`. */
export async function contentDigest(path: string): Promise<ContentDigest> {
  const tensors: TensorDigest[] = [];
  let bytes = 0;
  for (const entry of openCheckpoint(path).values()) {
    tensors.push(await hashEntry(entry));
    bytes += entry.byteLength;
  }
  return combineDigests(tensors, bytes);
}

export function hashTensor({ name, dtype, shape }: TensorHeader, bytes: Uint8Array): TensorDigest {
  return { name, dtype, shape, sha256: createHash("sha256").update(bytes).digest("hex") };
}

export function combineDigests(tensors: readonly TensorDigest[], bytes: number): ContentDigest {
  const sorted = tensors
    .map((tensor) => ({ tensor, name: Buffer.from(tensor.name) }))
    .sort((a, b) => Buffer.compare(a.name, b.name));
  const hash = createHash("sha256").update("paceline.content.v1\0");
  for (const { tensor, name } of sorted) {
    hash.update(u32(name.length)).update(name);
    hash.update(u32(tensor.dtype.length)).update(tensor.dtype, "ascii");
    hash.update(u32(tensor.shape.length));
    for (const size of tensor.shape) hash.update(u64(size));
    hash.update(tensor.sha256, "hex");
  }
  return { digest: hash.digest("hex"), bytes, tensors: sorted.map(({ tensor }) => tensor) };
}

async function hashEntry(entry: TensorEntry): Promise<TensorDigest> {
  const hash = createHash("sha256");
  for (let at = 0; at < entry.byteLength; at += PART_BYTES) {
    hash.update(readTensor(entry, at, Math.min(PART_BYTES, entry.byteLength - at)));
    await setImmediate();
  }
  const { name, dtype, shape } = entry;
  return { name, dtype, shape, sha256: hash.digest("hex") };
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function u64(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
}
