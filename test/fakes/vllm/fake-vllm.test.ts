/** The fake against what vLLM 0.32.0 was seen to answer (CPU, 2026-11-22), and its defects. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { call, eventsOf, type Json } from "../core/call.ts";
import { checkpoint } from "../core/fake-model.ts";
import { assertShape } from "../core/shape.ts";
import { type FakeVllm, startFakeVllm } from "./fake-vllm.ts";

const PROMPT = [49, 55, 43, 50];

const ask = (more: Json = {}, params: Json = {}) => ({
  token_ids: PROMPT,
  ...more,
  sampling_params: { max_tokens: 6, logprobs: 1, seed: 7, ignore_eos: true, ...params },
});

const RECORDED_REPLY = {
  request_id: "generate-tokens-my-req-1",
  model: "tiny",
  created: 1795339554,
  usage: {
    prompt_tokens: 4,
    total_tokens: 8,
    completion_tokens: 4,
    prompt_tokens_details: null,
    completion_tokens_details: null,
  },
  prompt_logprobs: null,
  prompt_token_id_logprobs: null,
  prompt_token_ids: null,
  mm_placeholders: null,
  metrics: null,
  kv_transfer_params: null,
  ec_transfer_params: null,
  output_mode: "tokens",
  choices: [
    {
      index: 0,
      finish_reason: "length",
      stop_reason: null,
      token_ids: [1397, 346, 1202, 488],
      routed_experts: null,
      sampling_mask: null,
      weight_versions: [{ version: "default", start: 0, end: 4 }],
      logprobs: {
        content: [
          {
            token_id: 1397,
            logprob: -7.5556488037109375,
            rank: 730,
            top_logprobs: [{ token_id: 1397, logprob: -7.5556488037109375, rank: 730 }],
          },
        ],
      },
    },
  ],
};

const RECORDED_CHUNK = {
  request_id: "generate-tokens-85f2",
  usage: null,
  prompt_token_ids: [10, 11, 12, 13],
  output_mode: "tokens",
  choices: [{ ...RECORDED_REPLY.choices[0], finish_reason: null, weight_versions: null }],
};

const error = (code: number, type: string, param: string | null = null) => ({
  error: { message: "", type, param, code },
});

/** Route, body, status and body as recorded. */
const CALLS: readonly (readonly [route: string, body: Json, status: number, reply: Json])[] = [
  ["GET /health", undefined, 200, ""],
  ["GET /version", undefined, 200, { version: "0.32.0" }],
  ["GET /weight_info", undefined, 200, { weight_version: "default" }],
  ["GET /is_paused", undefined, 200, { is_paused: false }],
  ["GET /is_sleeping", undefined, 200, { is_sleeping: false }],
  ["GET /get_world_size", undefined, 200, { world_size: 1 }],
  ["GET /load", undefined, 200, { server_load: 0 }],
  ["POST /pause?mode=keep&clear_cache=false", undefined, 200, { status: "paused" }],
  ["POST /pause", undefined, 200, { status: "paused" }],
  ["POST /pause?mode=bogus", undefined, 400, error(400, "Bad Request", "query.mode")],
  ["POST /resume", undefined, 200, { status: "resumed" }],
  ["POST /resume", undefined, 200, { status: "resumed" }],
  [
    "POST /collective_rpc",
    { method: "reload_weights", kwargs: { weights_path: checkpoint("step-2") } },
    200,
    { results: [null] },
  ],
  [
    "POST /update_weight_version",
    { new_version: "step-1" },
    200,
    { success: true, new_version: "step-1" },
  ],
  ["POST /reset_prefix_cache", undefined, 200, { success: true }],
  ["POST /reset_mm_cache", undefined, 200, ""],
  ["POST /abort_requests", { request_ids: ["abx"] }, 200, { status: "aborted", aborted: 1 }],
  ["POST /abort_requests", {}, 200, { status: "aborted", aborted: 0 }],
  ["POST /inference/v1/abort_requests", { request_ids: ["x"] }, 200, ""],
  ["POST /sleep?level=1", undefined, 200, { status: "sleeping", level: 1 }],
  ["POST /wake_up?tags=weights", undefined, 200, { status: "sleeping", tags: ["weights"] }],
  ["POST /wake_up", undefined, 200, { status: "awake", tags: null }],
  [
    "POST /init_weight_transfer_engine",
    { init_info: {} },
    200,
    { message: "Weight transfer initialized" },
  ],
  ["POST /start_weight_update", undefined, 200, { message: "Weight update started" }],
  [
    "POST /update_weights",
    { update_info: { path: `${checkpoint("step-1")}/model.safetensors` } },
    200,
    { message: "Weights updated" },
  ],
  [
    "POST /finish_weight_update",
    { weight_version: "step-10" },
    200,
    { message: "Weight update finished" },
  ],
  [
    "POST /inference/v1/generate",
    ask({ model: "nope" }),
    404,
    error(404, "NotFoundError", "model"),
  ],
  [
    "POST /inference/v1/generate",
    ask({ token_ids: [] }),
    400,
    error(400, "Bad Request", "body.token_ids"),
  ],
  ["POST /inference/v1/generate", ask({ token_ids: [5000] }), 400, error(400, "BadRequestError")],
  [
    "POST /inference/v1/generate",
    ask({ token_ids: new Array(2050).fill(49) }),
    400,
    error(400, "BadRequestError"),
  ],
  [
    "POST /inference/v1/generate",
    ask({}, { logprobs: 50 }),
    400,
    error(400, "BadRequestError", "logprobs"),
  ],
  [
    "POST /inference/v1/generate",
    ask({}, { temperature: -1 }),
    400,
    error(400, "BadRequestError", "temperature"),
  ],
  ["POST /inference/v1/generate", ask({ bogus_field: 1 }), 200, RECORDED_REPLY],
  ["POST /v1/unload_lora_adapter", { lora_name: "ad1" }, 404, error(404, "NotFoundError")],
  [
    "POST /v1/load_lora_adapter",
    { lora_name: "bad", lora_path: "/none" },
    404,
    error(404, "NotFoundError"),
  ],
];

describe("fake vLLM", () => {
  let fake: FakeVllm;
  before(async () => {
    fake = await startFakeVllm();
  });
  after(() => fake.close());

  for (const [route, body, status, recorded] of CALLS) {
    test(`${route} ${JSON.stringify(body ?? "").slice(0, 50)} → ${status}`, async () => {
      const answer = await call(fake.url, route, body);
      assert.equal(answer.status, status, answer.text);
      if (recorded === "") assert.equal(answer.text, "");
      else assertShape(answer.json, recorded);
      if (status >= 400) {
        const { type, param, code } = answer.json.error;
        const { error: wanted } = recorded;
        assert.deepEqual([type, param, code], [wanted.type, wanted.param, wanted.code]);
      } else if (recorded !== "" && recorded.choices === undefined) {
        assert.deepEqual(answer.json, recorded);
      }
    });
  }

  test("a stream: ids of the prompt in the first chunk, spans in the last, then usage", async () => {
    const whole = await call(fake.url, "POST /inference/v1/generate", ask());
    const streamed = await call(
      fake.url,
      "POST /inference/v1/generate",
      ask({ stream: true, return_token_ids: true, stream_options: { include_usage: true } }),
    );
    assert.ok(streamed.text.endsWith("data: [DONE]\n\n"));
    const chunks = eventsOf(streamed.text);
    const usage = chunks.pop();
    assert.deepEqual(usage.choices, []);
    assert.equal(usage.usage.completion_tokens, 6);
    assertShape(chunks[0], RECORDED_CHUNK);
    assert.equal("prompt_token_ids" in chunks[1], false);
    const choices = chunks.map(({ choices: [choice] }) => choice);
    assert.deepEqual(
      choices.flatMap(({ token_ids: ids }) => ids),
      whole.json.choices[0].token_ids,
    );
    const last = choices.pop();
    assert.deepEqual(last.weight_versions, [{ version: "step-10", start: 0, end: 6 }]);
    assert.equal(last.finish_reason, "length");
    assert.ok(choices.every((choice) => choice.weight_versions === null));
  });

  test("an id without its prefix aborts nobody, and says that it did", async () => {
    const long = ask({ request_id: "r-1" }, { max_tokens: 1000 });
    fake.model.pause("keep");
    const running = call(fake.url, "POST /inference/v1/generate", long);
    while (fake.model.requests === 0) await call(fake.url, "GET /load");
    const bare = await call(fake.url, "POST /abort_requests", { request_ids: ["r-1"] });
    assert.deepEqual([bare.json.aborted, fake.model.requests], [1, 1]);
    const prefixed = { request_ids: ["generate-tokens-r-1"] };
    await call(fake.url, "POST /abort_requests", prefixed);
    const { status, json } = await running;
    assert.deepEqual(
      [status, json.choices[0].finish_reason, json.choices[0].token_ids],
      [200, "abort", []],
    );
    fake.model.resume();
  });

  test("a cache is not reset while a paused request holds blocks: 200 and success false", async () => {
    const running = call(
      fake.url,
      "POST /inference/v1/generate",
      ask({}, { max_tokens: 1000, min_tokens: 1000 }),
    );
    while (fake.model.stats().kvUsedTokens === 0) await call(fake.url, "GET /load");
    await call(fake.url, "POST /pause?mode=keep&clear_cache=false");
    const held = await call(fake.url, "POST /reset_prefix_cache");
    assert.deepEqual([held.status, held.json], [200, { success: false }]);
    const forced = await call(fake.url, "POST /reset_prefix_cache?reset_running_requests=true");
    assert.deepEqual(forced.json, { success: true });
    await call(fake.url, "POST /pause?mode=abort");
    await call(fake.url, "POST /resume");
    assert.equal((await running).status, 200);
  });
});

test("adapters by name; models list them with their parent", async () => {
  const fake = await startFakeVllm({ maxLoras: 2 });
  const load = { lora_name: "ad1", lora_path: checkpoint("step-2") };
  assert.equal((await call(fake.url, "POST /v1/load_lora_adapter", load)).status, 200);
  assert.equal((await call(fake.url, "POST /v1/load_lora_adapter", load)).status, 400);
  const again = { ...load, load_inplace: true };
  assert.equal((await call(fake.url, "POST /v1/load_lora_adapter", again)).status, 200);
  const { json } = await call(fake.url, "POST /inference/v1/generate", ask({ model: "ad1" }));
  assert.equal(json.model, "ad1");
  const models = await call(fake.url, "GET /v1/models");
  assert.deepEqual(
    models.json.data.map(({ id, parent }: Json) => [id, parent]),
    [
      ["tiny", null],
      ["ad1", "tiny"],
    ],
  );
  assert.equal(
    (await call(fake.url, "POST /v1/unload_lora_adapter", { lora_name: "ad1" })).status,
    200,
  );
  await fake.close();
});

test("a failed reload: healthy, then the next generation ends the server", async () => {
  const fake = await startFakeVllm();
  const bad = { method: "reload_weights", kwargs: { weights_path: "/none" } };
  const failed = await call(fake.url, "POST /collective_rpc", bad);
  assert.equal(failed.status, 500);
  assertShape(failed.json, error(500, "InternalServerError"));
  assert.equal((await call(fake.url, "GET /health")).status, 200);
  const next = await call(fake.url, "POST /inference/v1/generate", ask());
  assert.match(next.json.error.message, /^EngineCore encountered an issue/);
  await assert.rejects(call(fake.url, "GET /health"));
  await fake.close();
});
