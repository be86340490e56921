/** Whose KV a rollout may reuse, and when a session's own goes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Engine } from "../../../adapters/engine.ts";
import type { Rollout } from "../../../server/contract/rollout.ts";
import { createSessionCaches } from "../../../server/rollouts/session-caches.ts";
import { workerRecord } from "../../support/front-fakes.ts";
import { sampleRollout } from "../../support/sample-rollout.ts";
import { settle, VirtualClock } from "../../support/virtual-clock.ts";

const session = { id: "s", turn: 0, branch: 0, final: false };
const { capabilities } = workerRecord().description;

function world(dropCache?: (worker: string, namespace: string) => Promise<void>) {
  const dropped: string[] = [];
  const warned: string[] = [];
  const engine = (worker: string): Engine =>
    ({
      control: {
        dropCache: async (namespace: string) => {
          dropped.push(`${worker} ${namespace}`);
          await dropCache?.(worker, namespace);
        },
      },
    }) as unknown as Engine;
  const clock = new VirtualClock();
  const caches = createSessionCaches({ engine }, clock, {
    warn: (details: unknown) => void warned.push(JSON.stringify(details)),
  });
  const scope = (over: Partial<Rollout>, worker = "w-1", sessionCache = true) =>
    caches.scope(sampleRollout({ session, cacheReuse: "session", ...over }), {
      worker,
      incarnation: `i-${worker}`,
      capabilities: { ...capabilities, sessionCache },
      namespace: "default@7#1",
    });
  return { clock, caches, scope, dropped, warned };
}

test("only a session that asks for it, where the engine tells what is mixed, has KV of its own", () => {
  const { scope } = world();
  const shared = { cacheNamespace: "default@7#1", cacheCarried: false };
  const want = { ...sampleRollout({}).want, promptLogprobs: { start: 0 } };
  assert.deepEqual(scope({ cacheReuse: "version" }), shared);
  assert.deepEqual(scope({ session: null }), shared);
  assert.deepEqual(scope({ want }), shared);
  assert.deepEqual(scope({}, "w-1", false), shared);
  const own = { cacheNamespace: "default~default/s", cacheCarried: true };
  assert.deepEqual(scope({}), own);
});

test("a session that is over has its KV dropped wherever it was, once", async () => {
  const { caches, scope, dropped, warned } = world(async (worker) => {
    if (worker === "w-2") throw new Error("gone");
  });
  for (const worker of ["w-1", "w-2", "w-1"]) scope({}, worker);
  scope({ job: "other" }, "w-3");
  caches.drop("default/s");
  caches.drop("default/s");
  await settle();
  assert.deepEqual(dropped, ["w-1 default~default/s", "w-2 default~default/s"]);
  assert.equal(warned.length, 1);
});
