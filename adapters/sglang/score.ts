/** From the answer to a prompt's scoring to its logprobs, each held against the token that it is of. */
import { PacelineError } from "../../server/contract/errors.ts";
import { assertPromptLogprobs, type PromptLogprobs } from "../../server/contract/side-data.ts";
import type { EngineRequest } from "../engine.ts";
import { weightsPolicyOf } from "../lora/name.ts";
import type { Facts } from "./facts.ts";
import { versionOf } from "./label.ts";

export interface Score {
  readonly prompt: PromptLogprobs;
  readonly cachedTokens: number;
}

type Meta = Readonly<Record<string, unknown>>;

/** Throws `engine_error` or `misaligned`. */
export function scoreOf(
  reply: unknown,
  request: Pick<EngineRequest, "promptTokenIds" | "policy" | "adapter">,
  { vocabSize }: Pick<Facts, "vocabSize">,
  start: number,
): Score {
  const { promptTokenIds } = request;
  const meta = ((reply as { meta_info?: unknown } | null)?.meta_info ?? {}) as Meta;
  const {
    input_token_logprobs: listed,
    cached_tokens: cachedTokens,
    weight_versions: spans,
  } = meta;
  if (!Array.isArray(listed)) throw new PacelineError("misaligned", "a prompt without logprobs");
  const entries = start === 0 ? listed : listed.slice(1);
  for (const [index, entry] of entries.entries()) {
    const token = promptTokenIds[start + index] as number;
    // It calls the vocabulary's last id 0 here (seen on 0.5.23), and means it.
    if (entry?.[1] === token || (token === vocabSize - 1 && entry?.[1] === 0)) continue;
    throw new PacelineError("misaligned", `logprobs of another prompt, at token ${start + index}`);
  }
  const logprobs = Float32Array.from(entries, (entry) => entry[0] ?? Number.NaN);
  const label = Array.isArray(spans) ? spans.at(-1)?.version : undefined;
  const version = typeof label === "string" ? versionOf(label, weightsPolicyOf(request)) : null;
  const prompt = { start, logprobs, version };
  assertPromptLogprobs(prompt, promptTokenIds.length);
  return { prompt, cachedTokens: Number.isInteger(cachedTokens) ? (cachedTokens as number) : 0 };
}
