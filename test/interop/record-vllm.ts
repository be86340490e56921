/**
 * Records what real vLLM answers to what the adapter asks and to what the fake imitates, into `test/recordings/`:
 * `PACELINE_ENGINES=… node_modules/.bin/node test/interop/record-vllm.ts`. The fake is held against it.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { openVllm, VLLM_VERSION } from "./engines/vllm.ts";

type Body = Readonly<Record<string, unknown>>;

interface Exchange {
  readonly name: string;
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly body: Body | null;
  readonly status: number;
  readonly contentType: string;
  /** Events of a stream, else JSON, else text. */
  readonly reply: unknown;
}

const FLAGS = ["--logprobs-mode", "processed_logprobs"];
const PROMPT = [10, 11, 12, 13];
const params = (more: Body = {}): Body => ({
  max_tokens: 4,
  seed: 7,
  logprobs: 0,
  ignore_eos: true,
  ...more,
});
const ask = (id: string, more: Body = {}, sampling: Body = params()): Body => ({
  request_id: id,
  token_ids: PROMPT,
  sampling_params: sampling,
  ...more,
});

const vllm = await openVllm();
const folder = dirname(vllm.models[0]);
const GENERATE = "/inference/v1/generate";
const STREAM = { stream: true, stream_options: { include_usage: true } };

/** In this order: later ones see what earlier ones did. */
const CALLS: readonly (readonly [name: string, "GET" | "POST", path: string, body?: Body])[] = [
  ["health", "GET", "/health"],
  ["version", "GET", "/version"],
  ["models", "GET", "/v1/models"],
  ["weight info at the start", "GET", "/weight_info"],
  ["is paused", "GET", "/is_paused"],
  ["is sleeping", "GET", "/is_sleeping"],
  ["load", "GET", "/load"],
  ["kv event sources", "GET", "/kv_event_sources"],
  ["world size", "GET", "/get_world_size"],
  ["server info", "GET", "/server_info?config_format=json"],
  ["routes", "GET", "/openapi.json"],
  ["unary", "POST", GENERATE, ask("unary")],
  ["unary, two logprobs", "POST", GENERATE, ask("top", {}, params({ logprobs: 2 }))],
  ["unary, no logprobs", "POST", GENERATE, ask("bare", {}, { max_tokens: 2, seed: 7 })],
  [
    "unary, filters",
    "POST",
    GENERATE,
    ask("filters", {}, params({ logprobs: 3, top_k: 2, top_p: 0.9 })),
  ],
  [
    "unary, prompt logprobs",
    "POST",
    GENERATE,
    ask("score", {}, params({ max_tokens: 1, prompt_logprobs: 0 })),
  ],
  ["unary, prompt ids", "POST", GENERATE, ask("ids", { return_token_ids: true })],
  ["stream", "POST", GENERATE, ask("stream", STREAM, params({ logprobs: 1 }))],
  [
    "stream, interval",
    "POST",
    GENERATE,
    ask("steps", STREAM, params({ max_tokens: 7, stream_interval: 3 })),
  ],
  ["stream, prompt ids", "POST", GENERATE, ask("first", { ...STREAM, return_token_ids: true })],
  [
    "stop id",
    "POST",
    GENERATE,
    ask("stop", {}, params({ temperature: 0, max_tokens: 64, stop_token_ids: [33, 802] })),
  ],
  ["out of vocabulary", "POST", GENERATE, { ...ask("oov"), token_ids: [1, 5_000] }],
  [
    "bias out of vocabulary",
    "POST",
    GENERATE,
    ask("bias", {}, params({ logit_bias: { 2147483647: 1 } })),
  ],
  ["too long", "POST", GENERATE, { ...ask("long"), token_ids: Array<number>(2_050).fill(1) }],
  [
    "clipped",
    "POST",
    GENERATE,
    { ...ask("clip", {}, params({ max_tokens: 50 })), token_ids: Array<number>(2_040).fill(1) },
  ],
  ["no tokens", "POST", GENERATE, { ...ask("none"), token_ids: [] }],
  ["too many logprobs", "POST", GENERATE, ask("many", {}, params({ logprobs: 50 }))],
  ["negative temperature", "POST", GENERATE, ask("cold", {}, params({ temperature: -1 }))],
  ["unknown model", "POST", GENERATE, ask("nope", { model: "nope" })],
  ["unknown field", "POST", GENERATE, ask("bogus", { bogus_field: 1 })],
  ["priority without its policy", "POST", GENERATE, ask("first-class", { priority: 3 })],
  ["abort of nobody", "POST", "/abort_requests", { request_ids: ["nobody"] }],
  ["abort of nobody, public", "POST", "/inference/v1/abort_requests", { request_ids: ["nobody"] }],
  ["pause", "POST", "/pause?mode=keep&clear_cache=false"],
  ["pause again", "POST", "/pause?mode=keep&clear_cache=false"],
  ["is paused then", "GET", "/is_paused"],
  ["bad mode", "POST", "/pause?mode=bogus"],
  [
    "reload",
    "POST",
    "/collective_rpc",
    { method: "reload_weights", kwargs: { weights_path: vllm.models[1] } },
  ],
  ["label", "POST", "/update_weight_version", { new_version: "default@2#1" }],
  ["label read back", "GET", "/weight_info"],
  ["reset of the cache", "POST", "/reset_prefix_cache"],
  ["resume", "POST", "/resume"],
  ["resume again", "POST", "/resume"],
  ["unary after the update", "POST", GENERATE, ask("after")],
  [
    "reload of nothing",
    "POST",
    "/collective_rpc",
    { method: "reload_weights", kwargs: { weights_path: `${folder}/nothing` } },
  ],
  ["health after a failed reload", "GET", "/health"],
  [
    "reload that heals",
    "POST",
    "/collective_rpc",
    { method: "reload_weights", kwargs: { weights_path: vllm.models[0] } },
  ],
  ["unary after it healed", "POST", GENERATE, ask("healed")],
  ["metrics", "GET", "/metrics"],
  [
    "reload of nothing again",
    "POST",
    "/collective_rpc",
    { method: "reload_weights", kwargs: { weights_path: `${folder}/nothing` } },
  ],
  ["unary after a failed reload", "POST", GENERATE, ask("fatal")],
];

const server = await vllm.start(FLAGS);
const exchanges: Exchange[] = [];
try {
  for (const [name, method, path, body] of CALLS) {
    exchanges.push(await exchange(name, method, path, body ?? null));
  }
} finally {
  await server.kill();
}
const at = fileURLToPath(new URL(`../recordings/vllm-${VLLM_VERSION}.json`, import.meta.url));
mkdirSync(dirname(at), { recursive: true });
const recording = {
  engine: "vllm",
  version: VLLM_VERSION,
  recorded: new Date().toISOString().slice(0, 10),
  platform: "CPU build, bfloat16, two tiny random Qwen2",
  flags: FLAGS,
  exchanges,
};
// Nothing of this machine: neither where its models lie nor where vLLM is installed.
const text = JSON.stringify(recording, null, 1).replaceAll(folder, "MODELS");
writeFileSync(at, `${text}\n`);
console.log(`${exchanges.length} exchanges in ${at}`);

async function exchange(
  name: string,
  method: "GET" | "POST",
  path: string,
  body: Body | null,
): Promise<Exchange> {
  const reply = await fetch(`${server.url}${path}`, {
    method,
    ...(body === null
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    signal: AbortSignal.timeout(120_000),
  });
  const contentType = reply.headers.get("content-type") ?? "";
  const read = await reply.text();
  return {
    name,
    method,
    path,
    body: shortened(body),
    status: reply.status,
    contentType,
    reply: replyOf(name, contentType, read),
  };
}

/** A long prompt says nothing by its length. */
function shortened(body: Body | null): Body | null {
  const ids = body?.["token_ids"];
  if (body === null || !Array.isArray(ids) || ids.length < 100) return body;
  return { ...body, token_ids: `${ids.length} × ${ids[0]}` };
}

function replyOf(name: string, contentType: string, text: string): unknown {
  if (contentType.startsWith("text/event-stream")) return eventsOf(text);
  if (name === "metrics") return metricsOf(text);
  if (!contentType.startsWith("application/json")) return text;
  const json = JSON.parse(text);
  if (name === "routes") return { paths: Object.keys(json.paths).sort() };
  if (name !== "server info") return json;
  // Its environment is this machine's.
  const {
    model_config: model,
    cache_config: cache,
    scheduler_config: scheduler,
    parallel_config: parallel,
  } = json.vllm_config;
  return {
    vllm_config: {
      model_config: model,
      cache_config: cache,
      scheduler_config: scheduler,
      parallel_config: parallel,
    },
  };
}

function eventsOf(text: string): unknown[] {
  const events = text.split("\n\n").filter((event) => event.startsWith("data: "));
  return events.map((event) =>
    event === "data: [DONE]" ? "[DONE]" : JSON.parse(event.slice("data: ".length)),
  );
}

/** Names and labels; values are of this machine. */
function metricsOf(text: string): string[] {
  return text
    .split("\n")
    .filter((line) => /^(vllm:|process_start)/.test(line) && !line.includes("_bucket{"))
    .map((line) => line.slice(0, line.lastIndexOf(" ")));
}
