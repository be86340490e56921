/** What an operator says of engines that do not tell it themselves, one set a kind of engine: shape, weights, keys. */
import { z } from "zod";
import type { LogprobMode } from "./rollout.ts";

export interface EngineFacts {
  readonly maxModelLen?: number;
  readonly vocabSize?: number;
  /** KV capacity in tokens. */
  readonly kvTokens?: number;
  /** Requests that run at once. */
  readonly maxRunning?: number;
  /** Default "unknown". */
  readonly dtype?: string;
  /** Default none: a reply says when one ended it. */
  readonly eosTokenIds?: readonly number[];
  /** Of the logprobs that it gives; default: not known, so nobody gets any. */
  readonly logprobMode?: LogprobMode;
  /** The weights that it was started with, which nothing changes; default: it holds none that we know. */
  readonly weights?: { readonly policy: string; readonly version: number };
  /** Discovery of workers that can be controlled (Dynamo's `DYN_RL_PORT`); default: none can. */
  readonly rlUrl?: string;
  /** File of the key that signs control calls (TensorRT-LLM's `rl_control_api_key`); default: they are not signed. */
  readonly controlKeyFile?: string;
}

/** Kinds that need to be told of their shape. */
export type ToldKind = "trtllm" | "dynamo";

/** Files of the keys that an engine asks for (SGLang's `--api-key`, `--admin-api-key`); default: it asks for none. */
export interface KeyFiles {
  readonly apiKeyFile: string | null;
  readonly adminApiKeyFile: string | null;
}

export type ToldFacts = Readonly<Record<ToldKind, EngineFacts>> & { readonly sglang: KeyFiles };

const natural = z.int().min(1).max(Number.MAX_SAFE_INTEGER);

const facts = z
  .strictObject({
    max_model_len: natural.optional(),
    vocab_size: natural.max(2 ** 32).optional(),
    kv_tokens: natural.optional(),
    max_running: natural.optional(),
    dtype: z.string().min(1).optional(),
    eos_token_ids: z.array(z.int().min(0)).optional(),
    logprob_mode: z.enum(["processed", "tempered", "penalised", "raw"]).optional(),
    weights: z
      .string()
      .regex(/^[A-Za-z0-9._:-]{1,128}@\d{1,15}$/, "must be policy@version")
      .optional(),
    control_key_file: z.string().min(1).optional(),
    rl_url: z.url({ protocol: /^https?$/ }).optional(),
  })
  .transform((given): EngineFacts => {
    const { weights = "" } = given;
    const at = weights.lastIndexOf("@");
    const named = { policy: weights.slice(0, at), version: Number(weights.slice(at + 1)) };
    const renamed = {
      maxModelLen: given.max_model_len,
      vocabSize: given.vocab_size,
      kvTokens: given.kv_tokens,
      maxRunning: given.max_running,
      dtype: given.dtype,
      eosTokenIds: given.eos_token_ids,
      logprobMode: given.logprob_mode,
      weights: at === -1 ? undefined : named,
      controlKeyFile: given.control_key_file,
      rlUrl: given.rl_url,
    };
    return Object.fromEntries(
      Object.entries(renamed).filter(([, value]) => value !== undefined),
    ) as EngineFacts;
  });

const keyFiles = z
  .strictObject({
    api_key_file: z.string().min(1).optional(),
    admin_api_key_file: z.string().min(1).optional(),
  })
  .transform(
    ({ api_key_file: api = null, admin_api_key_file: admin = null }): KeyFiles => ({
      apiKeyFile: api,
      adminApiKeyFile: admin,
    }),
  );

export const NOTHING_TOLD: ToldFacts = {
  trtllm: {},
  dynamo: {},
  sglang: { apiKeyFile: null, adminApiKeyFile: null },
};

/** A table in the file; flags and environment have it as JSON. */
export const engineFacts = z.preprocess(
  (given) => (typeof given === "string" ? fromJson(given) : given),
  z.strictObject({
    trtllm: facts.default(NOTHING_TOLD.trtllm),
    dynamo: facts.default(NOTHING_TOLD.dynamo),
    sglang: keyFiles.default(NOTHING_TOLD.sglang),
  }),
);

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
