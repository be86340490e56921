/**
 * Which of the four modes vLLM's logprobs are of, by measurement: torch computes all four for the very tokens that it
 * sampled. `npm run test:interop -- test/interop/vllm/logprob-modes.interop.ts`
 */
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import type { Engine } from "../../../adapters/engine.ts";
import { createVllmEngine } from "../../../adapters/vllm/engine.ts";
import type { LogprobMode, Sampling } from "../../../server/contract/rollout.ts";
import { type Outcome, requestOf } from "../../conformance/engines/attempt.ts";
import { Witness } from "../../conformance/witness.ts";
import { distance, replay } from "../attestation/replay.ts";
import type { EngineProcess } from "../engines/process.ts";
import { openVllm, VLLM_VERSION, type Vllm } from "../engines/vllm.ts";
import { generated, install, longDeadline } from "./attempts.ts";

/** Largest difference at any token that bfloat16 explains between vLLM's kernels and torch's, nat. */
const SAME = 0.05;

/** Of what top-k leaves, some tie with others in bfloat16, in or out: three of 20 are log(23 / 20). */
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

/** What was drawn with one of the settings, and what torch says of it. */
interface Measured {
  /** Tokens that torch would never have drawn: rounding puts them on the other side of a filter's edge. */
  readonly edge: number;
  /** At any other token, nat. */
  readonly apart: Readonly<Record<LogprobMode, number>>;
}

async function measured(vllm: Vllm, engine: Engine, mode: LogprobMode): Promise<Measured[]> {
  const made: Outcome[] = [];
  for (const [, sampling] of SETTINGS) {
    const wish = { logprobMode: mode, sampling: { maxNewTokens: 64, ...sampling } };
    made.push(await generated(engine, wish));
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
  return made.map(({ logprobs }, at) => {
    const inside = (told[at]?.processed ?? []).map((value) => value > -1e6);
    const of = (all: readonly number[] = []): number[] => all.filter((_, i) => inside[i]);
    const apart = Object.fromEntries(
      MODES.map((one) => [one, distance(of(logprobs), of(told[at]?.[one])).largest]),
    ) as Record<LogprobMode, number>;
    return { edge: inside.filter((one) => !one).length, apart };
  });
}

for (const [flag, wanted] of [
  ["processed_logprobs", "processed"],
  ["raw_logprobs", "raw"],
] as const) {
  describe(`vLLM ${VLLM_VERSION} with --logprobs-mode ${flag}`, () => {
    const witness = new Witness(
      { engine: "vllm", against: "real", version: VLLM_VERSION },
      `logprob modes, ${flag}`,
    );
    let server: EngineProcess;
    let rows: readonly Measured[] = [];
    before(async () => {
      const vllm = await openVllm();
      server = await vllm.start(["--logprobs-mode", flag]);
      const engine = createVllmEngine(server.url);
      try {
        const { capabilities } = await engine.probe(longDeadline());
        assert.deepEqual(capabilities.logprobModes, [wanted]);
        await install(engine, 1, vllm.models[0]);
        rows = await measured(vllm, engine, wanted);
      } finally {
        await engine.close();
      }
    });
    after(async () => {
      await server.kill();
      console.table(
        Object.fromEntries(
          rows.map(({ edge, apart }, at) => [
            SETTINGS[at]?.[0],
            { ...Object.fromEntries(MODES.map((mode) => [mode, apart[mode].toFixed(4)])), edge },
          ]),
        ),
      );
    });

    for (const [at, [name, sampling]] of SETTINGS.entries()) {
      witness.test(`sampled with ${name}, logprobs are ${wanted}`, async () => {
        const { edge, apart } = rows[at] as Measured;
        assert.ok(edge <= EDGE, `torch would never have drawn ${edge} of the tokens`);
        const limit = wanted === "processed" && sampling.topK !== undefined ? FEW : SAME;
        assert.ok(apart[wanted] < limit, `${apart[wanted]} from ${wanted}`);
      });
    }
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
