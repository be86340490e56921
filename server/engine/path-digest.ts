/** What an engine without weights says that it holds. */
import { createHash } from "node:crypto";
import { openCheckpoint } from "../checkpoint/checkpoint.ts";
import { combineDigests, hashTensor } from "../checkpoint/digest.ts";
import { readTensor, type TensorEntry } from "../checkpoint/safetensors.ts";

/** What a coordinator would publish `path` under, where it is a checkpoint; else of the path itself. */
export function digestOfPath(path: string): string {
  let entries: readonly TensorEntry[];
  try {
    entries = [...openCheckpoint(path).values()];
  } catch {
    // Any path will do here: a fleet in a test has no checkpoints.
    return createHash("sha256").update(path).digest("hex");
  }
  const bytes = entries.reduce((sum, entry) => sum + entry.byteLength, 0);
  const tensors = entries.map((entry) => hashTensor(entry, readTensor(entry, 0, entry.byteLength)));
  return combineDigests(tensors, bytes).digest;
}
