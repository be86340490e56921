/** Sampling parameters: defaults, the two limits made one, and contradictions refused. */
import type { Continuation, SamplingRule, Want } from "../../contract/rollout.ts";
import type { WireRollout } from "../../contract/schema-rollout.ts";
import { LIMITS } from "../../limits.ts";
import { invalid } from "./invalid.ts";
import { equalBy, equalLists, Shared } from "./shared.ts";

/** What most leave out, shared: 100,000 rollouts may wait. */
const NONE: readonly never[] = [];
const NO_BIAS: ReadonlyMap<number, number> = new Map();
const NO_PARAMETERS: Readonly<Record<string, never>> = {};

const RULES = new Shared<SamplingRule>(
  equalBy({
    maxNewTokens: true,
    minNewTokens: true,
    temperature: true,
    topP: true,
    topK: true,
    minP: true,
    presencePenalty: true,
    frequencyPenalty: true,
    repetitionPenalty: true,
    stopTokenIds: true,
    stop: true,
    ignoreEos: true,
    logitBias: true,
    allowedTokenIds: true,
    badWords: true,
    structured: true,
    engine: true,
  }),
);
const FEW_IDS = new Shared<readonly number[]>(equalLists);
/** Longer lists are not compared. */
const FEW = 16;

function idsOf(given: ArrayLike<number> | null | undefined): readonly number[] {
  if (given == null || given.length === 0) return NONE;
  const ids = Array.from(given);
  return ids.length > FEW ? ids : FEW_IDS.of(ids);
}

export function samplingFromWire(
  wire: WireRollout,
  continueFrom: Continuation | null,
  want: Want,
): SamplingRule {
  const given = wire.sampling;
  const maxNewTokens = limitOf(wire);
  const minNewTokens = given.min_new_tokens ?? 0;
  if (minNewTokens > maxNewTokens) {
    throw invalid("sampling.min_new_tokens", `${minNewTokens} of at most ${maxNewTokens} tokens`);
  }
  if (maxNewTokens === 0 && want.promptLogprobs === null) {
    throw invalid("sampling.max_new_tokens", "0 scores the prompt and needs want.prompt_logprobs");
  }
  const existing = continueFrom?.outputTokenIds.length ?? 0;
  if (continueFrom !== null && existing >= maxNewTokens) {
    throw invalid(
      "continue.output_token_ids",
      `hold ${existing} of at most ${maxNewTokens} tokens`,
    );
  }
  return RULES.of({
    maxNewTokens,
    minNewTokens,
    temperature: given.temperature ?? 1,
    topP: given.top_p ?? 1,
    topK: Math.max(0, given.top_k ?? 0),
    minP: given.min_p ?? 0,
    presencePenalty: given.presence_penalty ?? 0,
    frequencyPenalty: given.frequency_penalty ?? 0,
    repetitionPenalty: given.repetition_penalty ?? 1,
    stopTokenIds: idsOf(given.stop_token_ids),
    stop: given.stop ?? NONE,
    ignoreEos: given.ignore_eos ?? false,
    logitBias: given.logit_bias == null ? NO_BIAS : biasOf(given.logit_bias),
    allowedTokenIds: idsOf(given.allowed_token_ids),
    badWords: given.bad_words ?? NONE,
    structured: given.structured ?? null,
    engine: given.engine ?? NO_PARAMETERS,
  });
}

/** The smaller of `max_new_tokens` and what `max_total_tokens` leaves beside the prompt. */
function limitOf(wire: WireRollout): number {
  const { max_new_tokens: most, max_total_tokens: total } = wire.sampling;
  const prompt = wire.prompt_token_ids.length;
  if ((total ?? null) === null) {
    if ((most ?? null) !== null) return most as number;
    throw invalid(
      "sampling.max_new_tokens",
      "max_new_tokens or max_total_tokens is required: no engine's silent default is used",
    );
  }
  const room = (total as number) - prompt;
  if (room < 0 || (room === 0 && most !== 0)) {
    throw invalid(
      "sampling.max_total_tokens",
      `leaves no room beside a prompt of ${prompt} tokens`,
    );
  }
  return Math.min(most ?? LIMITS.outputTokens, room);
}

function biasOf(bias: Readonly<Record<string, number>>): ReadonlyMap<number, number> {
  const entries = Object.entries(bias).map(([token, add]): [number, number] => [
    Number(token),
    add,
  ]);
  return new Map(entries.sort(([a], [b]) => a - b));
}
