/**
 * What an engine caches and drops, block by block, over ZeroMQ (`--kv-events-config` of vLLM and SGLang): one message a
 * step and rank, numbered. What was missed is asked for again at the replay endpoint, which keeps the last
 * `buffer_steps`, and so is what was there before we came; what it does not have any more is a gap: whatever was known of
 * that rank's cache is void.
 *
 * An endpoint that names a host is one that the engine connects to, so that we listen there; only with `*` or `::` does it
 * listen itself, on its own host.
 */
import { PacelineError } from "../../server/contract/errors.ts";
import type { CacheFollower } from "../engine.ts";
import {
  bindSubscriber,
  connectSubscriber,
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
      : await bindSubscriber(at, from.topic, options);
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
