/** The update calls that anybody may post to an engine, and what an engine shows of it by each means of proof. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { request } from "undici";
import { createEmbeddedEngine } from "../../../../adapters/embedded/engine.ts";
import type { HeldBody } from "../../../../adapters/embedded/wire.ts";
import type { Engine } from "../../../../adapters/engine.ts";
import { createSimulatedEngine } from "../../../../adapters/simulated/engine.ts";
import { contentDigest } from "../../../../server/checkpoint/digest.ts";
import type { Proof } from "../../../../server/contract/policy.ts";
import {
  type EngineServer,
  startEngineServer,
} from "../../../../server/engine/server/engine-server.ts";
import { Attempt, deadline, type Outcome, run } from "../../../conformance/engines/attempt.ts";
import { STEP_1, STEP_2 } from "../../../support/live-server.ts";

type Kind = "embedded" | "simulated";

interface Bench {
  readonly engine: Engine;
  post(
    path: string,
    body: unknown,
  ): Promise<{ status: number; body: HeldBody & { error?: { code: string } } }>;
}

const policy = "default";
const { digest: DIGEST_1 } = await contentDigest(STEP_1);
const { digest: DIGEST_2 } = await contentDigest(STEP_2);

const versionsOf = ({ chunks }: Outcome) => [...new Set(chunks.map(({ version }) => version))];

async function withEngine(
  kind: Kind,
  proof: Proof,
  use: (bench: Bench) => Promise<void>,
): Promise<void> {
  const server: EngineServer = await startEngineServer({
    kind,
    directory: STEP_1,
    kvTokens: 4_096,
    maxRunning: 4,
    streamInterval: 1,
    proof,
    faults: true,
    ...(kind === "simulated" ? { simulated: { vocabSize: 512, stepSeconds: 0.001 } } : {}),
  });
  const create = kind === "embedded" ? createEmbeddedEngine : createSimulatedEngine;
  const engine = create(server.url);
  try {
    await use({
      engine,
      async post(path, body) {
        const reply = await request(`${server.url}${path}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
        return { status: reply.statusCode, body: (await reply.body.json()) as never };
      },
    });
  } finally {
    await engine.close();
    await server.close();
  }
}

for (const kind of ["embedded", "simulated"] as const) {
  describe(`${kind} engine: update calls`, () => {
    test("weights are replaced in place between two steps; KV is kept and said to be mixed", () =>
      withEngine(kind, "digest", async ({ engine, post }) => {
        const first = await post("/update_weights", { policy, version: 4, path: STEP_1 });
        assert.deepEqual(first.body, { policy, version: 4, load: 1, digest: DIGEST_1 });
        const attempt = new Attempt(engine, { sampling: { maxNewTokens: 400 } });
        await attempt.reached(5);
        const second = await post("/update_weights", { policy, version: 5, path: STEP_2 });
        assert.deepEqual(second.body, { policy, version: 5, load: 2, digest: DIGEST_2 });
        const outcome = await attempt.outcome;
        assert.deepEqual(versionsOf(outcome), [4, 5]);
        for (const { version, mixed } of outcome.chunks) assert.equal(mixed, version === 5);
        assert.deepEqual((await engine.probe(deadline())).held, [second.body]);
      }));

    test("a name alone can be changed, as real engines allow", () =>
      withEngine(kind, "digest", async ({ engine, post }) => {
        const nothing = await post("/update_weight_version", { policy, version: 2 });
        assert.equal(nothing.body.error?.code, "version_conflict");
        await post("/update_weights", { policy, version: 1, path: STEP_1 });
        const renamed = await post("/update_weight_version", { policy, version: 2 });
        assert.deepEqual(renamed.body, { policy, version: 2, load: 1, digest: DIGEST_1 });
        assert.deepEqual(versionsOf(await run(engine, {})), [2]);
      }));

    for (const [fault, digest] of [
      [{ kind: "update_ignored" }, DIGEST_1],
      [{ kind: "update_other", path: STEP_1 }, DIGEST_1],
      [{ kind: "update_partial" }, null],
    ] as const) {
      test(`${fault.kind}: answers well, under the new name; only a digest tells`, () =>
        withEngine(kind, "digest", async ({ engine, post }) => {
          await post("/update_weights", { policy, version: 1, path: STEP_1 });
          await post("/faults", fault);
          const { status, body } = await post("/update_weights", {
            policy,
            version: 2,
            path: STEP_2,
          });
          assert.deepEqual([status, body.version], [200, 2]);
          assert.notEqual(body.digest, DIGEST_2);
          if (digest === null) assert.notEqual(body.digest, DIGEST_1);
          else assert.equal(body.digest, digest);
          assert.deepEqual(versionsOf(await run(engine, {})), [2]);
        }));
    }

    for (const proof of ["receipt", "reported"] as const) {
      test(`${proof}: no digest is shown and nothing can be staged`, () =>
        withEngine(kind, proof, async ({ engine, post }) => {
          const { body } = await post("/update_weights", { policy, version: 1, path: STEP_1 });
          assert.deepEqual(body, { policy, version: 1, load: 1, digest: null });
          const { capabilities, held } = await engine.probe(deadline());
          assert.deepEqual(capabilities.weights, { stage: false, proof });
          assert.deepEqual(held, [body]);
          const staged = await post("/weights/stage", { policy, version: 2, path: STEP_2 });
          assert.equal(staged.body.error?.code, "unsupported");
        }));
    }
  });
}

test("what does not fit is refused, and the old weights serve on", () =>
  withEngine("embedded", "digest", async ({ engine, post }) => {
    await post("/update_weights", { policy, version: 1, path: STEP_1 });
    const refused = await post("/update_weights", { policy, version: 2, path: "/nowhere" });
    assert.deepEqual([refused.status, refused.body.error?.code], [422, "weights_rejected"]);
    const outcome = await run(engine, {});
    assert.deepEqual(versionsOf(outcome), [1]);
  }));
