/** SGLang's `sampling_params` as the contract's `sampling`, with SGLang's defaults where they differ. */
import { z } from "zod";
import { LIMITS } from "../../../limits.ts";
import { check, invalid } from "../../codec/invalid.ts";

/** What of the sampling parameters is about the reply. */
export interface SamplingWish {
  readonly skipSpecialTokens: boolean;
  /** The stop that matched stays in the text. */
  readonly keepStop: boolean;
  /** slime's replay of top-p: which ids were left to draw from. */
  readonly samplingMask: boolean;
}

export interface NativeSampling extends SamplingWish {
  readonly sampling: Readonly<Record<string, unknown>>;
  /** Samples of each prompt. */
  readonly n: number;
}

/** Of SGLang, where a caller says nothing. */
const MAX_NEW_TOKENS = 128;

/** The same name, meaning and default on both sides. */
const SAME = [
  "min_new_tokens",
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "frequency_penalty",
  "presence_penalty",
  "repetition_penalty",
  "stop_token_ids",
  "ignore_eos",
  "logit_bias",
] as const;

const STRUCTURED = ["json_schema", "regex", "ebnf", "structural_tag"] as const;

const OWN = z.looseObject({
  max_new_tokens: z.number().nullish(),
  n: z.number().int().min(1).max(LIMITS.groupSize).nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  sampling_seed: z.number().nullish(),
  skip_special_tokens: z.boolean().nullish(),
  spaces_between_special_tokens: z.boolean().nullish(),
  no_stop_trim: z.boolean().nullish(),
  stream_interval: z.number().nullish(),
  custom_params: z.looseObject({ return_top_p_token_ids: z.boolean().nullish() }).nullish(),
});

const KNOWN = new Set<string>([...SAME, ...STRUCTURED, ...Object.keys(OWN.shape)]);

/** Throws `invalid_argument`; what is wrong within the contract's own fields is found by its decoder. */
export function nativeSampling(given: Readonly<Record<string, unknown>>): NativeSampling {
  const own = inParams(given);
  const { return_top_p_token_ids: mask, ...custom } = own.custom_params ?? {};
  const engine: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(given)) {
    if (!KNOWN.has(name) && value !== null) engine[name] = value;
  }
  if (Object.keys(custom).length > 0) engine["custom_params"] = custom;
  const structured = STRUCTURED.filter((name) => (given[name] ?? null) !== null);
  const [kind, other] = structured;
  if (other !== undefined) {
    throw invalid(`sampling_params.${other}`, `goes not together with ${kind}`);
  }
  const sampling: Record<string, unknown> = {
    max_new_tokens: own.max_new_tokens ?? MAX_NEW_TOKENS,
    ...(own.sampling_seed == null ? {} : { seed: own.sampling_seed }),
    ...(own.stop == null ? {} : { stop: typeof own.stop === "string" ? [own.stop] : own.stop }),
    ...(kind === undefined ? {} : { structured: { [kind]: given[kind] } }),
    ...(Object.keys(engine).length === 0 ? {} : { engine }),
  };
  for (const name of SAME) if ((given[name] ?? null) !== null) sampling[name] = given[name];
  return {
    sampling,
    n: own.n ?? 1,
    skipSpecialTokens: own.skip_special_tokens ?? true,
    keepStop: own.no_stop_trim ?? false,
    samplingMask: mask ?? false,
  };
}

function inParams(given: Readonly<Record<string, unknown>>): z.output<typeof OWN> {
  const wrapped = check(z.object({ sampling_params: OWN }), { sampling_params: given });
  return wrapped.sampling_params;
}
