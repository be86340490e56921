/** Dynamo's adapter in the suite, over each of the two routes that its frontend may serve, on a fake. */
import { createDynamoEngine } from "../../../adapters/dynamo/engine.ts";
import { checkpoint } from "../../fakes/core/fake-model.ts";
import type { FaultKind } from "../../fakes/core/fault.ts";
import { type FakeDynamoOptions, startFakeDynamo } from "../../fakes/dynamo/fake-dynamo.ts";
import { completionsConformance } from "./completions-suite.ts";
import type { EngineUnderTest } from "./fixture.ts";

const NATIVE = [
  "temperature",
  "top_p",
  "top_k",
  "min_p",
  "presence_penalty",
  "frequency_penalty",
  "stop_token_ids",
  "min_new_tokens",
  "ignore_eos",
] as const;

/** Nobody tells versions, and values are looked at by the server, where it keeps them. */
const UNTOLD = [
  "versions_back",
  "version_default",
  "version_huge",
  "spans_short",
  "floor_logprob",
] as const;

const under = (
  name: string,
  options: FakeDynamoOptions,
  sampling: EngineUnderTest["capabilities"]["sampling"],
  undetectable: readonly FaultKind[],
  more: Partial<EngineUnderTest["capabilities"]> = {},
): EngineUnderTest => ({
  name,
  counterpart: { engine: "dynamo", against: "fake" },
  async start() {
    const fake = await startFakeDynamo(options);
    const { vocabSize, eosTokenIds } = fake.model.info;
    const weights = { policy: "default", version: 1 };
    const rlUrl = fake.rl === null ? {} : { rlUrl: fake.rl.url };
    const engine = createDynamoEngine(fake.url, {
      facts: { vocabSize, eosTokenIds, logprobMode: "processed", weights, ...rlUrl },
    });
    return {
      engine,
      url: fake.url,
      fault: async (kind, given) => fake.fault(kind, given),
      async stop() {
        await engine.close();
        await fake.close();
      },
    };
  },
  capabilities: {
    logprobModes: ["processed"],
    sampling,
    resume: { seeded: true, penalties: false },
    spans: "none",
    journal: "stream",
    sessionCache: false,
    pause: ["abort"],
    sleep: false,
    weights: { stage: false, proof: "reported" },
    promptLogprobs: false,
    maxTopLogprobs: 0,
    samplingMask: false,
    ...more,
  },
  versions: [checkpoint("step-1"), checkpoint("step-2")],
  manners: {
    // Whose requests wait here while nothing can be asked to stand still, wait at the workers where it can.
    countsHeld: more.pause !== undefined,
    continuesSame: false,
    keepsSteps: false,
    tellsCached: false,
    refusesRunningIds: false,
    swapClearsCache: false,
    undetectable,
  },
});

completionsConformance(under("dynamo /generate", { native: true }, NATIVE, [...UNTOLD, "reorder"]));
completionsConformance(
  under(
    "dynamo /v1/completions",
    { experts: { layers: 4, perToken: 2, dtype: "uint16" } },
    [...NATIVE, "repetition_penalty", "logit_bias", "seed"],
    [...UNTOLD, "reorder", "other_id"],
    { routedExperts: true },
  ),
);
completionsConformance(
  under(
    "dynamo with its workers' control",
    { rl: true },
    [...NATIVE, "repetition_penalty", "logit_bias", "seed"],
    [...UNTOLD, "reorder", "other_id"],
    { pause: ["keep", "abort"] },
  ),
);
