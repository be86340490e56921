/** What of an engine's description comes from its operator, since no call of the engine tells it. */

import type { EngineFacts } from "../../server/contract/engine-facts.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import type { HeldReport } from "../../server/contract/policy.ts";
import type { LogprobMode } from "../../server/contract/rollout.ts";

export interface KnownFacts {
  readonly maxModelLen: number;
  readonly vocabSize: number;
  readonly kvTokens: number;
  readonly maxRunning: number;
  readonly dtype: string;
  readonly eosTokenIds: readonly number[];
  readonly logprobModes: readonly LogprobMode[];
  readonly held: readonly HeldReport[];
}

/** `told`: what the engine says itself, which goes first. Throws `invalid_argument` naming the setting that lacks. */
export function knownFacts(
  engine: "trtllm" | "dynamo",
  facts: EngineFacts,
  told: Partial<Pick<KnownFacts, "maxModelLen" | "vocabSize" | "kvTokens" | "maxRunning">> = {},
): KnownFacts {
  const must = (value: number | undefined, name: string): number => {
    if (value !== undefined && value > 0) return value;
    const path = `engine_facts.${engine}.${name}`;
    throw new PacelineError(
      "invalid_argument",
      `${engine} does not tell its ${name}: set ${path}`,
      {
        details: { path },
      },
    );
  };
  return {
    maxModelLen: must(told.maxModelLen ?? facts.maxModelLen, "max_model_len"),
    vocabSize: must(told.vocabSize ?? facts.vocabSize, "vocab_size"),
    kvTokens: must(told.kvTokens ?? facts.kvTokens, "kv_tokens"),
    maxRunning: must(told.maxRunning ?? facts.maxRunning, "max_running"),
    dtype: facts.dtype ?? "unknown",
    eosTokenIds: facts.eosTokenIds ?? [],
    logprobModes: facts.logprobMode === undefined ? [] : [facts.logprobMode],
    held: knownHeld(facts),
  };
}

export const knownHeld = ({ weights }: EngineFacts): readonly HeldReport[] =>
  weights === undefined ? [] : [{ ...weights, load: 0, digest: null }];
