/** TensorRT-LLM's adapter in the suite, over each of its two wires, on a fake: nobody has run it against a real one. */
import { createTrtllmEngine } from "../../../adapters/trtllm/engine.ts";
import { checkpoint } from "../../fakes/core/fake-model.ts";
import { startFakeTrtllm } from "../../fakes/trtllm/fake-trtllm.ts";
import { startFakeTrtllmGrpc } from "../../fakes/trtllm/fake-trtllm-grpc.ts";
import { deadline } from "./attempt.ts";
import { completionsConformance } from "./completions-suite.ts";
import type { EngineUnderTest } from "./fixture.ts";

const HTTP: EngineUnderTest = {
  name: "trtllm",
  counterpart: { engine: "trtllm", against: "fake" },
  async start() {
    const fake = await startFakeTrtllm();
    const { vocabSize, maxModelLen, eosTokenIds } = fake.model.info;
    const engine = createTrtllmEngine(fake.url, {
      facts: {
        vocabSize,
        maxModelLen,
        eosTokenIds,
        kvTokens: 8_192,
        maxRunning: 16,
        logprobMode: "processed",
        weights: { policy: "default", version: 1 },
      },
    });
    const { capabilities } = await engine.probe(deadline());
    if (capabilities.logprobModes.length === 0) throw new Error("no logprobs");
    return {
      engine,
      url: fake.url,
      fault: async (kind, options) => fake.fault(kind, options),
      async stop() {
        await engine.close();
        await fake.close();
      },
    };
  },
  capabilities: {
    logprobModes: ["processed"],
    sampling: [
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
    ],
    resume: { seeded: true, penalties: false },
    spans: "none",
    journal: "stream",
    sessionCache: false,
    pause: ["abort"],
    sleep: true,
    weights: { stage: false, proof: "reported" },
    promptLogprobs: false,
    maxTopLogprobs: 0,
    samplingMask: false,
  },
  versions: [checkpoint("step-1"), checkpoint("step-2")],
  manners: {
    countsHeld: false,
    keepsSteps: false,
    tellsCached: false,
    refusesRunningIds: false,
    swapClearsCache: false,
    undetectable: [
      // Its replies name no request, deltas have no positions, and nobody tells versions.
      "other_id",
      "reorder",
      "versions_back",
      "version_default",
      "version_huge",
      "spans_short",
      // Values are looked at by the server, where it keeps them.
      "floor_logprob",
    ],
  },
};

completionsConformance(HTTP);
completionsConformance({
  ...HTTP,
  name: "trtllm gRPC",
  async start() {
    const fake = await startFakeTrtllmGrpc();
    const { eosTokenIds } = fake.model.info;
    const engine = createTrtllmEngine(fake.url, {
      facts: {
        eosTokenIds,
        kvTokens: 8_192,
        logprobMode: "processed",
        weights: { policy: "default", version: 1 },
      },
    });
    await engine.probe(deadline());
    return {
      engine,
      url: fake.url,
      fault: async (kind, options) => fake.fault(kind, options),
      async stop() {
        await engine.close();
        await fake.close();
      },
    };
  },
  capabilities: {
    ...HTTP.capabilities,
    sampling: HTTP.capabilities.sampling.filter((one) => one !== "logit_bias"),
    sleep: false,
  },
  manners: {
    ...HTTP.manners,
    undetectable: [
      // Nobody tells versions.
      "versions_back",
      "version_default",
      "version_huge",
      "spans_short",
      // One that is absent is 0 on this wire; others are looked at by the server, where it keeps them.
      "null_logprob",
      "floor_logprob",
    ],
  },
});
