/**
 * What vLLM caches and drops, block by block (`--kv-events-config`, publisher `zmq`): one message a step and rank, numbered.
 * What was missed is asked for again at the replay endpoint, which keeps the last `buffer_steps`; what it does not have any more
 * is a gap: whatever was known of that rank's cache is void.
 *
 * An endpoint that names a host is one that vLLM connects to, so that we listen there; only with `*` or `::` does it listen itself.
 */
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import { type Packed, unpack } from "../zmq/msgpack.ts";
import {
  bindSubscriber,
  connectDealer,
  connectSubscriber,
  type PeerOptions,
  parseEndpoint,
} from "../zmq/peers.ts";

/** Of `GET /kv_event_sources`, by rank. */
const source = z.looseObject({
  publisher: z.literal("zmq"),
  endpoint: z.string(),
  replay_endpoint: z.string().nullish(),
  topic: z.string().default(""),
});
const sources = z.record(z.string(), source);

export interface KvEventSource {
  readonly rank: number;
  readonly endpoint: string;
  readonly replayEndpoint: string | null;
  readonly topic: string;
}

/** The sources that publish over ZeroMQ; none where the server publishes nothing. */
export function parseSources(json: unknown): readonly KvEventSource[] {
  const parsed = sources.safeParse(json);
  if (!parsed.success) throw broken("/kv_event_sources is not of its form");
  return Object.entries(parsed.data).map(
    ([rank, { endpoint, replay_endpoint: replay, topic }]) => ({
      rank: Number(rank),
      endpoint,
      replayEndpoint: replay ?? null,
      topic,
    }),
  );
}

/** A block's name, as vLLM publishes it: a number of 64 bits, or the hex of its hash. */
export type BlockHash = string;

export type KvChange =
  | {
      readonly type: "stored";
      readonly hashes: readonly BlockHash[];
      /** Null: the first block of a prompt. */
      readonly parent: BlockHash | null;
      /** Of all these blocks, one after the other. */
      readonly tokenIds: Uint32Array;
      readonly blockSize: number;
      /** The adapter that it was computed with; null: the base. */
      readonly adapter: string | null;
    }
  | { readonly type: "removed"; readonly hashes: readonly BlockHash[] }
  | { readonly type: "cleared" };

export interface KvFollower {
  /** In the order of their numbers, each once. */
  readonly changes: (changes: readonly KvChange[], sequence: number) => void;
  /** Some are lost for good: what was known of this cache is void. */
  readonly gap: (from: number, to: number) => void;
  readonly lost: (error: PacelineError) => void;
}

/** Follows one source until closed. Throws where its endpoint cannot be had. */
export async function followKvEvents(
  from: KvEventSource,
  follower: KvFollower,
): Promise<{ close(): void }> {
  const ordered = inOrder(from, follower);
  const options: PeerOptions = {
    messageBytes: LIMITS.kvEventBytes,
    message: ordered.take,
    lost: follower.lost,
  };
  const at = parseEndpoint(from.endpoint);
  const listens = at.host === "*" || at.host === "::";
  const peer = listens
    ? connectSubscriber({ ...at, host: "127.0.0.1" }, from.topic, options)
    : await bindSubscriber(at, from.topic, options);
  return {
    close() {
      ordered.close();
      peer.close();
    },
  };
}

const END = 0xffff_ffff_ffff_ffffn;

/** Holds back what comes too early, while what is missing is asked for again. */
function inOrder({ replayEndpoint }: KvEventSource, follower: KvFollower) {
  let next: number | null = null;
  let replay: { close(): void } | null = null;
  let early: (readonly [sequence: number, payload: Buffer])[] = [];

  function deliver(sequence: number, payload: Buffer): void {
    next = sequence + 1;
    follower.changes(changesOf(payload), sequence);
  }

  function settle(): void {
    replay?.close();
    replay = null;
    const held = early;
    early = [];
    for (const [sequence, payload] of held) {
      if (next !== null && sequence > next) follower.gap(next, sequence);
      if (next === null || sequence >= next) deliver(sequence, payload);
    }
  }

  function again(endpoint: string, missing: number): void {
    const dealer = connectDealer(parseEndpoint(endpoint), {
      messageBytes: LIMITS.kvEventBytes,
      message(parts) {
        const payload = parts.at(-1) as Buffer;
        const number = parts.at(-2);
        if (number?.length !== 8) return settle();
        const sequence = number.readBigUInt64BE();
        if (sequence === END) return settle();
        if (next !== null && Number(sequence) === next) deliver(next, payload);
      },
      lost: settle,
    });
    replay = dealer;
    const number = Buffer.alloc(8);
    number.writeBigUInt64BE(BigInt(missing));
    dealer.send(Buffer.alloc(0), number);
  }

  return {
    take(parts: readonly Buffer[]): void {
      const [, number, payload] = parts;
      if (number?.length !== 8 || payload === undefined)
        throw broken("a message without its number");
      const sequence = Number(number.readBigUInt64BE());
      // It began anew: another process, whose cache is empty.
      if (next !== null && sequence < next && replay === null) {
        follower.gap(next, sequence);
        next = sequence;
      }
      if (replay !== null) early.push([sequence, payload]);
      else if (next === null || sequence === next) deliver(sequence, payload);
      else if (replayEndpoint === null) {
        follower.gap(next, sequence);
        deliver(sequence, payload);
      } else {
        early.push([sequence, payload]);
        again(replayEndpoint, next);
      }
      if (early.length > LIMITS.kvEventsHeld) settle();
    },
    close: () => replay?.close(),
  };
}

/** A batch is `[time, events, rank?]` or a map of these; an event a map with its `type`, or an array that begins with it. */
export function changesOf(payload: Buffer): readonly KvChange[] {
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
  ],
  BlockRemoved: ["type", "block_hashes", "medium"],
  AllBlocksCleared: ["type"],
};

/** Null: of a kind that is not ours to know. */
function changeOf(event: Packed): KvChange | null {
  const type = event instanceof Map ? event.get("type") : Array.isArray(event) ? event[0] : null;
  if (typeof type !== "string") throw broken("an event without its type");
  const fields = FIELDS[type];
  if (fields === undefined) return null;
  const of = (name: string): Packed =>
    (event instanceof Map ? event.get(name) : (event as readonly Packed[])[fields.indexOf(name)]) ??
    null;
  if (type === "AllBlocksCleared") return { type: "cleared" };
  const hashes = listOf(of("block_hashes")).map(hashOf);
  if (type === "BlockRemoved") return { type: "removed", hashes };
  const parent = of("parent_block_hash");
  const tokenIds = Uint32Array.from(listOf(of("token_ids")), Number);
  const blockSize = Number(of("block_size"));
  if (tokenIds.length !== hashes.length * blockSize)
    throw broken("blocks that are not of their tokens");
  const adapter = of("lora_name");
  return {
    type: "stored",
    hashes,
    parent: parent === null ? null : hashOf(parent),
    tokenIds,
    blockSize,
    adapter: typeof adapter === "string" ? adapter : null,
  };
}

function hashOf(hash: Packed): BlockHash {
  if (Buffer.isBuffer(hash)) return hash.toString("hex");
  if (typeof hash === "number" || typeof hash === "bigint") return hash.toString();
  throw broken("a block's hash that is neither number nor bytes");
}

function listOf(value: Packed): readonly Packed[] {
  if (Array.isArray(value)) return value;
  throw broken("an event whose list is none");
}

const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `vLLM broke its stream of cache events: ${what}`);
