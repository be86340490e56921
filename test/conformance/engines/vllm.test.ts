/** vLLM's adapter against the fake; `test/interop` runs the same table against the real one. */
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import type { Capabilities } from "../../../server/contract/worker.ts";
import { checkpoint } from "../../fakes/core/fake-model.ts";
import { startFakeVllm } from "../../fakes/vllm/fake-vllm.ts";
import type { FakeVllmOptions } from "../../fakes/vllm/state.ts";
import { engineConformance, engineFaults } from "./engine-conformance.ts";
import type { EngineUnderTest, Manners } from "./fixture.ts";
import { VLLM_MANNERS } from "./manners.ts";

const CAPABILITIES: Capabilities = {
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
    "allowed_token_ids",
  ],
  resume: { seeded: true, penalties: false },
  spans: "end",
  journal: "stream",
  sessionCache: false,
  pause: ["keep", "retract", "abort"],
  sleep: true,
  weights: { stage: false, proof: "receipt" },
  promptLogprobs: true,
  maxTopLogprobs: 19,
  samplingMask: false,
};

const vllm = (
  name: string,
  options: FakeVllmOptions,
  capabilities: Capabilities,
  manners: Manners = VLLM_MANNERS,
): EngineUnderTest => ({
  name,
  counterpart: { engine: "vllm", against: "fake" },
  async start() {
    const fake = await startFakeVllm(options);
    const engine = createVllmEngine(fake.url);
    return {
      engine,
      url: fake.url,
      fault: async (kind, more) => fake.fault(kind, more),
      async stop() {
        await engine.close();
        await fake.close();
      },
    };
  },
  capabilities,
  versions: [checkpoint("step-1"), checkpoint("step-2")],
  manners,
});

engineConformance(
  vllm(
    "vllm",
    // More bytes than an event of the stream may have otherwise.
    { maxLoras: 2, experts: { layers: 48, perToken: 64, dtype: "uint16" } },
    {
      ...CAPABILITIES,
      weights: { ...CAPABILITIES.weights, adapters: 2 },
      routedExperts: true,
    },
  ),
);
engineConformance(
  vllm(
    "vllm, raw logprobs",
    { logprobsMode: "raw_logprobs", sleepMode: false, promptTokensDetails: false },
    { ...CAPABILITIES, logprobModes: ["raw"], sleep: false },
    { ...VLLM_MANNERS, tellsCached: false },
  ),
  "side data",
);
engineConformance(
  vllm(
    "vllm, sampling masks",
    { samplingMask: true, experts: { layers: 3, perToken: 2, dtype: "uint8" } },
    { ...CAPABILITIES, samplingMask: true, routedExperts: true },
  ),
  "side data",
);
engineFaults(vllm("vllm", {}, CAPABILITIES));
