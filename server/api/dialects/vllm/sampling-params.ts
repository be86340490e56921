/**
 * vLLM's `SamplingParams`, in which its generate route and its OpenAI routes agree: names become the contract's, what
 * only changes text is left to whoever writes text, and what nobody here honours is refused (I6). vLLM ignores names that
 * it does not know and trainers rely on that: those are ignored here too, and told (`ignored`).
 */
import { PacelineError } from "../../../contract/errors.ts";
import { invalid } from "../../codec/invalid.ts";

/** vLLM's name → the contract's. */
const RENAMED = {
  max_tokens: "max_new_tokens",
  min_tokens: "min_new_tokens",
  temperature: "temperature",
  top_p: "top_p",
  top_k: "top_k",
  min_p: "min_p",
  presence_penalty: "presence_penalty",
  frequency_penalty: "frequency_penalty",
  repetition_penalty: "repetition_penalty",
  stop: "stop",
  stop_token_ids: "stop_token_ids",
  ignore_eos: "ignore_eos",
  seed: "seed",
  logit_bias: "logit_bias",
  allowed_token_ids: "allowed_token_ids",
  bad_words: "bad_words",
  structured_outputs: "structured",
} as const;

/** Read by the routes themselves, or without any meaning for tokens and their logprobs. */
const READ_ELSEWHERE: ReadonlySet<string> = new Set([
  "n",
  "logprobs",
  "prompt_logprobs",
  "cache_salt",
  "priority",
  "detokenize",
  "skip_special_tokens",
  "spaces_between_special_tokens",
  "include_stop_str_in_output",
  // How vLLM stores logprobs and how often it streams: neither changes what is answered.
  "flat_logprobs",
  "stream_interval",
  // The client's own cut of routing rows, sent whether or not the server returns any; read where it does.
  "routed_experts_prompt_start",
]);

/** Would change what is sampled or answered, and no engine adapter can ask for it; with the value that means "off". */
const REFUSED: Readonly<Record<string, unknown>> = {
  best_of: 1,
  use_beam_search: false,
  logprob_token_ids: null,
  prompt_logprob_token_ids: null,
  prompt_logprob_start: null,
  thinking_token_budget: null,
  repetition_detection: null,
  trace_decode_token_ids: null,
  skip_reading_prefix_cache: false,
  truncate_prompt_tokens: null,
};

/** What of them is text, for routes that answer text. */
export interface TextRule {
  readonly skipSpecial: boolean;
  readonly includeStop: boolean;
}

export interface SamplingAsked {
  /** The contract's `sampling`, values unchecked. */
  readonly wire: Readonly<Record<string, unknown>>;
  readonly n: number;
  /** Entries at each output position, the sampled one among them; null: none wanted. */
  readonly logprobs: number | null;
  readonly promptLogprobs: boolean;
  readonly text: TextRule;
  /** Names that nobody knows. */
  readonly ignored: readonly string[];
}

type Given = Readonly<Record<string, unknown>>;

/**
 * `at`: where in the body they stand (`sampling_params.`, or empty). Throws `invalid_argument` and `unsupported` with the
 * path in the dialect's body.
 */
export function samplingAsked(given: Given, at: string): SamplingAsked {
  const wire: Record<string, unknown> = {};
  const ignored: string[] = [];
  for (const [name, value] of Object.entries(given)) {
    if (Object.hasOwn(RENAMED, name)) {
      wire[RENAMED[name as keyof typeof RENAMED]] = value;
    } else if (Object.hasOwn(REFUSED, name)) {
      if (value !== null && value !== REFUSED[name]) throw unsupported(`${at}${name}`);
    } else if (!READ_ELSEWHERE.has(name)) ignored.push(`${at}${name}`);
  }
  if (typeof wire["stop"] === "string") wire["stop"] = wire["stop"] === "" ? [] : [wire["stop"]];
  const prompt = countOf(given, "prompt_logprobs", at);
  // Real engines answer k alternatives beside each token of the prompt; ours know the tokens' own alone.
  if (prompt !== null && prompt > 1) throw unsupported(`${at}prompt_logprobs`, "at most 1");
  return {
    wire,
    n: countOf(given, "n", at, 1) ?? 1,
    logprobs: countOf(given, "logprobs", at),
    promptLogprobs: prompt !== null,
    text: {
      skipSpecial: given["skip_special_tokens"] !== false,
      includeStop: given["include_stop_str_in_output"] === true,
    },
    ignored,
  };
}

/** The path of the dialect's body for one of the contract's. */
export function dialectPath(path: string, paths: { prompt: string; params: string }): string {
  if (path.startsWith("prompt_token_ids")) return paths.prompt + path.slice(16);
  if (path === "size") return `${paths.params}n`;
  if (path === "want.routed_experts_start") return `${paths.params}routed_experts_prompt_start`;
  if (path === "want.top_logprobs") return `${paths.params}logprobs`;
  if (path.startsWith("want.prompt_logprobs")) return `${paths.params}prompt_logprobs`;
  if (!path.startsWith("sampling.")) return path;
  const name = path.slice(9);
  for (const [theirs, ours] of Object.entries(RENAMED)) {
    if (name === ours || name.startsWith(`${ours}[`) || name.startsWith(`${ours}.`)) {
      return `${paths.params}${theirs}${name.slice(ours.length)}`;
    }
  }
  return `${paths.params}${name}`;
}

/** vLLM's `-1` (the whole vocabulary) is a count like any other that no engine can honour. */
function countOf(given: Given, name: string, at: string, least = 0): number | null {
  const value = given[name];
  if (value === undefined || value === null) return null;
  if (value === -1) throw unsupported(`${at}${name}`, "the whole vocabulary is not answered");
  if (typeof value !== "number" || !Number.isInteger(value) || value < least) {
    throw invalid(`${at}${name}`, `must be a whole number from ${least} on`);
  }
  return value;
}

export const unsupported = (path: string, why = "not served here"): PacelineError =>
  new PacelineError("unsupported", `${path}: ${why}`, { details: { path } });
