/**
 * Which of the four modes vLLM's logprobs are of, by measurement: torch computes all four for the very tokens that it
 * sampled. `npm run test:interop -- test/interop/vllm/logprob-modes.interop.ts`
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import type { LogprobMode, Sampling } from "../../../server/contract/rollout.ts";
import { type Outcome, requestOf } from "../../conformance/engines/attempt.ts";
import { distance, replay } from "../attestation/replay.ts";
import type { EngineProcess } from "../engines/process.ts";
import { openVllm, VLLM_VERSION, type Vllm } from "../engines/vllm.ts";
import { generated, install, longDeadline } from "./attempts.ts";

/** Largest difference at any token that bfloat16 explains between vLLM's kernels and torch's, nat. */
const SAME = 0.05;

/** Of the 20 that top-k leaves, three may tie with others in bfloat16, in or out: log(23 / 20). */
const FEW = 0.14;
/** Of 64 tokens, those that may lie on a filter's very edge. */
const EDGE = 4;

const SETTINGS: readonly (readonly [string, Partial<Sampling>])[] = [
  ["nothing but temperature 1", {}],
  ["temperature 0.7", { temperature: 0.7 }],
  ["top_p 0.8", { topP: 0.8 }],
  ["top_k 20", { topK: 20 }],
  ["min_p 0.3", { minP: 0.3 }],
  ["presence and frequency penalties", { presencePenalty: 0.5, frequencyPenalty: 0.7 }],
  [
    "all of them",
    { temperature: 0.7, topP: 0.9, topK: 200, presencePenalty: 0.5, frequencyPenalty: 0.3 },
  ],
  ["greedy", { temperature: 0 }],
];

const MODES = ["raw", "penalised", "tempered", "processed"] as const;

for (const [flag, wanted] of [
  ["processed_logprobs", "processed"],
  ["raw_logprobs", "raw"],
] as const) {
  describe(`vLLM ${VLLM_VERSION} with --logprobs-mode ${flag}`, () => {
    let vllm: Vllm;
    let server: EngineProcess;
    const rows: Record<string, Record<LogprobMode, string>> = {};
    before(async () => {
      vllm = await openVllm();
      server = await vllm.start(["--logprobs-mode", flag]);
    });
    after(async () => {
      await server.kill();
      console.table(rows);
    });

    test(`logprobs are ${wanted}, whatever is sampled with`, async () => {
      const engine = createVllmEngine(server.url);
      try {
        const { capabilities } = await engine.probe(longDeadline());
        assert.deepEqual(capabilities.logprobModes, [wanted]);
        await install(engine, 1, vllm.models[0]);
        const made: Outcome[] = [];
        for (const [, sampling] of SETTINGS) {
          made.push(
            await generated(engine, {
              logprobMode: wanted,
              sampling: { maxNewTokens: 64, ...sampling },
            }),
          );
        }
        const prompt = [...requestOf({}).promptTokenIds];
        const told = await replay(
          vllm.python,
          SETTINGS.map(([, sampling], at) => ({
            prompt,
            output: made[at]?.ids ?? [],
            phases: [{ model: vllm.models[0], end: 64 }],
            sampling: wireOf(sampling),
          })),
        );
        for (const [at, [name, sampling]] of SETTINGS.entries()) {
          // A token that rounding puts on the other side of a filter's edge has no logprob in torch.
          const inside = (told[at]?.processed ?? []).map((value) => value > -1e6);
          const edge = inside.filter((one) => !one).length;
          assert.ok(edge <= EDGE, `${name}: torch would never have drawn ${edge} of the tokens`);
          const of = (all: readonly number[] = []): number[] => all.filter((_, i) => inside[i]);
          const apart = Object.fromEntries(
            MODES.map((mode) => [mode, distance(of(made[at]?.logprobs), of(told[at]?.[mode]))]),
          ) as Record<LogprobMode, ReturnType<typeof distance>>;
          rows[name] = Object.fromEntries(
            MODES.map((mode) => [mode, apart[mode].largest.toFixed(4)]),
          ) as Record<LogprobMode, string>;
          const limit = wanted === "processed" && sampling.topK === 20 ? FEW : SAME;
          assert.ok(
            apart[wanted].largest < limit,
            `${name}: ${apart[wanted].largest} from ${wanted}`,
          );
        }
      } finally {
        await engine.close();
      }
    });
  });
}

const wireOf = (sampling: Partial<Sampling>): Record<string, number> => ({
  temperature: sampling.temperature ?? 1,
  top_p: sampling.topP ?? 1,
  top_k: sampling.topK ?? 0,
  min_p: sampling.minP ?? 0,
  presence_penalty: sampling.presencePenalty ?? 0,
  frequency_penalty: sampling.frequencyPenalty ?? 0,
});
