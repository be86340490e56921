/** The SGLang dialect over a whole server and embedded engines: a trainer's step from pause to continue. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { createHttpClient, type HttpClient } from "../../../../support/http-client.ts";
import {
  type LiveServer,
  STEP_1,
  STEP_2,
  startLiveServer,
  workersReady,
} from "../../../../support/live-server.ts";
import { chunksOf, type SglangReply } from "./sglang-mount.ts";

const PROMPT = [49, 55, 43, 50, 53, 61];

suite("a trainer's steps", () => {
  let server: LiveServer;
  let client: HttpClient;
  before(async () => {
    server = await startLiveServer({
      workers: 2,
      dialects: "sglang:0@slime,sglang@other",
      stream_interval: 1,
    });
    const [mount] = server.dialects;
    assert.ok(mount?.port);
    client = createHttpClient(mount.port);
    await workersReady(server, 2);
  });
  after(async () => {
    await client.close();
    await server.stop();
  });

  const post = (path: string, body: unknown = {}) => client.call("POST", path, { body });
  const get = async (path: string): Promise<unknown> => (await client.call("GET", path)).json();
  const ask = (over: object = {}, params: object = {}) => ({
    input_ids: PROMPT,
    sampling_params: { max_new_tokens: 8, temperature: 0, ...params },
    return_logprob: true,
    ...over,
  });
  const generate = async (body: object): Promise<SglangReply> => {
    const { status, json, text } = await post("/generate", body);
    assert.equal(status, 200, text);
    return json() as SglangReply;
  };
  const load = async (): Promise<number> => {
    const { loads } = (await get("/v1/loads?include=core")) as {
      loads: { num_running_reqs: number; num_waiting_reqs: number }[];
    };
    return (loads[0]?.num_running_reqs ?? 0) + (loads[0]?.num_waiting_reqs ?? 0);
  };

  test("text in and out of the same tokens as ids", async () => {
    const byIds = await generate(ask());
    const byText = await generate({ ...ask(), input_ids: undefined, text: "17+25=" });
    assert.deepEqual(byText.output_ids, byIds.output_ids);
    assert.match(byIds.text, /^\d+$/);
    assert.equal(byIds.meta_info.weight_version, "default");
    const kept = await generate(ask({}, { no_stop_trim: true, skip_special_tokens: false }));
    assert.equal(kept.text, `${byIds.text}<|eos|>`);
  });

  test("a stop string is trimmed from the text, not from the ids", async () => {
    const { text } = await generate(ask());
    const stop = text.slice(-1);
    const { text: trimmed, meta_info, output_ids } = await generate(ask({}, { stop }));
    assert.equal(trimmed, text.slice(0, text.indexOf(stop)));
    assert.deepEqual(meta_info.finish_reason, { type: "stop", matched: stop });
    assert.equal(output_ids.length, trimmed.length + 1);
  });

  test("a stream's text grows to the unary one", async () => {
    const unary = await generate(ask());
    for (const incremental of [false, true]) {
      const body = ask({ stream: true, incremental_streaming_output: incremental });
      const chunks = chunksOf((await post("/generate", body)).text);
      const texts = chunks.map(({ text }) => text);
      assert.equal(incremental ? texts.join("") : texts.at(-1), unary.text);
      assert.ok(texts.every((text) => unary.text.includes(text)));
    }
  });

  test("turns of one routing key are a session's, those at once too", async () => {
    const headers = { "x-smg-routing-key": "trajectory/1" };
    const turn = async (): Promise<number> =>
      (await client.call("POST", "/generate", { body: ask(), headers })).status;
    assert.equal(await turn(), 200);
    assert.deepEqual(await Promise.all([turn(), turn(), turn()]), [200, 200, 200]);
    assert.equal(await turn(), 200);
  });

  test("an out-of-vocabulary id is 400 with its place", async () => {
    const { status, text } = await post("/generate", ask({ input_ids: [1, 99_999] }));
    assert.equal(status, 400);
    assert.match(text, /"path":"input_ids\[1\]"/);
  });

  test("a step: abort until the load is 0, pause, flush, update from disk, continue", async () => {
    const long = Array.from({ length: 4 }, () =>
      generate(ask({}, { max_new_tokens: 2_000, ignore_eos: true, temperature: 1 })),
    );
    while ((await load()) < 1);
    await post("/abort_request", { abort_all: true });
    const ended = await Promise.all(long);
    // Those that came after it were not there to be ended.
    assert.ok(ended.some(({ meta_info }) => meta_info.finish_reason?.type === "abort"));
    for (const { meta_info, output_ids } of ended) {
      assert.equal(meta_info.output_token_logprobs?.length, output_ids.length);
    }
    assert.equal(await load(), 0);

    await post("/pause_generation");
    const held = generate(ask());
    while ((await load()) < 1);
    assert.equal((await client.call("GET", "/flush_cache")).status, 200);
    const updated = await post("/update_weights_from_disk", {
      model_path: STEP_2,
      weight_version: "5",
    });
    assert.equal(updated.status, 200, updated.text);
    assert.match(
      updated.text,
      /"success":true,"message":"Weight version updated to 5 on 2 workers/,
    );
    assert.equal(await load(), 1);
    assert.equal((await post("/continue_generation")).status, 200);
    assert.equal((await held).meta_info.weight_version, "5");
    assert.deepEqual(await get("/get_weight_version"), { weight_version: "5" });
    const { status } = await post("/generate", ask({ weight_version: { min_version: 6 } }));
    assert.equal(status, 409);
  });

  test("what runs over an update has a span for each step", async () => {
    const body = ask({ rid: "over" }, { max_new_tokens: 2_000, ignore_eos: true, temperature: 1 });
    const running = generate(body);
    const started = async (): Promise<boolean> => {
      const { body: state } = await server.call<{ output_tokens?: number; state?: string }>(
        "GET",
        "/v1/rollouts/over?job=slime",
      );
      return state.state === undefined || (state.output_tokens ?? 0) > 0;
    };
    while (!(await started()));
    await post("/pause_generation", { mode: "in_place" });
    const updated = await post("/update_weights_from_disk", {
      model_path: STEP_1,
      weight_version: "6",
    });
    assert.equal(updated.status, 200, updated.text);
    await post("/continue_generation");
    const { meta_info } = await running;
    const versions = meta_info.weight_versions?.map(({ version }) => version);
    assert.deepEqual(versions, ["5", "6"]);
    assert.deepEqual([meta_info["weight_version_start"], meta_info["weight_version_end"]], [5, 6]);
  });

  test("another job's mount neither sees nor ends it", async () => {
    const running = generate(ask({}, { max_new_tokens: 2_000, ignore_eos: true }));
    while ((await load()) < 1);
    const other = createHttpClient(Number(new URL(server.http).port));
    const { loads } = (await other.call("GET", "/jobs/other/v1/loads")).json() as {
      loads: { num_running_reqs: number; num_waiting_reqs: number }[];
    };
    assert.deepEqual([loads[0]?.num_running_reqs, loads[0]?.num_waiting_reqs], [0, 0]);
    await other.call("POST", "/jobs/other/abort_request", { body: { abort_all: true } });
    await other.close();
    assert.equal((await running).meta_info.finish_reason?.type, "length");
  });

  test("files that cannot be read: 400, and the old weights serve on", async () => {
    const { status, text } = await post("/update_weights_from_disk", { model_path: "/nowhere" });
    assert.equal(status, 400);
    assert.match(text, /"success":false/);
    assert.equal((await generate(ask())).meta_info.weight_version, "6");
  });
});
