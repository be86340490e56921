/**
 * Cache events of two real vLLM steer placement: prompts that somebody else has had computed, half here and half there, so that
 * nothing of it could be predicted at dispatch. As high as the share of cached prompt tokens can be is what vLLM itself reuses:
 * whole blocks, the last token never.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { saltOf } from "../../../adapters/vllm/request.ts";
import { cacheNamespace, type HeldVersion } from "../../../server/contract/policy.ts";
import { PREFIX_BLOCK_TOKENS } from "../../../server/scheduler/card.ts";
import { type LiveServer, startLiveServer, workersReady } from "../../support/live-server.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import type { EngineProcess } from "../engines/process.ts";
import { openVllm, type Vllm } from "../engines/vllm.ts";
import { bodyOf, publish, type Result } from "../fleet.ts";
import { type Front, withoutCacheEvents } from "./without-cache-events.ts";

const BLOCK = 32;
/**
 * Blocks of ours whole, and one of the engine's, which has to be computed for its last token. Of a longer rest nobody here knows
 * whether it is cached; beside five that run, 88 tokens to compute cost as much as all 600 at an idle engine, and it went there.
 */
const TOKENS = 2 * PREFIX_BLOCK_TOKENS + BLOCK;
const POSSIBLE = (Math.floor((TOKENS - 1) / BLOCK) * BLOCK) / TOKENS;
/** It picks its ports itself and tells them: two on one machine need no plan of ports. */
const FLAGS = [
  "--kv-events-config",
  JSON.stringify({
    ...{ enable_kv_cache_events: true, publisher: "zmq", topic: "kv" },
    ...{ endpoint: "tcp://*:0", replay_endpoint: "tcp://*:0" },
  }),
];

const random = seededRandom(testSeed("cache placement"));
let vllm: Vllm;
const engines: EngineProcess[] = [];
const fronts: Front[] = [];

before(async () => {
  vllm = await openVllm();
  engines.push(...(await Promise.all([vllm.start(FLAGS), vllm.start(FLAGS)])));
  for (const { url } of engines) fronts.push(await withoutCacheEvents(url));
});
after(async () => {
  for (const front of fronts) await front.close();
  for (const engine of engines) await engine.kill();
});

type Prompt = readonly number[];
const prompts = (count: number): Prompt[] =>
  Array.from({ length: count }, () => Array.from({ length: TOKENS }, () => random.u32() % 2_000));

async function withServer(
  urls: readonly string[],
  use: (server: LiveServer) => Promise<void>,
): Promise<void> {
  const server = await startLiveServer({ engine: "none", lease_ms: 10_000 });
  try {
    await bodyOf(server, "PUT", "/v1/policies/default", {});
    for (const [at, url] of urls.entries()) {
      await bodyOf(server, "POST", "/v1/workers", { url, engine: "vllm", id: `w-${at}` });
    }
    await workersReady(server, urls.length, await publish(server, vllm.models[0]));
    await use(server);
  } finally {
    await server.stop();
  }
}

/** As another server would have asked this engine for a token behind it. */
async function warm(server: LiveServer, at: number, prompt: Prompt): Promise<void> {
  const path = `/v1/workers/w-${at}`;
  const { versions } = await bodyOf<{ versions: readonly HeldVersion[] }>(server, "GET", path);
  const [held] = versions;
  assert.ok(held);
  const reply = await fetch(`${engines[at]?.url}/inference/v1/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      token_ids: prompt,
      sampling_params: { max_tokens: 1 },
      cache_salt: saltOf(cacheNamespace(held)),
    }),
  });
  assert.equal(reply.status, 200, await reply.text());
}

interface Made extends Result {
  readonly routing: { readonly worker: string; readonly cached_tokens: number };
}

const ask = (server: LiveServer, prompt: Prompt, max_new_tokens = 1): Promise<Made> =>
  bodyOf<Made>(server, "POST", "/v1/rollouts", {
    prompt_token_ids: prompt,
    sampling: { max_new_tokens, ignore_eos: true },
  });

const share = (made: readonly Made[]): number =>
  made.reduce((sum, { routing }) => sum + routing.cached_tokens, 0) / (made.length * TOKENS);

const SIBLINGS = 4;

/** Each prompt once and alone; then others, four of each, all at once. */
async function shares(urls: readonly string[]): Promise<{ alone: number; together: number }> {
  const found = { alone: 0, together: 0 };
  await withServer(urls, async (server) => {
    const [alone, together] = [prompts(12), prompts(12)];
    for (const [at, prompt] of [...alone, ...together].entries()) {
      await warm(server, (at >> 1) % 2, prompt);
    }
    const made: Made[] = [];
    for (const prompt of alone) made.push(await ask(server, prompt));
    found.alone = share(made);
    const asked = Array.from({ length: SIBLINGS }, () => together).flat();
    found.together = share(await Promise.all(asked.map((prompt) => ask(server, prompt, 64))));
  });
  return found;
}

test("what others have cached is found by its events, and by luck without", async (t) => {
  const urls = engines.map(({ url }) => url);
  const hidden = fronts.map(({ url }) => url);
  const known = [await shares(urls), await shares(urls)];
  const guessed = [await shares(hidden), await shares(hidden)];
  const mean = (of: readonly number[]): number => of.reduce((a, b) => a + b) / of.length;
  for (const kind of ["alone", "together"] as const) {
    const [with_, without] = [known, guessed].map((of) => mean(of.map((one) => one[kind])));
    t.diagnostic(
      `${kind}: ${with_?.toFixed(3)} cached with events, ${without?.toFixed(3)} without, ${POSSIBLE.toFixed(3)} possible`,
    );
    assert.ok((with_ ?? 0) > 0.95 * POSSIBLE, kind);
    assert.ok((without ?? 1) < (with_ ?? 0), kind);
  }
});

test("of an engine that was started anew nothing is believed, and its events are heard again", async (t) => {
  const urls = engines.map(({ url }) => url);
  await withServer(urls, async (server) => {
    const [first, second] = [prompts(6), prompts(6)];
    for (const prompt of first) await warm(server, 0, prompt);
    for (const prompt of first.slice(0, 3)) {
      assert.equal((await ask(server, prompt)).routing.worker, "w-0");
    }
    const { versions } = await bodyOf<{ versions: readonly HeldVersion[] }>(
      server,
      "GET",
      "/v1/workers/w-0",
    );
    await engines[0]?.kill();
    engines[0] = await vllm.start(FLAGS, engines[0]?.port);
    await workersReady(server, 2, versions[0]?.version);
    // What it had is at the other one now; what is new is at it.
    for (const prompt of first) await warm(server, 1, prompt);
    for (const prompt of second) await warm(server, 0, prompt);
    const made: Made[] = [];
    for (const prompt of [...first, ...second]) made.push(await ask(server, prompt));
    t.diagnostic(`${share(made).toFixed(3)} cached, ${POSSIBLE.toFixed(3)} possible`);
    assert.ok(share(made) > 0.95 * POSSIBLE);
  });
});
