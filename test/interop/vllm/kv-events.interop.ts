/** Cache events of real vLLM, over our own ZMTP: what it says it stored is the prompt that it was given. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CacheChange } from "../../../adapters/engine.ts";
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import { freePort } from "../engines/process.ts";
import { openVllm } from "../engines/vllm.ts";
import { generated, install, longDeadline } from "./attempts.ts";

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
