/** A rollout whose worker dies goes on on another kind of engine only where its job allows that (I5). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineServerOptions } from "../../server/engine/server/options.ts";
import { startEngineProcess } from "../conformance/engines/engine-process.ts";
import { STEP_1, startLiveServer, workersReady } from "../support/live-server.ts";

const TOKENS = 96;
/** The same vocabulary as the other kind: what was made goes along. */
const simulated = (stepSeconds: number): EngineServerOptions => ({
  kind: "simulated",
  kvTokens: 65_536,
  maxRunning: 32,
  streamInterval: 1,
  simulated: { stepSeconds, vocabSize: 260 },
});

interface Shown {
  readonly state: string;
  readonly output_tokens: number;
}
interface Ended {
  readonly output_token_ids: readonly number[];
  readonly segments: readonly { readonly worker: string }[];
}

test("only a job with mixed_engines goes on on another kind of engine", {
  timeout: 60_000,
}, async () => {
  const [first, second, other] = await Promise.all([
    // Half a minute a rollout: the other engine is there long before it ends.
    startEngineProcess(simulated(0.3)),
    startEngineProcess(simulated(0.005)),
    startEngineProcess({ kind: "embedded", directory: STEP_1, kvTokens: 16_384, maxRunning: 8 }),
  ]);
  const server = await startLiveServer({ engine: "none", probe_ms: 100, drain_ms: 1 });
  const join = async (id: string, engine: string, url: string, ready: number): Promise<void> => {
    const { status, body } = await server.call("POST", "/v1/workers", { id, engine, url });
    assert.ok(status < 300, JSON.stringify(body));
    await workersReady(server, ready, 1);
  };
  const shown = async (job: string): Promise<Shown> =>
    (await server.call<Shown>("GET", `/v1/rollouts/r?job=${job}`)).body;
  const until = async (job: string, is: (rollout: Shown) => boolean): Promise<void> => {
    for (let tries = 0; ; tries++) {
      const rollout = await shown(job);
      if (is(rollout)) return;
      assert.ok(tries < 400, JSON.stringify(rollout));
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  };
  const generate = (job: string) =>
    server.call<Ended>("POST", "/v1/rollouts", {
      ...{ id: "r", job, prompt_token_ids: [1, 2, 3] },
      sampling: { max_new_tokens: TOKENS, ignore_eos: true, seed: 7 },
    });
  const workers = ({ segments }: Ended): string[] => segments.map(({ worker }) => worker);
  try {
    await server.call("PUT", "/v1/policies/default", {});
    await server.call("PUT", "/v1/jobs/mixed", { mixed_engines: true });
    await server.call("PUT", "/v1/jobs/same", {});
    await server.call("POST", "/v1/policies/default/versions?wait=committed", {
      source: { path: STEP_1 },
    });
    await join("sim-1", "simulated", first.url, 1);
    const replies = { mixed: generate("mixed"), same: generate("same") };
    // Where the test fails first, nobody waits for them any more.
    for (const reply of Object.values(replies)) reply.catch(() => {});
    for (const job of ["mixed", "same"]) await until(job, (one) => one.output_tokens > 0);
    await join("emb", "embedded", other.url, 2);
    first.kill("SIGKILL");

    const mixed = (await replies.mixed).body;
    assert.deepEqual(workers(mixed), ["sim-1", "emb"]);
    assert.equal(mixed.output_token_ids.length, TOKENS);
    assert.notEqual((await shown("same")).state, "running", "it waits, beside an idle engine");
    await join("sim-2", "simulated", second.url, 2);
    const same = (await replies.same).body;
    assert.deepEqual(workers(same), ["sim-1", "sim-2"]);
    assert.equal(same.output_token_ids.length, TOKENS);
  } finally {
    await server.stop();
    for (const engine of [first, second, other]) engine.kill("SIGKILL");
    await Promise.all([first, second, other].map(({ ended }) => ended));
  }
});
