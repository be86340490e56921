/**
 * The dialects' routes over a whole server, with bodies that are almost right: no crash, no hang, no defect, JSON that
 * can be read. Callers also leave when it takes long, and pauses hold others' requests.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type SimulatedFleet, withFleet } from "../faults/simulated-fleet.ts";
import { STEP_1 } from "../support/live-server.ts";
import type { Target } from "./campaign.ts";
import { createHttpExchange, type HttpRequest } from "./http-exchange.ts";
import { mutatedJson, mutations } from "./json-mutation.ts";
import { assertServes } from "./live-target.ts";

const LOOK_MS = 150;
const MOUNTS = { sglang: "/jobs/s", vllm: "/jobs/v", openai: "/jobs/o" } as const;

interface Sample {
  readonly dialect: keyof typeof MOUNTS;
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: unknown;
}

const SGLANG_PARAMS = {
  max_new_tokens: 4,
  temperature: 0.7,
  top_p: 0.9,
  top_k: 20,
  stop_token_ids: [9],
  ignore_eos: true,
  sampling_seed: 7,
};
const VLLM_PARAMS = {
  max_tokens: 4,
  temperature: 0.7,
  top_p: 0.9,
  top_k: 20,
  stop_token_ids: [9],
  ignore_eos: true,
  seed: 7,
  logprobs: 1,
};
const MESSAGES = [
  { role: "system", content: "Be brief." },
  { role: "user", content: [{ type: "text", text: "2+2" }] },
];

const SAMPLES: readonly Sample[] = [
  ...[
    { input_ids: [72, 105], sampling_params: SGLANG_PARAMS, return_logprob: true, rid: "r-1" },
    {
      input_ids: [[72], [105, 3]],
      sampling_params: [SGLANG_PARAMS, SGLANG_PARAMS],
      return_logprob: true,
      top_logprobs_num: 2,
      rid: ["a", "b"],
    },
    {
      input_ids: [72, 105],
      sampling_params: SGLANG_PARAMS,
      return_logprob: true,
      logprob_start_len: 0,
      stream: true,
      extra_key: "k",
      weight_version: "1",
    },
  ].map((body) => ({ dialect: "sglang", method: "POST", path: "/generate", body }) as const),
  {
    dialect: "sglang",
    method: "POST",
    path: "/v1/chat/completions",
    body: { model: "m", messages: MESSAGES, max_tokens: 3, logprobs: true, return_token_ids: true },
  },
  { dialect: "sglang", method: "POST", path: "/abort_request", body: { rid: "a" } },
  { dialect: "sglang", method: "POST", path: "/pause_generation", body: { mode: "in_place" } },
  { dialect: "sglang", method: "POST", path: "/continue_generation", body: {} },
  { dialect: "sglang", method: "POST", path: "/flush_cache?timeout=0.1", body: {} },
  {
    dialect: "sglang",
    method: "POST",
    path: "/update_weights_from_disk",
    body: { model_path: STEP_1, weight_version: "9", flush_cache: false },
  },
  {
    dialect: "sglang",
    method: "POST",
    path: "/update_weight_version",
    body: { new_version: "3", abort_all_requests: false },
  },
  {
    dialect: "sglang",
    method: "POST",
    path: "/add_worker?url=http%3A%2F%2F127.0.0.1%3A1",
    body: {},
  },
  { dialect: "sglang", method: "POST", path: "/workers", body: { url: "http://127.0.0.1:1" } },
  { dialect: "sglang", method: "GET", path: "/v1/loads" },
  { dialect: "sglang", method: "GET", path: "/server_info" },
  { dialect: "sglang", method: "GET", path: "/workers" },
  ...[
    { token_ids: [72, 105], sampling_params: VLLM_PARAMS, request_id: "r-1", cache_salt: "s" },
    {
      token_ids: [72, 105],
      sampling_params: { ...VLLM_PARAMS, n: 2, prompt_logprobs: 0, logit_bias: { "5": 1 } },
      stream: true,
      stream_options: { include_usage: true },
      return_token_ids: true,
    },
  ].map(
    (body) => ({ dialect: "vllm", method: "POST", path: "/inference/v1/generate", body }) as const,
  ),
  { dialect: "vllm", method: "POST", path: "/pause?mode=keep&clear_cache=false" },
  { dialect: "vllm", method: "POST", path: "/resume" },
  { dialect: "vllm", method: "POST", path: "/abort_requests", body: { request_ids: ["r-1"] } },
  {
    dialect: "vllm",
    method: "POST",
    path: "/update_weights",
    body: { weight_dir: STEP_1, update_info: { path: STEP_1 } },
  },
  { dialect: "vllm", method: "POST", path: "/update_weight_version", body: { new_version: "4" } },
  {
    dialect: "vllm",
    method: "POST",
    path: "/v1/load_lora_adapter",
    body: { lora_name: "a", lora_path: "/nowhere" },
  },
  { dialect: "vllm", method: "POST", path: "/finish_session", body: { session_id: "s" } },
  { dialect: "vllm", method: "GET", path: "/v1/models" },
  { dialect: "vllm", method: "GET", path: "/metrics" },
  ...[
    { model: "default", prompt: [72, 105], max_tokens: 3, logprobs: 1, return_token_ids: true },
    {
      model: "default",
      prompt: [[72], [105]],
      max_tokens: 3,
      stream: true,
      n: 2,
      seed: 3,
      nvext: { extra_fields: ["prompt_token_ids"], token_data: [72] },
    },
    { model: "default", prompt: "Hi", max_tokens: 3, stop: ["x"], echo: false },
  ].map((body) => ({ dialect: "openai", method: "POST", path: "/v1/completions", body }) as const),
  ...[
    {
      model: "default",
      messages: MESSAGES,
      max_tokens: 3,
      logprobs: true,
      top_logprobs: 2,
      tools: [{ type: "function", function: { name: "f", parameters: { type: "object" } } }],
      chat_template_kwargs: { enable_thinking: false },
      return_tokens_as_token_ids: true,
    },
    {
      model: "default",
      messages: [
        ...MESSAGES,
        {
          role: "assistant",
          content: "4",
          prompt_token_ids: [72],
          generation_token_ids: [52],
          generation_log_probs: [-0.5],
        },
        { role: "user", content: "And?" },
      ],
      max_tokens: 3,
      stream: true,
      stream_options: { include_usage: true },
      required_prefix_token_ids: [72],
    },
  ].map(
    (body) => ({ dialect: "openai", method: "POST", path: "/v1/chat/completions", body }) as const,
  ),
  {
    dialect: "openai",
    method: "POST",
    path: "/tokenize",
    body: { model: "default", prompt: "Hi" },
  },
  { dialect: "openai", method: "GET", path: "/v1/models" },
];

const drafts = fc.record({
  sample: fc.nat(SAMPLES.length - 1),
  changes: mutations,
  cut: fc.option(fc.nat(400), { freq: 8 }),
  foreign: fc.boolean(),
});

const inputs: fc.Arbitrary<HttpRequest> = drafts.map(({ sample, changes, cut, foreign }) => {
  const { dialect, method, path, body } = SAMPLES[sample] as Sample;
  const text = body === undefined ? null : mutatedJson(body, changes);
  const bytes = text === null ? null : Buffer.from(text);
  return {
    method,
    path: MOUNTS[dialect] + path,
    headers:
      bytes === null || (foreign && cut !== null) ? {} : { "content-type": "application/json" },
    body: bytes === null || cut === null ? bytes : bytes.subarray(0, cut),
  };
});

export const dialectsTarget: Target<HttpRequest> = {
  name: "dialects",
  inputs,
  shown: ({ method, path, body }) => `${method} ${path}\n${body?.toString("utf8").slice(0, 2_000)}`,
  async open() {
    const ready = Promise.withResolvers<SimulatedFleet>();
    const over = Promise.withResolvers<void>();
    const dialects = Object.entries(MOUNTS).map(([name, path]) => ({ name, job: path.slice(-1) }));
    const settings = { result_ttl_ms: 200, detach_ms: 50, dialects };
    const ended = withFleet({ engines: 1, settings }, async (fleet) => {
      ready.resolve(fleet);
      await over.promise;
    });
    const fleet = await Promise.race([ready.promise, ended.then(() => assert.fail("no fleet"))]);
    const port = Number(new URL(fleet.server.http).port);
    const exchanges: { close(): void }[] = [];
    return {
      lane() {
        const exchange = createHttpExchange(port);
        exchanges.push(exchange);
        return async (input) => {
          // Null: held by a pause, or a long rollout; the caller leaves.
          const answer = await exchange.send(input, LOOK_MS, () => false);
          if (answer === null || !answer.whole) return;
          const { status, type, body } = answer;
          assert.ok(status >= 200 && status < 600, `status ${status}`);
          if (!type.startsWith("application/json") || body === "") return;
          const json: unknown = JSON.parse(body);
          if (status >= 400) assert.equal(typeof json, "object", body);
          assert.doesNotMatch(
            body,
            /"internal"|TypeError|RangeError|undefined \(reading/,
            "a defect",
          );
        };
      },
      async healthy() {
        await fleet.server.call("POST", "/jobs/s/continue_generation", {});
        await fleet.server.call("POST", "/jobs/v/resume", {});
        await assertServes(fleet);
      },
      async close() {
        for (const exchange of exchanges) exchange.close();
        over.resolve();
        await ended;
      },
    };
  },
};
