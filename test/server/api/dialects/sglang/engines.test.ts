/** The SGLang dialect over SGLang engines: they register at it, and a trainer moves weights into them through it. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { type FakeSglang, startFakeSglang } from "../../../../fakes/sglang/fake-sglang.ts";
import { createHttpClient, type HttpClient } from "../../../../support/http-client.ts";
import {
  type LiveServer,
  STEP_1,
  STEP_2,
  startLiveServer,
  workersReady,
} from "../../../../support/live-server.ts";
import type { SglangReply } from "./sglang-mount.ts";

const GROUP = {
  master_address: "127.0.0.1",
  master_port: 4_000,
  rank_offset: 1,
  world_size: 3,
  group_name: "slime-pp_0",
  backend: "nccl",
};

/** Each engine's own; one asks for none. */
const KEYS = [null, "key-of-the-second"] as const;

suite("two SGLang engines behind one mount", () => {
  const engines: FakeSglang[] = [];
  let server: LiveServer;
  let client: HttpClient;
  before(async () => {
    for (const apiKey of KEYS) engines.push(await startFakeSglang({ apiKey }));
    server = await startLiveServer({ engine: "none", dialects: "sglang:0@slime" });
    await server.call("PUT", "/v1/policies/default", { min_proof: "reported" });
    client = createHttpClient(server.dialects[0]?.port ?? 0);
  });
  after(async () => {
    await client.close();
    await server.stop();
    for (const engine of engines) await engine.close();
  });

  const post = (path: string, body: unknown = {}) => client.call("POST", path, { body });
  const ok = async (path: string, body?: unknown): Promise<void> => {
    const { status, text } = await post(path, body);
    assert.ok(status === 200 || status === 202, `${path}: ${status} ${text}`);
  };
  const generate = async (): Promise<SglangReply> => {
    const { status, json, text } = await post("/generate", {
      input_ids: [49, 55, 43, 50, 53, 61],
      sampling_params: { max_new_tokens: 6, temperature: 0, ignore_eos: true },
      return_logprob: true,
    });
    assert.equal(status, 200, text);
    return json() as SglangReply;
  };
  const logprobs = ({ meta_info }: SglangReply) =>
    (meta_info.output_token_logprobs ?? []).map(([, id]) => id);

  test("they register, and are listed behind the mount itself", async () => {
    for (const [at, { url }] of engines.entries()) {
      await ok("/workers", { url, worker_type: "regular", api_key: KEYS[at] });
    }
    const told = await server.call("GET", "/v1/workers");
    assert.doesNotMatch(JSON.stringify(told), /key-of/);
    const { workers } = (await client.call("GET", "/workers")).json() as {
      workers: { url: string }[];
    };
    assert.deepEqual(
      workers.map(({ url }) => url).sort(),
      [client.url, ...engines.map(({ url }) => url)].sort(),
    );
  });

  test("from disk, then by the trainer's own broadcast, each committed under its step", async () => {
    await ok("/update_weights_from_disk", { model_path: STEP_1, weight_version: "1" });
    await workersReady(server, 2);
    const first = await generate();
    assert.equal(first.meta_info.weight_version, "1");

    await ok("/init_weights_update_group", GROUP);
    assert.deepEqual(
      engines.map(({ groups }) => Reflect.get(Object(groups.get(GROUP.group_name)), "rank_offset")),
      [1, 2],
    );
    await ok("/pause_generation");
    const held = generate();
    await ok("/update_weights_from_distributed", {
      names: [STEP_2],
      dtypes: ["float32"],
      shapes: [[1]],
      group_name: GROUP.group_name,
      weight_version: "2",
    });
    await ok("/continue_generation");
    const second = await held;
    assert.equal(second.meta_info.weight_version, "2");
    assert.notDeepEqual(
      second.meta_info.output_token_logprobs,
      first.meta_info.output_token_logprobs,
    );
    assert.equal(logprobs(second).length, 6);
    const { body } = await server.call<{ workers: { version: number; proof: string }[] }>(
      "GET",
      "/v1/policies/default",
    );
    assert.deepEqual(
      body.workers.map(({ version, proof }) => `${version} ${proof}`),
      ["2 reported", "2 reported"],
    );
  });

  test("an engine that has left its group is told of at once, and the old weights serve on", async () => {
    await ok("/destroy_weights_update_group", { group_name: GROUP.group_name });
    await ok("/pause_generation");
    const refused = await post("/update_weights_from_distributed", {
      names: [STEP_1],
      dtypes: ["float32"],
      shapes: [[1]],
      group_name: GROUP.group_name,
      weight_version: "3",
    });
    assert.equal(refused.status, 400);
    await ok("/continue_generation");
    assert.equal((await generate()).meta_info.weight_version, "2");
  });

  test("one is shut down by its trainer: the other serves on", async () => {
    const { workers } = (await client.call("GET", "/workers")).json() as {
      workers: { id: string; url: string }[];
    };
    const gone = workers.find(({ url }) => url === engines[0]?.url);
    assert.equal((await client.call("DELETE", `/workers/${gone?.id}`)).status, 202);
    assert.equal((await generate()).meta_info.weight_version, "2");
  });
});
