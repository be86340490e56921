/** Weights that the trainer moves itself, over vLLM's own wire: each engine gets the trainer's calls, under our name for the version. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type FakeVllm, startFakeVllm } from "../../../../fakes/vllm/fake-vllm.ts";
import { createHttpClient, type HttpClient } from "../../../../support/http-client.ts";
import {
  type LiveServer,
  STEP_1,
  STEP_2,
  startLiveServer,
  workersReady,
} from "../../../../support/live-server.ts";

let engines: FakeVllm[];
let server: LiveServer;
let client: HttpClient;
before(async () => {
  engines = await Promise.all([
    startFakeVllm({ directory: STEP_1 }),
    startFakeVllm({ directory: STEP_1 }),
  ]);
  server = await startLiveServer({
    engine: "none",
    dialects: [{ name: "vllm", port: 0, job: "prime" }],
  });
  client = createHttpClient(server.dialects[0]?.port ?? 0);
  await server.call("PUT", "/v1/policies/default", { min_proof: "reported" });
  for (const [at, { url }] of engines.entries()) {
    const { status, body } = await server.call("POST", "/v1/workers", {
      id: `v-${at}`,
      url,
      engine: "vllm",
    });
    assert.equal(status, 200, JSON.stringify(body));
  }
  const first = await server.call<{ state: string }>(
    "POST",
    "/v1/policies/default/versions?wait=committed",
    {
      source: { path: STEP_1 },
    },
  );
  assert.equal(first.status, 200, JSON.stringify(first.body));
  await workersReady(server, 2, 1);
});
after(async () => {
  await client.close();
  await server.stop();
  await Promise.all(engines.map((engine) => engine.close()));
});

const post = async (path: string, body: object = {}): Promise<unknown> => {
  const { status, text } = await client.call("POST", path, { body });
  assert.equal(status, 200, `${path}: ${text}`);
  return JSON.parse(text);
};

interface Choice {
  readonly token_ids: number[];
  readonly weight_versions: { version: string }[];
}

async function generated(seed: number): Promise<Choice> {
  const reply = (await post("/inference/v1/generate", {
    token_ids: [49, 55, 43, 50, 53, 61],
    sampling_params: { max_tokens: 4, temperature: 0, logprobs: 0, seed },
  })) as { choices: Choice[] };
  return reply.choices[0] as Choice;
}

test("init, pause, start, update, finish, resume", async () => {
  const before = await generated(1);
  assert.deepEqual(
    before.weight_versions.map(({ version }) => version),
    ["default"],
  );
  await post("/init_weight_transfer_engine", {
    init_info: { master_address: "127.0.0.1", master_port: 1, rank_offset: 1, world_size: 3 },
  });
  await post("/pause?mode=keep&clear_cache=false");
  await post("/start_weight_update");
  const waiting = generated(2);
  await post("/update_weights", { update_info: { path: STEP_2 } });
  await post("/finish_weight_update", { weight_version: "step-7" });
  await post("/resume");
  assert.deepEqual(
    (await waiting).weight_versions.map(({ version }) => version),
    ["step-7"],
  );
  assert.notDeepEqual((await generated(1)).token_ids, before.token_ids);
  for (const { model } of engines) {
    assert.equal(model.label.startsWith("default@2"), true, model.label);
  }
  const { weight_version } = (await client.call("GET", "/weight_info")).json() as {
    weight_version: string;
  };
  assert.equal(weight_version, "step-7");
});

test("one engine refuses: nothing is committed, and nobody serves what nobody proved", async () => {
  await post("/start_weight_update", { weight_version: "step-8" });
  engines[1]?.fault("status", { status: 500, route: "POST /update_weights" });
  const reply = await client.call("POST", "/update_weights", {
    body: { update_info: { path: STEP_1 } },
  });
  assert.equal(reply.status, 500, reply.text);
  const { error } = reply.json() as {
    error: { paceline: { details: { workers: { worker: string; ok: boolean }[] } } };
  };
  assert.deepEqual(
    error.paceline.details.workers.map(({ ok }) => ok),
    [true, false],
  );
  const { body } = await server.call<{ workers: { id: string; state: string }[] }>(
    "GET",
    "/v1/workers",
  );
  // Who took the call cannot show what it held before; who refused it still computes what it did.
  const states = body.workers.map(({ id, state }) => `${id} ${state}`).sort();
  assert.deepEqual(states, ["v-0 poisoned", "v-1 ready"]);
  // The next move heals them.
  await post("/start_weight_update", { weight_version: "step-9" });
  await post("/update_weights", { update_info: { path: STEP_1 } });
  await post("/finish_weight_update", {});
  assert.deepEqual(
    (await generated(3)).weight_versions.map(({ version }) => version),
    ["step-9"],
  );
});
