/**
 * Cache events of real vLLM, over our own ZMTP: what it says it stored is the prompt that it was given, in our hashes too; what was
 * missed is asked for again, and what cannot be had again voids what was known.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CacheChange } from "../../../adapters/engine.ts";
import { followSources } from "../../../adapters/kv-events/follow.ts";
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import { parseSources } from "../../../adapters/vllm/kv-events.ts";
import { LIMITS } from "../../../server/limits.ts";
import { liveClock } from "../../../server/live-clock.ts";
import { createCacheFeed } from "../../../server/placement/cache-feed.ts";
import { prefixHashes } from "../../../server/scheduler/prefix.ts";
import { freePort } from "../engines/process.ts";
import { openVllm } from "../engines/vllm.ts";
import { generated, install, longDeadline } from "./attempts.ts";
import { lossyRelay } from "./lossy-relay.ts";

const BLOCK = 32;

test("blocks that real vLLM caches and drops are heard of, those that were missed as well", async () => {
  const vllm = await openVllm();
  const [events, replay] = [await freePort(), await freePort()];
  const config = {
    enable_kv_cache_events: true,
    publisher: "zmq",
    endpoint: `tcp://127.0.0.1:${events}`,
    replay_endpoint: `tcp://127.0.0.1:${replay}`,
    topic: "kv",
  };
  const server = await vllm.start(["--kv-events-config", JSON.stringify(config)]);
  const engine = createVllmEngine(server.url);
  const heard: CacheChange[] = [];
  const gaps: string[] = [];
  let news = Promise.withResolvers<void>();
  try {
    const follower = {
      changes(_: number, changes: readonly CacheChange[]) {
        heard.push(...changes);
        news.resolve();
      },
      gap: (slot: number) => gaps.push(`of ${slot}`),
      lost: (error: Error) => gaps.push(error.message),
    };
    const following = await engine.followCache?.(follower, longDeadline());
    assert.ok(following);
    await engine.probe(longDeadline());
    await install(engine, 1, vllm.models[0]);
    const prompt = Uint32Array.from({ length: 3 * BLOCK }, (_, at) => 500 + at);
    const stored = () => heard.filter((change) => change.type === "stored");
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) {
        news = Promise.withResolvers();
        await news.promise;
      }
    };
    // The publisher connects when it likes: what it said before is not for us.
    while (stored().length === 0) {
      await generated(engine, { promptTokenIds: prompt, sampling: { maxNewTokens: 40 } });
    }
    const tokens = stored().flatMap(({ tokenIds }) => [...tokenIds]);
    const at = tokens.indexOf(500);
    assert.deepEqual(tokens.slice(at, at + prompt.length), [...prompt]);
    assert.equal(stored()[0]?.blockSize, BLOCK);
    await engine.control.flush(longDeadline());
    await generated(engine, { promptTokenIds: prompt, sampling: { maxNewTokens: 2 } });
    await until(() => heard.some(({ type }) => type === "cleared"));
    assert.deepEqual(gaps, []);
    following.close();
    console.log(`${heard.length} changes, ${tokens.length} tokens in stored blocks, no gap`);
  } finally {
    await engine.close();
    await server.kill();
  }
});

test("real vLLM's blocks have our hashes; what is missed is had again, and else all that was known is void", async () => {
  const vllm = await openVllm();
  const config = {
    ...{ enable_kv_cache_events: true, publisher: "zmq", topic: "kv", buffer_steps: 4 },
    ...{ endpoint: "tcp://*:0", replay_endpoint: "tcp://*:0" },
  };
  const server = await vllm.start(["--kv-events-config", JSON.stringify(config)]);
  const engine = createVllmEngine(server.url);
  const reply = await fetch(`${server.url}/kv_event_sources`);
  const [source] = parseSources(await reply.json());
  assert.ok(source);
  const relay = await lossyRelay(source.endpoint);
  const known = new Set<number>();
  let cleared = 0;
  let news = Promise.withResolvers<void>();
  const feed = createCacheFeed(
    liveClock,
    () => ({
      followCache: (follower) =>
        followSources([{ ...source, endpoint: relay.endpoint }], "127.0.0.1", follower, {
          messageBytes: LIMITS.kvEventBytes,
          messagesHeld: LIMITS.kvEventsHeld,
        }),
    }),
    (event) => {
      assert.ok(event.type === "cache");
      if (event.kind === "cleared") {
        cleared += 1;
        known.clear();
      }
      for (const block of event.blocks) {
        if (event.kind === "stored") known.add(block);
        else known.delete(block);
      }
      news.resolve();
      news = Promise.withResolvers();
    },
  );
  try {
    await engine.probe(longDeadline());
    await install(engine, 1, vllm.models[0]);
    const held = { policy: "default", version: 1, label: null, proof: "receipt", load: 1 } as const;
    feed.holds("w-1", "life", [{ ...held, digest: null }]);
    /** Two of our blocks each; `first`: its first token. */
    const prompt = (first: number) => Uint32Array.from({ length: 520 }, (_, at) => first + at);
    const cache = (first: number) =>
      generated(engine, { promptTokenIds: prompt(first), sampling: { maxNewTokens: 1 } });
    const hashes = (first: number) => prefixHashes("default", prompt(first));
    const until = async (first: number): Promise<void> => {
      while (!hashes(first).every((hash) => known.has(hash))) await news.promise;
    };
    await cache(100);
    await until(100);
    assert.deepEqual([...known].sort(), [...hashes(100)].sort());
    // The load has emptied its cache.
    cleared = 0;

    relay.lose(true);
    await cache(200);
    await relay.lost(1);
    relay.lose(false);
    await cache(300);
    await until(300);
    assert.equal(cleared, 0);
    assert.equal(known.size, 6, "the lost one's are among them");

    relay.lose(true);
    for (let lost = 1; lost <= 6; lost++) {
      await cache(300 + 100 * lost);
      await relay.lost(1 + lost);
    }
    relay.lose(false);
    await cache(1_000);
    await until(1_000);
    assert.equal(cleared, 1);
    // Its buffer had the last four, of which the newest is not asked for.
    assert.deepEqual([...known].sort(), [700, 800, 900, 1_000].flatMap(hashes).sort());
  } finally {
    feed.close();
    relay.close();
    await engine.close();
    await server.kill();
  }
});
