/** What a vLLM server is, for as long as its process lives: asked once, since its dump of itself takes seconds. */
import { readFile } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { LogprobMode } from "../../server/contract/rollout.ts";
import { LIMITS } from "../../server/limits.ts";
import { metricLabel } from "../http/prometheus.ts";
import type { Client } from "./client.ts";

export interface Shape {
  readonly version: string;
  readonly model: string;
  readonly dtype: string;
  readonly maxModelLen: number;
  readonly vocabSize: number;
  /** Where its model's folder can be read from here; no route tells them. */
  readonly eosTokenIds: readonly number[];
  readonly kvTokens: number;
  readonly maxRunning: number;
  /** Data-parallel ranks behind this one server. */
  readonly ranks: number;
  readonly priorities: boolean;
  readonly logprobMode: LogprobMode | null;
  readonly maxLogprobs: number;
  /** `--return-sampling-mask`: every request must sample, from a bounded number of ids. */
  readonly masks: boolean;
  readonly sleeps: boolean;
  /**
   * LoRA adapters that it runs at once; 0: none. Of those that it merely keeps beside them (`max_cpu_loras`) one that is asked for
   * waits until another has ended, which nobody here would know of.
   */
  readonly adapters: number;
  /** Paths that it serves. */
  readonly routes: ReadonlySet<string>;
}

/** `GET /server_info?config_format=json` of a server in development mode; newer and older ones have more and less. */
const serverInfo = z.looseObject({
  vllm_config: z.looseObject({
    model_config: z.looseObject({
      dtype: z.string(),
      max_model_len: z.int().min(1),
      logprobs_mode: z.string().optional(),
      max_logprobs: z.int().optional(),
      return_sampling_mask: z.boolean().optional(),
      enable_sleep_mode: z.boolean().optional(),
    }),
    scheduler_config: z.looseObject({
      max_num_seqs: z.int().min(1),
      policy: z.string().optional(),
    }),
    parallel_config: z.looseObject({
      data_parallel_size: z.int().min(1).max(LIMITS.engineSlots).default(1),
    }),
    lora_config: z.looseObject({ max_loras: z.int().min(1) }).nullish(),
  }),
});
const version = z.object({ version: z.string() });
const models = z.object({
  data: z.array(
    z.looseObject({ id: z.string(), parent: z.string().nullish(), root: z.string().nullish() }),
  ),
});
const openapi = z.looseObject({ paths: z.record(z.string(), z.unknown()) });

/** What `--logprobs-mode` gives, measured (docs/engines.md). The two that give logits are no logprobs. */
const MODES: Readonly<Record<string, LogprobMode>> = {
  processed_logprobs: "processed",
  raw_logprobs: "raw",
};

/** `metrics`: the text of `/metrics`. Throws `engine_error` where something else answers, or without development mode. */
export async function shapeOf(
  client: Client,
  metrics: string,
  signal: AbortSignal,
): Promise<Shape> {
  const get = async <T>(path: string, schema: z.ZodType<T>): Promise<T> => {
    const parsed = schema.safeParse(await client.call({ method: "GET", path }, signal));
    if (parsed.success) return parsed.data;
    const issue = parsed.error.issues[0];
    throw new PacelineError(
      "engine_error",
      `${path} is not vLLM's: ${issue?.path.join(".")}: ${issue?.message}`,
      { cause: parsed.error },
    );
  };
  const { paths } = await get("/openapi.json", openapi);
  const routes = new Set(Object.keys(paths));
  assertRoutes(routes);
  const told = await get("/version", version);
  const { data } = await get("/v1/models", models);
  const base = data.find(({ parent }) => parent == null);
  const { vllm_config: config } = await get("/server_info?config_format=json", serverInfo);
  const { model_config: of, scheduler_config: scheduler, parallel_config: parallel } = config;
  const { lora_config: lora = null } = config;
  return {
    version: told.version,
    model: base?.id ?? "",
    dtype: of.dtype.replace(/^torch\./, ""),
    maxModelLen: of.max_model_len,
    vocabSize: await vocabularyOf(client, signal),
    eosTokenIds: await eosTokenIdsOf(base?.root ?? null),
    kvTokens: kvTokensOf(metrics, of.max_model_len),
    maxRunning: scheduler.max_num_seqs,
    ranks: parallel.data_parallel_size,
    priorities: scheduler.policy === "priority",
    logprobMode: MODES[of.logprobs_mode ?? "raw_logprobs"] ?? null,
    maxLogprobs: of.max_logprobs ?? 20,
    masks: of.return_sampling_mask === true,
    sleeps: of.enable_sleep_mode === true && routes.has("/sleep"),
    adapters: lora?.max_loras ?? 0,
    routes,
  };
}

function assertRoutes(routes: ReadonlySet<string>): void {
  for (const [route, flag] of [
    ["/inference/v1/generate", "--enable-scale-out"],
    ["/server_info", "VLLM_SERVER_DEV_MODE=1"],
    ["/weight_info", "VLLM_SERVER_DEV_MODE=1 (vLLM 0.30 or newer)"],
  ] as const) {
    if (routes.has(route)) continue;
    throw new PacelineError("engine_error", `vLLM has no ${route}: start it with ${flag}`, {
      details: { route, flag },
    });
  }
}

/** No route tells it, but a request that names an id beyond it is refused with its size, before anything runs. */
async function vocabularyOf(client: Client, signal: AbortSignal): Promise<number> {
  const body = {
    token_ids: [0],
    sampling_params: { max_tokens: 1, logit_bias: { [2 ** 31 - 1]: 1 } },
  };
  let refusal = "nothing";
  try {
    await client.text({ method: "POST", path: "/inference/v1/generate", body }, signal);
  } catch (thrown) {
    const error = PacelineError.from(thrown);
    refusal = error.message;
    const [, size] = /Vocabulary size: (\d+)/.exec(refusal) ?? [];
    if (size !== undefined) return Number(size);
    if (error.code !== "invalid_argument") throw error;
  }
  throw new PacelineError("engine_error", `vLLM does not tell its vocabulary's size: ${refusal}`);
}

const eos = z.looseObject({
  eos_token_id: z
    .union([
      z
        .int()
        .min(0)
        .transform((id) => [id]),
      z.array(z.int().min(0)),
    ])
    .nullish(),
});

async function eosTokenIdsOf(folder: string | null): Promise<readonly number[]> {
  if (folder === null || !isAbsolute(folder)) return [];
  for (const name of ["generation_config.json", "config.json"]) {
    try {
      const { eos_token_id: ids } = eos.parse(
        JSON.parse(await readFile(join(folder, name), "utf8")),
      );
      if (ids) return ids;
    } catch {
      // On another host, or without one: a reply says when one of them ended it.
    }
  }
  return [];
}

/** Of one rank. */
function kvTokensOf(metrics: string, otherwise: number): number {
  const text = `\n${metrics}`;
  const of = (label: string): number =>
    Number(metricLabel(text, "vllm:cache_config_info", label) ?? Number.NaN);
  const blocks = of("num_gpu_blocks") * of("block_size");
  for (const tokens of [of("kv_cache_size_tokens"), blocks]) {
    if (Number.isSafeInteger(tokens) && tokens > 0) return tokens;
  }
  return otherwise;
}
