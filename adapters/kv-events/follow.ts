/**
 * What an engine caches and drops, block by block, over ZeroMQ (`--kv-events-config` of vLLM and SGLang): one message a
 * step and rank, numbered. What was missed is asked for again at the replay endpoint, which keeps the last
 * `buffer_steps`, and so is what was there before we came; what it does not have any more is a gap: whatever was known of
 * that rank's cache is void.
 *
 * An endpoint with `*` or `::` is one that the engine listens at, on its own host. One that names a host is one that it
 * connects to, so that we listen there; but vLLM that was given `tcp://*:0` listens too, and tells the address that it got.
 * So where it is no address of ours, or is taken, we connect to it.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { CacheFollower } from "../engine.ts";
import {
  bindSubscriber,
  connectSubscriber,
  type Endpoint,
  type PeerOptions,
  parseEndpoint,
} from "../zmq/peers.ts";
import { changesOf } from "./changes.ts";
import { type FollowBounds, inOrder } from "./in-order.ts";

export interface KvEventSource {
  readonly rank: number;
  readonly endpoint: string;
  readonly replayEndpoint: string | null;
  readonly topic: string;
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
  bounds: FollowBounds,
): Promise<{ close(): void }> {
  const own = (endpoint: string) => {
    const at = parseEndpoint(endpoint);
    if (at.port === 0) {
      throw new PacelineError(
        "unsupported",
        `events over ${endpoint}: the engine does not tell which port that is; give it one`,
      );
    }
    const listens = at.host === "*" || at.host === "::";
    return { ...at, host: listens ? host : at.host, listens };
  };
  const replay = from.replayEndpoint === null ? null : own(from.replayEndpoint);
  const { rank } = from;
  const taker = {
    take: (payload: Buffer) => follower.changes(rank, changesOf(payload)),
    gap: () => follower.gap(rank),
  };
  const ordered = inOrder(replay, taker, bounds);
  const options: PeerOptions = {
    messageBytes: bounds.messageBytes,
    message: ordered.take,
    lost: follower.lost,
  };
  const at = own(from.endpoint);
  try {
    const peer = at.listens
      ? connectSubscriber(at, from.topic, options)
      : await listenOrConnect(at, from.topic, options);
    return {
      close() {
        ordered.close();
        peer.close();
      },
    };
  } catch (thrown) {
    ordered.close();
    throw thrown;
  }
}

/** Errors of listening at an address that is another machine's, or has its listener. */
const TAKEN: readonly unknown[] = ["EADDRINUSE", "EADDRNOTAVAIL"];

async function listenOrConnect(
  at: Endpoint,
  topic: string,
  options: PeerOptions,
): Promise<{ close(): void }> {
  try {
    return await bindSubscriber(at, topic, options);
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    if (!TAKEN.includes(code)) throw thrown;
    return connectSubscriber(at, topic, {
      ...options,
      lost(error) {
        const why = `${error.message}, and we cannot listen at ${at.host}:${at.port} ourselves (${code})`;
        options.lost(new PacelineError(error.code, why, { cause: error }));
      },
    });
  }
}
