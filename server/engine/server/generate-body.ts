/** `POST /generate`: from JSON to what the core takes. Everything that could hurt it is refused here. */
import { z } from "zod";
import type { GenerateBody } from "../../../adapters/embedded/wire.ts";
import { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import type { CoreRequest } from "../core.ts";

const token = z.int().min(0).max(0xffff_ffff);
const count = z.int().min(0).max(LIMITS.outputTokens);

const sampling = z.strictObject({
  max_new_tokens: count,
  min_new_tokens: count,
  temperature: z.number().min(0),
  top_p: z.number().gt(0).max(1),
  top_k: z.int().min(-1),
  min_p: z.number().min(0).max(1),
  presence_penalty: z.number(),
  frequency_penalty: z.number(),
  repetition_penalty: z.number().gt(0),
  stop_token_ids: z.array(token).max(LIMITS.stopTokenIds),
  ignore_eos: z.boolean(),
  seed: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  logit_bias: z.array(z.tuple([token, z.number()])).max(LIMITS.logitBiasEntries),
  allowed_token_ids: z.string().optional(),
  // Twice: a word is banned with and without a space before it.
  bad_words: z
    .array(z.array(token).min(1).max(LIMITS.badWordTokens))
    .max(2 * LIMITS.badWords)
    .optional(),
});

const body = z.strictObject({
  request_id: z.string().min(1).max(LIMITS.idChars),
  policy: z.string().min(1).max(LIMITS.idChars),
  prompt_token_ids: z.string(),
  output_token_ids: z.string(),
  sampling,
  sibling_index: z.int().min(0).max(LIMITS.groupSize),
  logprob_mode: z.enum(["processed", "tempered", "penalised", "raw"]),
  cache_namespace: z.string().max(4 * LIMITS.idChars),
  cache_carried: z.boolean().optional(),
  priority: z.int(),
  prompt_logprobs: z.int().min(0).max(LIMITS.promptTokens).optional(),
  top_logprobs: z.int().min(1).max(LIMITS.topLogprobs).optional(),
  sampling_mask: z.boolean().optional(),
  routed_experts: z.int().min(0).max(LIMITS.promptTokens).optional(),
  stream_interval: z.int().min(1).max(LIMITS.outputTokens).optional(),
});

export interface GenerateCall {
  readonly policy: string;
  readonly streamInterval: number | null;
  readonly request: CoreRequest;
}

/** Throws `invalid_argument` with the field's path. */
export function parseGenerateBody(json: unknown): GenerateCall {
  const parsed = body.safeParse(json);
  if (!parsed.success) throw invalid(parsed.error);
  const given: GenerateBody = parsed.data as GenerateBody;
  const s = given.sampling;
  return {
    policy: given.policy,
    streamInterval: given.stream_interval ?? null,
    request: {
      id: given.request_id,
      promptTokenIds: tokenIds("prompt_token_ids", given.prompt_token_ids),
      outputTokenIds: tokenIds("output_token_ids", given.output_token_ids),
      sampling: {
        maxNewTokens: s.max_new_tokens,
        minNewTokens: s.min_new_tokens,
        temperature: s.temperature,
        topP: s.top_p,
        topK: Math.max(0, s.top_k),
        minP: s.min_p,
        presencePenalty: s.presence_penalty,
        frequencyPenalty: s.frequency_penalty,
        repetitionPenalty: s.repetition_penalty,
        stopTokenIds: s.stop_token_ids,
        ignoreEos: s.ignore_eos,
        seed: s.seed,
        logitBias: s.logit_bias,
        allowedTokenIds:
          s.allowed_token_ids === undefined
            ? []
            : Array.from(tokenIds("allowed_token_ids", s.allowed_token_ids)),
        badWords: s.bad_words ?? [],
      },
      siblingIndex: given.sibling_index,
      logprobMode: given.logprob_mode,
      cacheNamespace: given.cache_namespace,
      cacheCarried: given.cache_carried ?? false,
      priority: given.priority,
      side: sideOf(given),
    },
  };
}

/** Most requests want nothing. */
function sideOf(given: GenerateBody): CoreRequest["side"] {
  const { prompt_logprobs: start, top_logprobs: topLogprobs = 0, sampling_mask: mask } = given;
  const samplingMask = mask === true;
  const { routed_experts: experts } = given;
  const routedExperts = experts === undefined ? null : { start: experts };
  if (start === undefined && topLogprobs === 0 && !samplingMask && routedExperts === null)
    return null;
  const promptLogprobs = start === undefined ? null : { start };
  return { promptLogprobs, topLogprobs, samplingMask, routedExperts };
}

/** Decodes base64 of little-endian u32; the fresh buffer is aligned, so its bytes are the array. */
function tokenIds(path: string, text: string): Uint32Array {
  let bytes: Uint8Array<ArrayBuffer>;
  try {
    bytes = Uint8Array.fromBase64(text);
  } catch (error) {
    throw new PacelineError("invalid_argument", `${path} is not base64`, {
      details: { path },
      cause: error,
    });
  }
  if (bytes.length % 4 !== 0) {
    throw new PacelineError("invalid_argument", `${path} is not an array of u32`, {
      details: { path },
    });
  }
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
}

export function invalid(error: z.ZodError): PacelineError {
  const issue = error.issues[0];
  const path = issue === undefined ? "" : issue.path.join(".");
  const message = issue === undefined ? "malformed" : issue.message;
  return new PacelineError("invalid_argument", path === "" ? message : `${path}: ${message}`, {
    details: { path },
  });
}
