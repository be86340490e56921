/**
 * A checkpoint on disk: one `.safetensors` file, or a Hugging Face style directory that holds
 * `model.safetensors` or the shards named by `model.safetensors.index.json`
 * (`{weight_map: {tensor: shard}}`). Throws `weights_rejected` for anything else.
 */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../limits.ts";
import { parseJson, readHeader, rejected, type TensorEntry } from "./safetensors.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** Entries of all tensors, by name; bytes are not read yet. */
export function openCheckpoint(path: string): ReadonlyMap<string, TensorEntry> {
  const entries = entriesOf(path);
  if (entries.length === 0) throw rejected(path, "holds no tensors");
  if (entries.length > LIMITS.checkpointTensors) throw rejected(path, `${entries.length} tensors`);
  return new Map(entries.map((entry) => [entry.name, entry]));
}

/** The text of `config.json` beside the weights; `null` where there is none (or `path` is a file). */
export function readConfig(path: string): Record<string, unknown> | null {
  const file = join(path, "config.json");
  if (sizeOf(path) !== "directory" || sizeOf(file) === null) return null;
  return openJson(file);
}

function entriesOf(path: string): TensorEntry[] {
  const size = sizeOf(path);
  if (size === null) throw rejected(path, "does not exist");
  if (size !== "directory") return readHeader(path);
  if (sizeOf(join(path, SINGLE)) !== null) return readHeader(join(path, SINGLE));
  if (sizeOf(join(path, INDEX)) !== null) return readShards(path);
  throw rejected(path, `holds neither ${SINGLE} nor ${INDEX}`);
}

function readShards(directory: string): TensorEntry[] {
  const index = join(directory, INDEX);
  const shards = shardsOf(index, openJson(index)["weight_map"]);
  const entries: TensorEntry[] = [];
  for (const [shard, names] of shards) {
    const held = readHeader(join(directory, shard));
    for (const { name } of held) {
      if (!names.delete(name)) throw rejected(index, `does not place ${name} in ${shard}`);
    }
    const [missing] = names;
    if (missing !== undefined) throw rejected(index, `${shard} does not hold ${missing}`);
    entries.push(...held);
  }
  return entries;
}

/** Names of the tensors that each shard must hold. */
function shardsOf(index: string, weightMap: unknown): Map<string, Set<string>> {
  if (typeof weightMap !== "object" || weightMap === null) throw rejected(index, "no weight_map");
  const shards = new Map<string, Set<string>>();
  for (const [name, shard] of Object.entries(weightMap)) {
    // A bare file name: an index must not reach outside its directory.
    if (typeof shard !== "string" || !/^[A-Za-z0-9_][A-Za-z0-9._-]*\.safetensors$/.test(shard)) {
      throw rejected(index, `${JSON.stringify(shard)} is no shard's name`);
    }
    const names = shards.get(shard) ?? new Set();
    shards.set(shard, names.add(name));
  }
  if (shards.size > LIMITS.checkpointShards) throw rejected(index, `${shards.size} shards`);
  return shards;
}

/** Of one file. Throws `weights_rejected`. */
export function openJson(file: string): Record<string, unknown> {
  const size = sizeOf(file);
  if (typeof size !== "number") throw rejected(file, "is no file");
  if (size > LIMITS.checkpointHeaderBytes) throw rejected(file, `${size} bytes are too many`);
  return parseJson(file, readFileSync(file));
}

function sizeOf(path: string): number | "directory" | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return null;
  return stats.isDirectory() ? "directory" : stats.size;
}
