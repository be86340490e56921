/** What vLLM and SGLang write in their cache events: one batch a step, blocks stored with their tokens, dropped, or all cleared. */
import { PacelineError } from "../../server/contract/errors.ts";
import type { CacheChange } from "../engine.ts";
import { parseAdapterName } from "../lora/name.ts";
import { type Packed, unpack } from "../zmq/msgpack.ts";

/** A batch is `[time, events, rank?]` or a map of these; an event a map with its `type`, or an array that begins with it. */
export function changesOf(payload: Buffer): readonly CacheChange[] {
  const batch = unpack(payload);
  const events =
    batch instanceof Map ? batch.get("events") : Array.isArray(batch) ? batch[1] : null;
  if (!Array.isArray(events)) throw broken("a batch without events");
  return events.flatMap((event) => changeOf(event) ?? []);
}

/** Fields of an event that is an array, in order; trailing ones may be absent. */
const FIELDS: Readonly<Record<string, readonly string[]>> = {
  BlockStored: [
    "type",
    "block_hashes",
    "parent_block_hash",
    "token_ids",
    "block_size",
    "lora_id",
    "medium",
    "lora_name",
    "extra_keys",
    "group_idx",
  ],
  BlockRemoved: ["type", "block_hashes", "medium", "group_idx"],
  AllBlocksCleared: ["type"],
};

/** Null: of a kind that is not ours to know. */
function changeOf(event: Packed): CacheChange | null {
  const type = event instanceof Map ? event.get("type") : Array.isArray(event) ? event[0] : null;
  if (typeof type !== "string") throw broken("an event without its type");
  const fields = FIELDS[type];
  if (fields === undefined) return null;
  const of = (name: string): Packed =>
    (event instanceof Map ? event.get(name) : (event as readonly Packed[])[fields.indexOf(name)]) ??
    null;
  if (type === "AllBlocksCleared") return { type: "cleared" };
  // Blocks of slower memory, or of a second kind of attention, are told beside those that decide what must be computed.
  if ((of("medium") ?? "GPU") !== "GPU" || (of("group_idx") ?? 0) !== 0) return null;
  const hashes = listOf(of("block_hashes")).map(hashOf);
  if (type === "BlockRemoved") return { type: "removed", hashes };
  const parent = of("parent_block_hash");
  const tokenIds = Uint32Array.from(listOf(of("token_ids")), Number);
  const blockSize = Number(of("block_size"));
  if (tokenIds.length !== hashes.length * blockSize)
    throw broken("blocks that are not of their tokens");
  const lora = of("lora_name");
  const adapter = typeof lora === "string" ? parseAdapterName(lora) : null;
  // Of an adapter that is not ours, or that is told by a number alone.
  if (adapter === null && (lora ?? of("lora_id")) !== null) return null;
  return {
    type: "stored",
    hashes,
    parent: parent === null ? null : hashOf(parent),
    tokenIds,
    blockSize,
    adapter,
  };
}

function hashOf(hash: Packed): string {
  if (Buffer.isBuffer(hash)) return hash.toString("hex");
  if (typeof hash === "number" || typeof hash === "bigint") return hash.toString();
  throw broken("a block's hash that is neither number nor bytes");
}

function listOf(value: Packed): readonly Packed[] {
  if (Array.isArray(value)) return value;
  throw broken("an event whose list is none");
}

const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `the engine broke its stream of cache events: ${what}`);
