/** What the mount says it is: one engine that holds the whole fleet of the job's policy. */
import type { WorkerRecord } from "../../../fleet/fleet.ts";
import { sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { gpusOfAll, workersOf } from "../job-workers.ts";
import { committed, committedText } from "./weight-version.ts";

export function infoRoutes(context: DialectContext): DialectRoute[] {
  const read = (path: string, body: () => unknown): DialectRoute => ({
    method: "GET",
    path,
    scope: "read",
    touches: "fleet",
    handler: (_request, reply) => sendJson(reply, JSON.stringify(body())),
  });
  const version = () => ({ weight_version: committedText(context) });
  const metrics = (path: string): DialectRoute => ({
    method: "GET",
    path,
    scope: "read",
    touches: "all",
    handler: async (_request, reply) =>
      reply.header("content-type", context.metrics.contentType).send(await context.metrics.text()),
  });
  return [
    read("/server_info", () => serverInfo(context)),
    read("/get_server_info", () => serverInfo(context)),
    read("/model_info", () => modelInfo(context)),
    read("/get_model_info", () => modelInfo(context)),
    read("/get_weight_version", version),
    read("/weight_version", version),
    read("/v1/models", () => models(context)),
    metrics("/metrics"),
    metrics("/engine_metrics"),
  ];
}

function serverInfo(context: DialectContext): Record<string, unknown> {
  const workers = workersOf(context);
  const first = workers[0];
  const { tp = 1, pp = 1, ep = 1 } = first?.parallel ?? {};
  return {
    ...modelInfo(context),
    served_model_name: context.policy(),
    tp_size: tp,
    pp_size: pp,
    ep_size: ep,
    moe_dp_size: 1,
    dp_size: 1,
    num_gpus: gpusOfAll(workers),
    num_engines: workers.length,
    disaggregation_mode: "null",
    disaggregation_bootstrap_port: null,
    encoder_only: false,
    enable_memory_saver: false,
    enable_return_routed_experts: workers.some(
      ({ description }) => description.capabilities.routedExperts === true,
    ),
    dtype: first?.description.dtype ?? null,
    context_length: first?.description.maxModelLen ?? null,
    max_running_requests: capacity(workers, ({ maxRunning }) => maxRunning),
    max_total_num_tokens: capacity(workers, ({ kvTokens }) => kvTokens),
    incremental_streaming_output: false,
    kv_events: null,
    internal_states: [],
    version: "paceline",
  };
}

const capacity = (
  workers: readonly WorkerRecord[],
  of: (slot: WorkerRecord["description"]["slots"][number]) => number,
): number =>
  workers.reduce(
    (sum, { description }) => sum + description.slots.reduce((all, slot) => all + of(slot), 0),
    0,
  );

function modelInfo(context: DialectContext): Record<string, unknown> {
  const source = committed(context)?.source ?? null;
  const path = source !== null && "path" in source ? source.path : null;
  const [first] = workersOf(context);
  const model = path ?? first?.description.model ?? context.policy();
  return {
    model_path: model,
    tokenizer_path: model,
    is_generation: true,
    preferred_sampling_params: null,
    weight_version: committedText(context),
    has_image_understanding: false,
    has_audio_understanding: false,
    model_type: null,
    architectures: null,
  };
}

function models(context: DialectContext): unknown {
  const [first] = workersOf(context);
  return {
    object: "list",
    data: [
      {
        id: context.policy(),
        object: "model",
        created: Math.floor(context.clock.wall() / 1000),
        owned_by: "paceline",
        root: context.policy(),
        max_model_len: first?.description.maxModelLen ?? null,
      },
    ],
  };
}
