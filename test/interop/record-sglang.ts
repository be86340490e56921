/**
 * Records what real SGLang answers to what the adapter asks and to what the fake imitates, into `test/recordings/`:
 * `PACELINE_ENGINES=… node_modules/.bin/node test/interop/record-sglang.ts`.
 */
import { dirname } from "node:path";
import { openSglang, SGLANG_VERSION } from "./engines/sglang.ts";
import { type Body, type Call, type Exchange, exchange, writeRecording } from "./recording.ts";

const FLAGS = ["--incremental-streaming-output"];
const PROMPT = [10, 11, 12, 13];
const GENERATE = "/generate";

const params = (more: Body = {}): Body => ({
  max_new_tokens: 4,
  temperature: 0,
  ignore_eos: true,
  ...more,
});
const ask = (rid: string, more: Body = {}, sampling: Body = params()): Body => ({
  rid,
  input_ids: PROMPT,
  sampling_params: sampling,
  return_logprob: true,
  extra_key: "recording",
  ...more,
});

const LOOKED_AT = [
  "version",
  "frontend",
  "served_model_name",
  "dtype",
  "context_length",
  "max_req_input_len",
  "max_total_num_tokens",
  "max_running_requests",
  "dp_size",
  "tp_size",
  "random_seed",
  "startup_time",
  "weight_version",
  "enable_deterministic_inference",
  "enable_priority_scheduling",
  "incremental_streaming_output",
  "stream_interval",
  "enable_memory_saver",
  "sampling_mask_max_tokens",
  "disaggregation_mode",
];

const sglang = await openSglang();
const folder = dirname(sglang.models[0]);

/** In this order: later ones see what earlier ones did. */
const CALLS: readonly Call[] = [
  ["health", "GET", "/health"],
  ["ready", "GET", "/ready"],
  ["server info", "GET", "/server_info"],
  ["model info", "GET", "/model_info"],
  ["models", "GET", "/v1/models"],
  ["loads", "GET", "/v1/loads?include=core"],
  ["routes", "GET", "/openapi.json"],
  ["unary", "POST", GENERATE, ask("unary")],
  ["unary, one prefix again", "POST", GENERATE, ask("again")],
  ["unary, alternatives", "POST", GENERATE, ask("top", { top_logprobs_num: 2 })],
  [
    "unary, prompt logprobs",
    "POST",
    GENERATE,
    ask("score", { logprob_start_len: 1 }, { max_new_tokens: 0 }),
  ],
  [
    "unary, sampling mask",
    "POST",
    GENERATE,
    ask("mask", { return_sampling_mask: true }, params({ temperature: 0.8, top_k: 5 })),
  ],
  ["stream", "POST", GENERATE, ask("stream", { stream: true })],
  [
    "stream, interval",
    "POST",
    GENERATE,
    ask("steps", { stream: true }, params({ max_new_tokens: 7, stream_interval: 3 })),
  ],
  [
    "stop id",
    "POST",
    GENERATE,
    ask("stop", {}, params({ ignore_eos: false, stop_token_ids: [33], logit_bias: { 33: 100 } })),
  ],
  [
    "stop id, EOS ignored",
    "POST",
    GENERATE,
    ask("past", {}, params({ stop_token_ids: [33], logit_bias: { 33: 100 } })),
  ],
  [
    "EOS",
    "POST",
    GENERATE,
    ask("eos", {}, params({ ignore_eos: false, min_new_tokens: 2, logit_bias: { 2: 100 } })),
  ],
  ["no tokens", "POST", GENERATE, ask("none", { input_ids: [] })],
  ["too long", "POST", GENERATE, ask("long", { input_ids: Array<number>(2_100).fill(5) })],
  ["at the limit", "POST", GENERATE, ask("limit", { input_ids: Array<number>(2_042).fill(5) })],
  [
    "beyond the context",
    "POST",
    GENERATE,
    ask("beyond", { input_ids: Array<number>(2_040).fill(5) }, params({ max_new_tokens: 30 })),
  ],
  [
    "to the context's end",
    "POST",
    GENERATE,
    ask("end", { input_ids: Array<number>(2_040).fill(5) }, params({ max_new_tokens: 8 })),
  ],
  [
    "bias out of vocabulary",
    "POST",
    GENERATE,
    ask("bias", {}, params({ logit_bias: { 2147483647: 0 } })),
  ],
  ["unknown field", "POST", GENERATE, ask("bogus", { bogus_field: 1 })],
  ["unknown sampling field", "POST", GENERATE, ask("seed", {}, params({ seed: 1 }))],
  ["negative temperature", "POST", GENERATE, ask("cold", {}, params({ temperature: -1 }))],
  ["rank that is not there", "POST", GENERATE, ask("rank", { routed_dp_rank: 1 })],
  ["abort of nobody", "POST", "/abort_request", { rid: "nobody" }],
  ["flush", "POST", "/flush_cache"],
  ["pause", "POST", "/pause_generation", { mode: "in_place" }],
  ["pause again", "POST", "/pause_generation", { mode: "retract" }],
  ["ready then", "GET", "/ready"],
  ["bad mode", "POST", "/pause_generation", { mode: "bogus" }],
  [
    "update",
    "POST",
    "/update_weights_from_disk",
    { model_path: sglang.models[1], weight_version: "default@2#1", flush_cache: false },
  ],
  ["model info then", "GET", "/model_info"],
  ["resume", "POST", "/continue_generation", {}],
  ["resume again", "POST", "/continue_generation", {}],
  ["unary after the update", "POST", GENERATE, ask("after")],
  [
    "update from nowhere",
    "POST",
    "/update_weights_from_disk",
    { model_path: `${folder}/nothing`, weight_version: "default@3#2" },
  ],
  ["model info after that", "GET", "/model_info"],
  [
    "label alone",
    "POST",
    "/update_weight_version",
    { new_version: "default@4#3", abort_all_requests: false },
  ],
  ["checksums", "POST", "/weights_checker", { action: "checksum" }],
  ["metrics", "GET", "/metrics"],
  ["out of vocabulary", "POST", GENERATE, ask("fatal", { input_ids: [1, 5_000] })],
];

const server = await sglang.start(FLAGS);
const exchanges: Exchange[] = [];
try {
  for (const call of CALLS) exchanges.push(await exchange(server.url, call, shape));
} finally {
  await server.kill();
}
const at = writeRecording({
  engine: "sglang",
  version: SGLANG_VERSION,
  flags: FLAGS,
  folder,
  exchanges,
});
console.log(`${exchanges.length} exchanges in ${at}`);

/** Of hundreds of settings, what a probe looks at; of routes and metrics, names. */
function shape(name: string, reply: unknown): unknown {
  if (name === "server info") {
    const all = reply as Readonly<Record<string, unknown>>;
    return Object.fromEntries(LOOKED_AT.map((key) => [key, all[key]]));
  }
  if (name === "routes") return { paths: Object.keys((reply as { paths: object }).paths).sort() };
  if (name !== "metrics") return reply;
  return (reply as string)
    .split("\n")
    .filter((line) => line.startsWith("sglang:") && !line.includes("_bucket{"))
    .map((line) => line.slice(0, line.lastIndexOf(" ")));
}
