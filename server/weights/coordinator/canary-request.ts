/**
 * Asks an engine for its canary: the checksum of what it holds, where it shows one; else how likely it finds fixed prompts
 * under it.
 */
import type { Engine, EngineRequest } from "../../../adapters/engine.ts";
import type { Random } from "../../contract/clock.ts";
import { PacelineError } from "../../contract/errors.ts";
import type { Sampling } from "../../contract/rollout.ts";
import type { EngineDescription } from "../../contract/worker.ts";
import type { Canary } from "./core/external-events.ts";

export type AskCanary = (
  engine: Engine,
  description: EngineDescription,
  asked: Pick<EngineRequest, "policy" | "adapter">,
  signal: AbortSignal,
) => Promise<Canary>;

/** Few enough to cost milliseconds, many enough that each layer and most experts are touched. */
const PROMPTS = 4;
const PROMPT_TOKENS = 48;

const SCORE_ONLY: Sampling = {
  maxNewTokens: 0,
  minNewTokens: 0,
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  stopTokenIds: [],
  stop: [],
  ignoreEos: true,
  seed: 0,
  logitBias: new Map(),
  allowedTokenIds: [],
  badWords: [],
  structured: null,
  engine: {},
};

export function createAskCanary(random: Random): AskCanary {
  return async (engine, description, asked, signal) => {
    const { weights } = engine;
    const { checksum } = description.capabilities.weights;
    // It says nothing of adapters.
    if (asked.adapter === undefined && checksum === true && weights?.checksum !== undefined) {
      const { value, layout } = await weights.checksum(signal);
      return { checksum: value, layout };
    }
    const canary: number[] = [];
    for (let index = 0; index < PROMPTS; index++) {
      // Fresh names: nothing cached may answer, and no two requests be taken for one.
      const name = `canary-${random.u32().toString(16)}-${index}`;
      const promptTokenIds = promptOf(index, description);
      const events = engine.generate(
        {
          traceparent: null,
          requestId: name,
          ...asked,
          slot: 0,
          promptTokenIds,
          outputTokenIds: new Uint32Array(0),
          sampling: SCORE_ONLY,
          badWords: [],
          siblingIndex: 0,
          logprobMode: "raw",
          cacheNamespace: name,
          cacheCarried: false,
          priority: 0,
          watched: () => false,
          side: { promptLogprobs: { start: 1 }, topLogprobs: 0, samplingMask: false },
        },
        signal,
      );
      let scored = 0;
      for await (const event of events) {
        if (event.type !== "prompt") continue;
        scored += event.prompt.logprobs.length;
        canary.push(...event.prompt.logprobs);
      }
      if (scored !== promptTokenIds.length - 1) {
        throw new PacelineError("misaligned", `the canary has ${scored} logprobs`);
      }
    }
    return canary;
  };
}

/** The same ids for all engines of one vocabulary; spread over it by a multiplicative hash. */
function promptOf(index: number, { vocabSize, maxModelLen }: EngineDescription): Uint32Array {
  const length = Math.min(PROMPT_TOKENS, maxModelLen - 1);
  return Uint32Array.from({ length }, (_, at) => {
    const mixed = Math.imul(index * PROMPT_TOKENS + at + 1, 0x9e3779b1) >>> 0;
    return mixed % vocabSize;
  });
}
