/** TensorRT-LLM's adapter by gRPC in the suite, on a fake: nobody has run it against a real one. */
import { createTrtllmEngine } from "../../../adapters/trtllm/engine.ts";
import { checkpoint } from "../../fakes/core/fake-model.ts";
import { startFakeTrtllmGrpc } from "../../fakes/trtllm/fake-trtllm-grpc.ts";
import { deadline } from "./attempt.ts";
import { completionsConformance } from "./completions-suite.ts";

completionsConformance({
  name: "trtllm gRPC",
  counterpart: { engine: "trtllm", against: "fake" },
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
    logprobModes: ["processed"],
    sampling: [
      "temperature",
      "top_p",
      "top_k",
      "min_p",
      "presence_penalty",
      "frequency_penalty",
      "repetition_penalty",
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
    sleep: false,
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
