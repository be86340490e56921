/** From `GET /info` to what a probe returns. Capabilities are the engine's own words (I6). */
import { z } from "zod";
import { PacelineError } from "../../server/contract/errors.ts";
import type { EngineDescription } from "../../server/contract/worker.ts";
import { WIRE_VERSION } from "./wire.ts";

const natural = z.int().min(0);

const capabilities = z.object({
  logprobModes: z.array(z.enum(["processed", "tempered", "penalised", "raw"])),
  sampling: z.array(
    z.enum([
      "temperature",
      "top_p",
      "top_k",
      "min_p",
      "presence_penalty",
      "frequency_penalty",
      "repetition_penalty",
      "logit_bias",
      "stop_token_ids",
      "min_new_tokens",
      "ignore_eos",
      "seed",
      "allowed_token_ids",
      "bad_words",
    ]),
  ),
  resume: z.object({ seeded: z.boolean(), penalties: z.boolean() }),
  spans: z.enum(["chunk", "end", "none"]),
  journal: z.enum(["stream", "none"]),
  sessionCache: z.boolean(),
  pause: z.array(z.enum(["keep", "retract", "abort"])),
  sleep: z.boolean(),
  weights: z.object({ stage: z.boolean(), proof: z.enum(["digest", "receipt", "reported"]) }),
  promptLogprobs: z.boolean(),
  maxTopLogprobs: natural,
  samplingMask: z.boolean(),
  routedExperts: z.boolean().optional(),
});

const info = z.object({
  wire: z.literal(WIRE_VERSION),
  kind: z.enum(["embedded", "simulated"]),
  engine_version: z.string(),
  incarnation: z.string().min(1),
  model: z.string(),
  dtype: z.string(),
  max_model_len: natural,
  vocab_size: natural,
  eos_token_ids: z.array(natural),
  slots: z.array(z.object({ index: natural, kvTokens: natural, maxRunning: natural })).min(1),
  capabilities,
  paused: z.boolean(),
  asleep: z.boolean(),
  held: z.array(
    z.object({
      policy: z.string(),
      version: natural,
      load: natural,
      digest: z.string().nullable(),
    }),
  ),
});

export type Info = z.infer<typeof info>;

/** Throws `engine_error` where something else answers, or an engine of another wire version. */
export function parseInfo(json: unknown): Info {
  const parsed = info.safeParse(json);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new PacelineError(
    "engine_error",
    `/info is not of this wire: ${issue?.path.join(".")}: ${issue?.message}`,
    { cause: parsed.error },
  );
}

export function descriptionOf(kind: "embedded" | "simulated", given: Info): EngineDescription {
  if (given.kind !== kind) {
    throw new PacelineError("engine_error", `a ${given.kind} engine answers, not a ${kind} one`);
  }
  const { routedExperts, ...capabilities } = given.capabilities;
  return {
    kind,
    engineVersion: given.engine_version,
    incarnation: given.incarnation,
    model: given.model,
    dtype: given.dtype,
    maxModelLen: given.max_model_len,
    vocabSize: given.vocab_size,
    eosTokenIds: given.eos_token_ids,
    slots: given.slots,
    capabilities: routedExperts === true ? { ...capabilities, routedExperts } : capabilities,
    paused: given.paused,
    asleep: given.asleep,
    held: given.held,
  };
}
