/** From what the server says of its settings, and from what the probe measured, to what an engine is here (I6). */
import { createHash } from "node:crypto";
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type {
  Capabilities,
  EngineDescription,
  SamplingFeature,
} from "../../server/contract/worker.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineState, Facts } from "./facts.ts";

const natural = z.int().min(0);

/** `GET /server_info`: hundreds of settings, of which these matter. */
const serverInfo = z.object({
  version: z.string(),
  frontend: z.string().default("python"),
  served_model_name: z.string().nullish(),
  model_path: z.string(),
  dtype: z.string(),
  context_length: natural.nullish(),
  max_req_input_len: natural.nullish(),
  max_total_num_tokens: natural,
  max_running_requests: natural.nullish(),
  dp_size: z.int().min(1).max(LIMITS.engineSlots).default(1),
  random_seed: z.number().nullish(),
  startup_time: z.unknown().optional(),
  launch_command: z.unknown().optional(),
  internal_states: z
    .array(z.object({ effective_max_running_requests_per_dp: natural.nullish() }))
    .default([]),
  enable_deterministic_inference: z.boolean().nullish(),
  enable_priority_scheduling: z.boolean().nullish(),
  schedule_low_priority_values_first: z.boolean().nullish(),
  incremental_streaming_output: z.boolean().nullish(),
  enable_memory_saver: z.boolean().nullish(),
  sampling_mask_max_tokens: natural.nullish(),
  enable_return_routed_experts: z.boolean().nullish(),
  disaggregation_mode: z.string().nullish(),
  enable_lora: z.boolean().nullish(),
  max_loras_per_batch: natural.nullish(),
  max_loaded_loras: natural.nullish(),
  quantization: z.string().nullish(),
  moe_runner_backend: z.string().nullish(),
  device: z.string().nullish(),
});

export type ServerInfo = z.infer<typeof serverInfo>;

/** Throws `engine_error` where something else answers, `unsupported` for servers that cannot be trusted with tokens. */
export function parseServerInfo(json: unknown): ServerInfo {
  const parsed = serverInfo.safeParse(json);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new PacelineError(
      "engine_error",
      `/server_info is not SGLang's: ${issue?.path.join(".")}: ${issue?.message}`,
      { cause: parsed.error },
    );
  }
  const { frontend, disaggregation_mode: disaggregation = null } = parsed.data;
  if (frontend !== "python") {
    // It leaves out extra_key and versions without a word.
    throw new PacelineError("unsupported", `SGLang's ${frontend} frontend tells no versions`);
  }
  if (disaggregation !== null && disaggregation !== "null") {
    throw new PacelineError("unsupported", `a ${disaggregation} server makes no rollout by itself`);
  }
  return parsed.data;
}

/**
 * Nothing names a life of the process; but how long each part of its start took is never the same twice, and its random
 * seed is drawn at the start unless it was given.
 */
export function incarnationOf({ startup_time, random_seed, launch_command }: ServerInfo): string {
  const told = JSON.stringify([startup_time ?? null, random_seed ?? null, launch_command ?? null]);
  return `sglang-${createHash("sha256").update(told).digest("hex").slice(0, 24)}`;
}

/** Kernels of another version, format or device want their weights packed in another way. */
export const buildOf = (info: ServerInfo): string =>
  JSON.stringify([
    info.version,
    info.dtype,
    info.quantization ?? null,
    info.moe_runner_backend ?? null,
    info.device ?? null,
  ]);

/**
 * Prompt and output together. The last two places of the context are never reached: it stops one token early and keeps
 * one for the request's end (seen on 0.5.23).
 */
export const roomOf = ({ contextLength }: Facts): number => contextLength - 2;

export function capabilitiesOf(facts: Facts): Capabilities {
  return {
    logprobModes: [facts.logprobMode],
    sampling: samplingOf(facts),
    resume: { seeded: true, penalties: false },
    spans: facts.tellsVersions ? "end" : "none",
    journal: "stream",
    sessionCache: false,
    pause: ["keep", "retract", "abort"],
    sleep: facts.memorySaver,
    weights: {
      stage: false,
      proof: "receipt",
      checksum: facts.checksums,
      ...(facts.adapters > 0 ? { adapters: facts.adapters } : {}),
    },
    promptLogprobs: true,
    maxTopLogprobs: Math.min(facts.vocabSize, LIMITS.topLogprobs),
    samplingMask: facts.maskTokens >= facts.vocabSize,
    ...(facts.experts ? { routedExperts: true } : {}),
  };
}

/** Not `repetition_penalty`: SGLang's leaves the prompt out. */
function samplingOf({ deterministic }: Facts): readonly SamplingFeature[] {
  return [
    "temperature",
    "top_p",
    "top_k",
    ...(deterministic ? (["seed"] as const) : (["min_p"] as const)),
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "stop_token_ids",
    "min_new_tokens",
    "ignore_eos",
  ];
}

export function describe(
  info: ServerInfo,
  state: EngineState,
  facts: Facts,
  held: EngineDescription["held"],
): EngineDescription {
  const running = info.internal_states[0]?.effective_max_running_requests_per_dp;
  return {
    kind: "sglang",
    engineVersion: info.version,
    incarnation: state.incarnation ?? incarnationOf(info),
    model: info.served_model_name ?? info.model_path,
    dtype: info.dtype,
    maxModelLen: roomOf(facts),
    vocabSize: facts.vocabSize,
    eosTokenIds: facts.eosTokenIds,
    slots: Array.from({ length: facts.slots }, (_, index) => ({
      index,
      kvTokens: info.max_total_num_tokens,
      maxRunning: running ?? info.max_running_requests ?? 1,
    })),
    capabilities: capabilitiesOf(facts),
    paused: state.paused,
    asleep: state.asleep,
    held,
  };
}

/** As many as run together: of those that it keeps beyond them one that is asked for waits until another has ended. */
export const adaptersOf = (info: ServerInfo): number => {
  const { enable_lora: takes, max_loras_per_batch: together, max_loaded_loras: kept } = info;
  return takes === true ? Math.min(together ?? 1, kept ?? Number.POSITIVE_INFINITY) : 0;
};
