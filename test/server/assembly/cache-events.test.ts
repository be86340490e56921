/**
 * A whole server over two engines whose caches somebody else has filled: with their cache events prompts go where they
 * are cached, without them by luck. Nothing of this could be predicted at dispatch.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { saltOf } from "../../../adapters/vllm/request.ts";
import { cacheNamespace, type HeldVersion } from "../../../server/contract/policy.ts";
import { type AdapterFleet, KINDS, type Kind, withAdapters } from "../../faults/adapter-fleet.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";

const PROMPTS = 12;
const TOKENS = 600;

interface Made {
  readonly usage: { readonly prompt_tokens: number };
  readonly routing: { readonly cached_tokens: number };
}

/** Two prompts on one engine, two on the other, and so on, as if another server had sent them. */
async function warm(
  kind: Kind,
  { engines, server }: AdapterFleet,
  prompts: readonly Uint32Array[],
): Promise<void> {
  const worker = await server.call<{ versions: readonly HeldVersion[] }>("GET", "/v1/workers/w-1");
  const [held] = worker.body.versions;
  assert.ok(held);
  const namespace = cacheNamespace(held);
  for (const [at, promptTokenIds] of prompts.entries()) {
    const parts = engines[(at >> 1) % 2]?.model.submit({
      id: `warm-${at}`,
      promptTokenIds,
      sampling: { maxNewTokens: 1 },
      cacheNamespace: kind === "vllm" ? saltOf(namespace) : namespace,
    });
    assert.ok(parts);
    await Array.fromAsync(parts);
  }
}

/** Share of prompt tokens that were cached where they went. */
async function hitRatio(kind: Kind, kvEvents: boolean): Promise<number> {
  const random = seededRandom(testSeed(`cache events of ${kind}`));
  const prompts = Array.from({ length: PROMPTS }, () =>
    Uint32Array.from({ length: TOKENS }, () => random.u32() % 256),
  );
  let [cached, all] = [0, 0];
  const use = async (fleet: AdapterFleet): Promise<void> => {
    await warm(kind, fleet, prompts);
    for (const prompt of prompts) {
      const { status, body } = await fleet.server.call<Made>("POST", "/v1/rollouts", {
        prompt_token_ids: [...prompt],
        sampling: { max_new_tokens: 1 },
      });
      assert.equal(status, 200);
      cached += body.routing.cached_tokens;
      all += body.usage.prompt_tokens;
    }
    const metrics = await (await fetch(`${fleet.server.http}/metrics`)).text();
    const told = Number(/^paceline_cached_prompt_ratio(?:{[^}]*})? (\S+)$/m.exec(metrics)?.[1]);
    assert.ok(Math.abs(told - cached / all) < 1e-6, `${told} is told, ${cached / all} was seen`);
  };
  await withAdapters(kind, {}, use, { kvEvents });
  return cached / all;
}

for (const kind of KINDS) {
  test(`what others have cached in ${kind} is found by its events, and by luck without`, async () => {
    const known = await hitRatio(kind, true);
    const guessed = await hitRatio(kind, false);
    console.log(`# ${kind}: ${known.toFixed(2)} cached with events, ${guessed.toFixed(2)} without`);
    assert.ok(known > 0.9, `${known} with events`);
    assert.ok(guessed < known, `${guessed} without events`);
  });
}
