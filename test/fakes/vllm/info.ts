/** What a vLLM server says of itself: routes for probes and telemetry. */

import { sourcesOf } from "../core/cache-publisher.ts";
import type { FakeRoute } from "../core/fake-server.ts";
import type { VllmState } from "./state.ts";

const VERSION = "0.32.0";

export function infoRoutes(
  state: VllmState,
  routes: () => readonly string[],
): Readonly<Record<string, FakeRoute>> {
  const { model } = state;
  return {
    "GET /health": ({ reply }) => reply.text(200, ""),
    "GET /version": ({ reply }) => reply.json(200, { version: VERSION }),
    "GET /load": ({ reply }) => reply.json(200, { server_load: model.requests }),
    "GET /kv_event_sources": ({ reply }) =>
      reply.json(200, state.cache === null ? {} : sourcesOf(state.cache).vllm),
    "GET /get_world_size": ({ reply }) => reply.json(200, { world_size: 1 }),
    "GET /v1/models": ({ reply }) => reply.json(200, models(state)),
    "GET /openapi.json": ({ reply }) => reply.json(200, openapi(routes())),
    "GET /server_info": ({ query, reply }) => reply.json(200, serverInfo(state, query)),
    "GET /metrics": ({ reply }) => reply.text(200, metrics(state), "text/plain; version=1.0.0"),
  };
}

function models({ model, options }: VllmState): unknown {
  const created = Math.floor(Date.now() / 1_000);
  const card = (id: string, at: string, parent: string | null, length: number | null) => ({
    id,
    object: "model",
    created,
    owned_by: "vllm",
    root: at,
    parent,
    max_model_len: length,
    permission: [
      {
        id: "modelperm-0123456789abcdef",
        object: "model_permission",
        created,
        allow_create_engine: false,
        allow_sampling: true,
        allow_logprobs: true,
        allow_search_indices: false,
        allow_view: true,
        allow_fine_tuning: false,
        organization: "*",
        group: null,
        is_blocking: false,
      },
    ],
  });
  return {
    object: "list",
    data: [
      // The root is what it was started with, whatever was loaded since.
      card(options.served, model.directory, null, model.info.maxModelLen),
      ...[...model.adapters].map(([name, path]) => card(name, path, options.served, null)),
    ],
  };
}

function openapi(routes: readonly string[]): unknown {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const route of routes) {
    const [method = "", path = ""] = route.split(" ");
    paths[path] = { ...paths[path], [method.toLowerCase()]: {} };
  }
  return { openapi: "3.1.0", info: { title: "FastAPI", version: "0.1.0" }, paths };
}

/** The real one dumps its whole configuration; here is what a probe may look for. */
function serverInfo({ model, options }: VllmState, query: URLSearchParams): unknown {
  const { maxModelLen, slot } = model.info;
  const config = {
    model_config: {
      model: model.directory,
      served_model_name: options.served,
      max_model_len: maxModelLen,
      dtype: "torch.float32",
      logprobs_mode: options.logprobsMode,
      max_logprobs: 20,
      return_sampling_mask: options.samplingMask,
      enable_sleep_mode: options.sleepMode,
    },
    cache_config: {
      block_size: 16,
      num_gpu_blocks: slot.kvTokens / 16,
      enable_prefix_caching: true,
    },
    scheduler_config: {
      max_num_seqs: slot.maxRunning,
      policy: options.priorities ? "priority" : "fcfs",
    },
    lora_config:
      options.maxLoras === 0
        ? null
        : {
            max_lora_rank: 8,
            max_loras: options.maxLoras,
            max_cpu_loras: options.maxCpuLoras ?? options.maxLoras,
          },
    parallel_config: { tensor_parallel_size: 1, data_parallel_size: 1, pipeline_parallel_size: 1 },
  };
  const text =
    `model='${model.directory}', dtype=torch.float32, max_seq_len=${maxModelLen}, ` +
    `tensor_parallel_size=1, data_parallel_size=1, served_model_name=${options.served}`;
  return {
    vllm_config: query.get("config_format") === "json" ? config : text,
    vllm_env: { VLLM_SERVER_DEV_MODE: true },
    system_env: {},
  };
}

function metrics({ model, options, finished, startedAt, asleep }: VllmState): string {
  const { running, waiting, kvUsedTokens, kvTotalTokens, outputTokens, prefillTokens } =
    model.stats();
  const labels = `engine="0",model_name="${options.served}"`;
  const line = (name: string, value: number, more = ""): string =>
    `vllm:${name}{${labels}${more}} ${Number.isInteger(value) ? value.toFixed(1) : value}`;
  const blocks = kvTotalTokens / 16;
  return [
    line("num_requests_running", running),
    line("num_requests_waiting", waiting),
    line("kv_cache_usage_perc", kvUsedTokens / kvTotalTokens),
    line("prefix_cache_queries_created", startedAt),
    line("prompt_tokens_total", prefillTokens),
    line("generation_tokens_total", outputTokens),
    line("num_preemptions_total", model.retractions),
    line("inter_token_latency_seconds_sum", model.moments.batchMicroseconds / 1e6),
    line("inter_token_latency_seconds_count", model.moments.tokens),
    ...["stop", "length", "abort", "error", "repetition"].map((reason) =>
      line("request_success_total", finished.get(reason) ?? 0, `,finished_reason="${reason}"`),
    ),
    line("engine_sleep_state", asleep === null ? 1 : 0, ',sleep_state="awake"'),
    `vllm:cache_config_info{block_size="16",engine="0",num_gpu_blocks="${blocks}"} 1.0`,
    "",
  ].join("\n");
}
