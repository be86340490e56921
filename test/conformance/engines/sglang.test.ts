/** SGLang's adapter against the fake; `test/interop` runs the same table against the real one. */
import { createSglangEngine } from "../../../adapters/sglang/engine.ts";
import type { Capabilities } from "../../../server/contract/worker.ts";
import { checkpoint } from "../../fakes/core/fake-model.ts";
import { startFakeSglang } from "../../fakes/sglang/fake-sglang.ts";
import type { FakeSglangOptions } from "../../fakes/sglang/state.ts";
import { engineConformance, engineFaults } from "./engine-conformance.ts";
import type { EngineUnderTest } from "./fixture.ts";
import { SGLANG_MANNERS } from "./manners.ts";

const CAPABILITIES: Capabilities = {
  logprobModes: ["tempered"],
  sampling: [
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "stop_token_ids",
    "min_new_tokens",
    "ignore_eos",
  ],
  resume: { seeded: true, penalties: false },
  spans: "end",
  journal: "stream",
  sessionCache: false,
  pause: ["keep", "retract", "abort"],
  sleep: false,
  weights: { stage: false, proof: "receipt", checksum: true },
  promptLogprobs: true,
  maxTopLogprobs: 128,
  samplingMask: true,
};

const DETERMINISTIC: Capabilities = {
  ...CAPABILITIES,
  sampling: [
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "stop_token_ids",
    "min_new_tokens",
    "ignore_eos",
  ],
  sleep: true,
  weights: { ...CAPABILITIES.weights, checksum: false, adapters: 2 },
};

const sglang = (
  name: string,
  options: FakeSglangOptions,
  capabilities: Capabilities,
): EngineUnderTest => ({
  name,
  counterpart: { engine: "sglang", against: "fake" },
  async start() {
    const fake = await startFakeSglang(options);
    const engine = createSglangEngine(fake.url);
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
  manners: SGLANG_MANNERS,
});

engineConformance(
  sglang(
    "sglang, cumulative",
    { experts: { layers: 12, perToken: 64 } },
    { ...CAPABILITIES, routedExperts: true },
  ),
  "side data",
);
engineConformance(
  sglang(
    "sglang, incremental and deterministic",
    { incremental: true, deterministic: true, memorySaver: true, lora: true },
    DETERMINISTIC,
  ),
);
// Seeded: of greedy tokens the adapter needs no logprob from the engine. The fallback for cumulative streams is read likewise.
engineFaults(
  sglang("sglang, incremental", { deterministic: true, incremental: true }, CAPABILITIES),
);
