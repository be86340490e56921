/** The fake against what SGLang 0.5.23 was seen to answer (CPU, 2026-11-22), and its defects. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { call, eventsOf, type Json } from "../core/call.ts";
import { checkpoint } from "../core/fake-model.ts";
import { assertShape } from "../core/shape.ts";
import { type FakeSglang, startFakeSglang } from "./fake-sglang.ts";

const PROMPT = [49, 55, 43, 50];
const GENERATE = "POST /generate";

const ask = (more: Json = {}, params: Json = {}) => ({
  input_ids: PROMPT,
  return_logprob: true,
  ...more,
  sampling_params: { max_new_tokens: 6, ignore_eos: true, ...params },
});

/** Without what only the clocks of a metrics-enabled server tell. */
const RECORDED_REPLY = {
  text: "? frame",
  output_ids: [33, 802],
  meta_info: {
    id: "13bcac17e48542e78b29a22415aecf03",
    finish_reason: { type: "length", length: 2 },
    prompt_tokens: 4,
    weight_version: "default",
    num_retractions: 0,
    input_token_logprobs: [
      [null, 10, null],
      [-8.256840705871582, 11, null],
    ],
    output_token_logprobs: [
      [-6.185428142547607, 33, null],
      [-6.374716281890869, 802, null],
    ],
    output_token_logprobs_length: 2,
    input_top_logprobs: [null, [[-6.331059455871582, 1058, null]]],
    output_top_logprobs: [
      [
        [-6.185428142547607, 33, null],
        [-6.380740642547607, 1807, null],
      ],
    ],
    reasoning_tokens: 0,
    completion_tokens: 2,
    cached_tokens: 0,
    weight_versions: [{ version: "default", start: 0, end: 2 }],
    cached_tokens_details: null,
    dp_rank: null,
    e2e_latency: 0.026142600000184757,
  },
};

const { input_top_logprobs, output_top_logprobs, ...UNTOPPED } = RECORDED_REPLY.meta_info;
const RECORDED_PLAIN = { ...RECORDED_REPLY, meta_info: UNTOPPED };

const error = { error: { message: "" } };
const paused = { message: "Generation paused successfully.", status: "ok" };
const continued = { message: "Generation continued successfully.", status: "ok" };
const update = { success: true, message: "", num_paused_requests: 0 };

/** Route, body, status and body as recorded. */
const CALLS: readonly (readonly [route: string, body: Json, status: number, reply: Json])[] = [
  ["GET /health", undefined, 200, ""],
  ["POST /pause_generation", { mode: "in_place" }, 200, paused],
  ["POST /pause_generation", { mode: "retract" }, 200, paused],
  ["POST /pause_generation", { mode: "abort" }, 200, paused],
  [
    "POST /pause_generation",
    { mode: "bogus" },
    400,
    { object: "", message: "", type: "", param: null, code: 400 },
  ],
  ["POST /continue_generation", {}, 200, continued],
  [
    "POST /update_weights_from_disk",
    { model_path: checkpoint("step-2"), weight_version: "step-1" },
    200,
    update,
  ],
  ["POST /update_weights_from_disk", { model_path: "/none", weight_version: "bad" }, 400, update],
  [
    "POST /update_weight_version",
    { new_version: "v9", abort_all_requests: false },
    200,
    { success: true, message: "Weight version updated to v9", new_version: "v9" },
  ],
  ["POST /abort_request", { rid: "unknown" }, 200, ""],
  ["POST /abort_request", { rid: "", abort_all: true }, 200, ""],
  ["POST /begin_weight_update", {}, 200, { success: true, message: "Success" }],
  [GENERATE, ask({ input_ids: [] }), 400, error],
  [GENERATE, ask({ input_ids: new Array(2100).fill(49) }), 400, error],
  [GENERATE, ask({ bogus_field: 1 }), 200, RECORDED_PLAIN],
  [GENERATE, ask({ top_logprobs_num: 2, logprob_start_len: 0 }), 200, RECORDED_REPLY],
  [
    "POST /load_lora_adapter",
    { lora_name: "ad1", lora_path: "/lora" },
    400,
    {
      rid: null,
      http_worker_ipc: null,
      success: false,
      error_message: "LoRA is not enabled. Please set `--enable-lora` to enable LoRA.",
      loaded_adapters: null,
    },
  ],
];

const untilRunning = async (fake: FakeSglang): Promise<void> => {
  while (fake.model.stats().kvUsedTokens === 0) await call(fake.url, "GET /v1/loads");
};

describe("fake SGLang", () => {
  let fake: FakeSglang;
  before(async () => {
    fake = await startFakeSglang();
  });
  after(() => fake.close());

  for (const [route, body, status, recorded] of CALLS) {
    test(`${route} ${JSON.stringify(body ?? "").slice(0, 50)} → ${status}`, async () => {
      const answer = await call(fake.url, route, body);
      assert.equal(answer.status, status, answer.text);
      if (recorded === "") assert.equal(answer.text, "");
      else assertShape(answer.json, recorded);
    });
  }

  test("a stream is cumulative; spans come with the last chunk", async () => {
    const { text } = await call(fake.url, GENERATE, ask({ stream: true }));
    assert.ok(text.endsWith("data: [DONE]\n\n"));
    const chunks = eventsOf(text);
    assert.deepEqual(
      chunks.map(({ output_ids: ids }) => ids.length),
      [1, 2, 3, 4, 5, 6],
    );
    for (const [i, { output_ids: ids, meta_info: meta }] of chunks.entries()) {
      assert.deepEqual(ids, chunks.at(-1).output_ids.slice(0, i + 1));
      assert.deepEqual([meta.completion_tokens, meta.output_token_logprobs.length], [i + 1, i + 1]);
      assert.equal(meta.finish_reason === null, i < 5);
      assert.equal("weight_versions" in meta, i === 5);
      assert.equal(meta.weight_version, "v9");
    }
    assertShape(chunks.at(-1), RECORDED_PLAIN);
  });

  test("paused in place: no flush, no health, and what comes then is out of sight", async () => {
    const running = call(fake.url, GENERATE, ask({ rid: "in-1" }, { max_new_tokens: 1000 }));
    await untilRunning(fake);
    await call(fake.url, "POST /pause_generation", { mode: "in_place" });
    const flush = await call(fake.url, "POST /flush_cache");
    assert.deepEqual([flush.status, flush.text], [400, "Flush cache failed.\n"]);
    assert.equal((await call(fake.url, "GET /health")).status, 503);
    const update = {
      model_path: checkpoint("step-1"),
      weight_version: "step-2",
      flush_cache: false,
    };
    assert.equal((await call(fake.url, "POST /update_weights_from_disk", update)).status, 200);
    const waits = call(fake.url, GENERATE, ask({ rid: "in-2" }));
    await call(fake.url, "POST /abort_request", { rid: "in-2" });
    const { json: loads } = await call(fake.url, "GET /v1/loads");
    assert.equal(loads.loads[0].num_running_reqs + loads.loads[0].num_waiting_reqs, 1);
    await call(fake.url, "POST /continue_generation", {});
    const { json } = await running;
    const [one, two] = json.meta_info.weight_versions;
    assert.deepEqual([one.version, two.version, two.end], ["v9", "step-2", 1000]);
    assert.equal(json.meta_info.weight_version, "step-2");
    assert.equal((await waits).json.meta_info.finish_reason.type, "length");
  });

  test("retracted: flush succeeds, retractions are counted; an abort matches by prefix", async () => {
    const running = call(fake.url, GENERATE, ask({ rid: "re-1" }, { max_new_tokens: 1000 }));
    await untilRunning(fake);
    await call(fake.url, "POST /pause_generation", { mode: "retract" });
    assert.equal((await call(fake.url, "POST /flush_cache")).status, 200);
    await call(fake.url, "POST /abort_request", { rid: "re" });
    const { json } = await running;
    const { finish_reason: reason, num_retractions: retractions } = json.meta_info;
    if (json.output_ids.length > 0) {
      assert.deepEqual(reason, {
        type: "abort",
        message: "Aborted",
        status_code: null,
        err_type: null,
      });
      assert.equal(retractions, 1);
    }
    await call(fake.url, "POST /continue_generation", {});
  });
});

test("increments, where the server is started for them; seeds by position where deterministic", async () => {
  const fake = await startFakeSglang({ incremental: true, deterministic: true });
  const seeded = (ids: readonly number[], more: number) =>
    ask({ input_ids: ids }, { max_new_tokens: more, sampling_seed: 3 });
  const { json: whole } = await call(fake.url, GENERATE, seeded(PROMPT, 12));
  const { json: same } = await call(fake.url, GENERATE, seeded(PROMPT, 12));
  assert.deepEqual(whole.output_ids, same.output_ids);
  const kept = whole.output_ids.slice(0, 5);
  const { json: rest } = await call(fake.url, GENERATE, seeded([...PROMPT, ...kept], 7));
  assert.deepEqual(rest.output_ids, whole.output_ids.slice(5));
  assert.equal(rest.meta_info.prompt_tokens, PROMPT.length + 5);
  const { text } = await call(fake.url, GENERATE, { ...seeded(PROMPT, 12), stream: true });
  const chunks = eventsOf(text);
  assert.deepEqual(
    chunks.flatMap(({ output_ids: ids }) => ids),
    whole.output_ids,
  );
  assert.deepEqual(
    chunks.flatMap(({ meta_info: meta }) => meta.output_token_logprobs),
    whole.meta_info.output_token_logprobs,
  );
  await fake.close();
});

for (const [name, route, body] of [
  ["an id out of the vocabulary", GENERATE, ask({ input_ids: [5000] })],
  ["releasing memory without the memory saver", "POST /release_memory_occupation", {}],
] as const) {
  test(`${name} ends the whole server`, async () => {
    const fake = await startFakeSglang();
    const running = call(fake.url, GENERATE, ask({}, { max_new_tokens: 1000 }));
    await untilRunning(fake);
    await Promise.all([assert.rejects(running), assert.rejects(call(fake.url, route, body))]);
    await assert.rejects(call(fake.url, "GET /health"));
    await fake.close();
  });
}
