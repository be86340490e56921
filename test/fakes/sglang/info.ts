/** What an SGLang server says of itself: routes for probes and telemetry. */
import { randomInt } from "node:crypto";
import { sourcesOf } from "../core/cache-publisher.ts";
import type { DecodeMoments } from "../core/fake-model.ts";
import type { FakeRoute } from "../core/fake-server.ts";
import { resumed, type SglangState } from "./state.ts";

const VERSION = "0.5.23";

export function infoRoutes(state: SglangState): Readonly<Record<string, FakeRoute>> {
  const health: FakeRoute = async ({ reply }) => {
    const { healthTimeoutMs } = state.options;
    // It generates one token, or waits for any other: a paused engine makes none.
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<"late">((resolve) => {
      timer = setTimeout(() => resolve("late"), healthTimeoutMs);
    });
    const alive = await Promise.race([resumed(state), late]);
    clearTimeout(timer);
    reply.text(alive === "late" ? 503 : 200, "");
  };
  const model: FakeRoute = ({ reply }) => reply.json(200, modelInfo(state));
  // Drawn at each start, where none is given.
  const seed = randomInt(2 ** 30);
  const server: FakeRoute = ({ reply }) => reply.json(200, serverInfo(state, seed));
  return {
    "GET /health": health,
    "GET /health_generate": health,
    "GET /ready": ({ reply }) => reply.text(state.model.paused ? 503 : 200, ""),
    "GET /model_info": model,
    "GET /get_model_info": model,
    "GET /server_info": server,
    "GET /get_server_info": server,
    "GET /v1/loads": ({ reply }) => reply.json(200, loads(state)),
    "GET /v1/models": ({ reply }) => reply.json(200, models(state)),
    "GET /metrics": ({ reply }) => reply.text(200, metrics(state), "text/plain; version=0.0.4"),
  };
}

function modelInfo({ model, modelPath, servedName }: SglangState): unknown {
  return {
    model_path: modelPath,
    served_model_name: servedName,
    tokenizer_path: model.directory,
    is_generation: true,
    preferred_sampling_params: null,
    weight_version: model.label,
    load_format: "auto",
    reasoning_parser: null,
    tool_call_parser: null,
    disaggregation_mode: "null",
    has_image_understanding: false,
    has_audio_understanding: false,
    model_type: "llama",
    architectures: ["LlamaForCausalLM"],
  };
}

/** The real one dumps all of its arguments; here is what a probe may look for. */
function serverInfo({ model, options, cache }: SglangState, seed: number): unknown {
  const { maxModelLen, slot } = model.info;
  return {
    model_path: model.directory,
    tokenizer_path: model.directory,
    served_model_name: options.served,
    context_length: maxModelLen,
    dtype: "float32",
    device: "cpu",
    skip_tokenizer_init: false,
    stream_interval: options.streamInterval,
    incremental_streaming_output: options.incremental,
    enable_deterministic_inference: options.deterministic,
    enable_memory_saver: options.memorySaver,
    enable_lora: options.lora,
    max_loras_per_batch: 2,
    max_loaded_loras: options.lora ? 2 : null,
    enable_priority_scheduling: false,
    enable_return_routed_experts: options.experts !== null,
    sampling_mask_max_tokens: options.samplingMaskMaxTokens,
    disaggregation_mode: "null",
    random_seed: seed,
    launch_command: "python -m sglang.launch_server",
    weight_version: "default",
    tp_size: 1,
    dp_size: 1,
    pp_size: 1,
    page_size: 1,
    max_running_requests: slot.maxRunning,
    max_total_tokens: slot.kvTokens,
    max_total_num_tokens: slot.kvTokens,
    max_req_input_len: maxModelLen - 6,
    kv_events: cache === null ? null : sourcesOf(cache).sglang,
    startup_time: 1.5,
    internal_states: [
      {
        effective_max_running_requests_per_dp: slot.maxRunning,
        memory_usage: { weight: 0.01, kvcache: 0.01, token_capacity: slot.kvTokens, graph: 0 },
      },
    ],
    version: VERSION,
    frontend: "python",
  };
}

function loads({ model }: SglangState): unknown {
  const stats = model.stats();
  const usage = stats.kvUsedTokens / stats.kvTotalTokens;
  return {
    timestamp: new Date().toISOString(),
    version: VERSION,
    accelerator: null,
    num_accelerators: 1,
    loads: [
      {
        timestamp: Date.now() / 1_000,
        dp_rank: 0,
        num_running_reqs: stats.running,
        num_waiting_reqs: stats.waiting,
        num_waiting_uncached_tokens: 0,
        num_used_tokens: stats.kvUsedTokens,
        num_total_tokens: stats.kvUsedTokens,
        num_active_tokens: stats.kvUsedTokens,
        num_prealloc_ready_tokens: 0,
        max_total_num_tokens: stats.kvTotalTokens,
        max_running_requests: model.info.slot.maxRunning,
        token_usage: usage,
        gen_throughput: 0,
        cache_hit_rate: 0,
        utilization: usage,
        total_prefill_uncached_tokens: stats.prefillTokens,
        total_prefill_busy_us: 0,
        decode_moments: momentsOf(model.moments),
        memory: {
          weight_gb: 0.01,
          kv_cache_gb: 0.01,
          graph_gb: 0,
          token_capacity: stats.kvTotalTokens,
        },
        queues: { waiting: stats.waiting, grammar: 0, paused: 0, retracted: 0, prealloc_ready: 0 },
      },
    ],
  };
}

const momentsOf = (sums: DecodeMoments): number[] | null =>
  sums.steps === 0
    ? null
    : [
        sums.steps,
        sums.batch,
        sums.microseconds,
        sums.batchSquared,
        sums.batchMicroseconds,
        sums.tokens,
      ];

function models({ model, servedName }: SglangState): unknown {
  const created = Math.floor(Date.now() / 1_000);
  return {
    object: "list",
    data: [
      {
        id: servedName,
        object: "model",
        created,
        owned_by: "sglang",
        root: servedName,
        parent: null,
        max_model_len: model.info.maxModelLen,
      },
      ...[...model.adapters].map(([name, path]) => ({
        id: name,
        object: "model",
        created,
        owned_by: "sglang",
        root: path,
        parent: servedName,
        max_model_len: null,
      })),
    ],
  };
}

function metrics({ model, options, finished }: SglangState): string {
  const { running, waiting, kvUsedTokens, kvTotalTokens, outputTokens, prefillTokens } =
    model.stats();
  const labels = `engine_type="unified",model_name="${options.served}",moe_ep_rank="0",pp_rank="0",tp_rank="0"`;
  const line = (name: string, value: number): string =>
    `sglang:${name}{${labels}} ${Number.isInteger(value) ? value.toFixed(1) : value}`;
  return [
    line("num_running_reqs", running),
    line("num_queue_reqs", waiting),
    line("num_used_tokens", kvUsedTokens),
    line("max_total_num_tokens", kvTotalTokens),
    line("token_usage", kvUsedTokens / kvTotalTokens),
    line("cache_hit_rate", 0),
    line("prompt_tokens_total", prefillTokens),
    line("generation_tokens_total", outputTokens),
    line("num_requests_total", finished),
    "",
  ].join("\n");
}
