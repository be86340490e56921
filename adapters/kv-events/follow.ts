/**
 * What an engine caches and drops, block by block, over ZeroMQ (`--kv-events-config` of vLLM and SGLang): one message a
 * step and rank, numbered. What was missed is asked for again at the replay endpoint, which keeps the last
 * `buffer_steps`; what it does not have any more is a gap: whatever was known of that rank's cache is void.
 *
 * An endpoint that names a host is one that the engine connects to, so that we listen there; only with `*` or `::` does it
 * listen itself, on its own host.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { CacheFollower } from "../engine.ts";
import {
  bindSubscriber,
  connectDealer,
  connectSubscriber,
  type Endpoint,
  type PeerOptions,
  parseEndpoint,
} from "../zmq/peers.ts";
import { changesOf } from "./changes.ts";

export interface KvEventSource {
  readonly rank: number;
  readonly endpoint: string;
  readonly replayEndpoint: string | null;
  readonly topic: string;
}

export interface FollowBounds {
  /** Most bytes of one message. */
  readonly messageBytes: number;
  /** Messages that wait while missed ones are asked for again. */
  readonly messagesHeld: number;
}

/** Follows all sources of an engine on `host`; null where there are none. Throws where an endpoint cannot be had. */
export async function followSources(
  sources: readonly KvEventSource[],
  host: string,
  follower: CacheFollower,
  bounds: FollowBounds,
): Promise<{ close(): void } | null> {
  if (sources.length === 0) return null;
  const following: { close(): void }[] = [];
  let over = false;
  const close = (): void => {
    over = true;
    for (const one of following) one.close();
  };
  const heard: CacheFollower = {
    ...follower,
    lost(error) {
      if (over) return;
      close();
      follower.lost(error);
    },
  };
  try {
    for (const source of sources) following.push(await followOne(source, host, heard, bounds));
  } catch (thrown) {
    close();
    throw PacelineError.from(thrown);
  }
  return { close };
}

async function followOne(
  from: KvEventSource,
  host: string,
  follower: CacheFollower,
  { messageBytes, messagesHeld }: FollowBounds,
): Promise<{ close(): void }> {
  const own = (endpoint: string) => {
    const at = parseEndpoint(endpoint);
    const listens = at.host === "*" || at.host === "::";
    return { ...at, host: listens ? host : at.host, listens };
  };
  const replay = from.replayEndpoint === null ? null : own(from.replayEndpoint);
  const ordered = inOrder(from.rank, replay, follower, { messageBytes, messagesHeld });
  const options: PeerOptions = {
    messageBytes,
    message: ordered.take,
    lost: follower.lost,
  };
  const at = own(from.endpoint);
  const peer = at.listens
    ? connectSubscriber(at, from.topic, options)
    : await bindSubscriber(at, from.topic, options);
  return {
    close() {
      ordered.close();
      peer.close();
    },
  };
}

/** Ends what is sent again. */
const END = 0xffff_ffff_ffff_ffffn;

/** Holds back what comes too early, while what is missing is asked for again. */
function inOrder(
  slot: number,
  replayAt: Endpoint | null,
  follower: CacheFollower,
  { messageBytes, messagesHeld }: FollowBounds,
) {
  let next: number | null = null;
  let replay: { close(): void } | null = null;
  let early: (readonly [sequence: number, payload: Buffer])[] = [];

  function deliver(sequence: number, payload: Buffer): void {
    next = sequence + 1;
    follower.changes(slot, changesOf(payload));
  }

  function settle(): void {
    replay?.close();
    replay = null;
    const held = early;
    early = [];
    for (const [sequence, payload] of held) {
      if (next !== null && sequence > next) follower.gap(slot);
      if (next === null || sequence >= next) deliver(sequence, payload);
    }
  }

  function again(endpoint: Endpoint, missing: number): void {
    const dealer = connectDealer(endpoint, {
      messageBytes,
      message(parts) {
        const payload = parts.at(-1) as Buffer;
        const number = parts.at(-2);
        if (number?.length !== 8) return settle();
        const told = number.readBigUInt64BE();
        if (told === END) return settle();
        const sequence = Number(told);
        if (next !== null && sequence < next) return;
        // Its buffer begins behind what is missing; what it has is true all the same.
        if (next !== null && sequence > next) follower.gap(slot);
        deliver(sequence, payload);
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
        follower.gap(slot);
        next = sequence;
      }
      if (replay !== null) early.push([sequence, payload]);
      // What it has cached before we came is worth asking for.
      else if (next === null && sequence > 0 && replayAt !== null) {
        early.push([sequence, payload]);
        again(replayAt, 0);
      } else if (next === null || sequence === next) deliver(sequence, payload);
      else if (replayAt === null) {
        follower.gap(slot);
        deliver(sequence, payload);
      } else {
        early.push([sequence, payload]);
        again(replayAt, next);
      }
      if (early.length > messagesHeld) settle();
    },
    close: () => replay?.close(),
  };
}

const broken = (what: string): PacelineError =>
  new PacelineError("engine_error", `the engine broke its stream of cache events: ${what}`);
