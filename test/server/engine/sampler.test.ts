import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { LogprobMode } from "../../../server/contract/rollout.ts";
import { alternatives } from "../../../server/engine/alternatives.ts";
import type { CoreSampling } from "../../../server/engine/core.ts";
import { uniformAt } from "../../../server/engine/philox.ts";
import { createSampler } from "../../../server/engine/sampler.ts";
import { createTokenCounts } from "../../../server/engine/token-counts.ts";
import { seededRandom, testSeed } from "../../support/seeded-random.ts";
import { SAMPLING } from "./core-run.ts";

const MODES: readonly LogprobMode[] = ["raw", "penalised", "tempered", "processed"];
const EOS = 3;

interface Case {
  readonly logits: readonly number[];
  readonly sampling?: Partial<CoreSampling>;
  readonly prompt?: readonly number[];
  readonly output?: readonly number[];
}

function distributionOf({ logits, sampling, prompt = [], output = [] }: Case) {
  const full = { ...SAMPLING, ignoreEos: false, ...sampling };
  const counts = createTokenCounts(
    full,
    logits.length,
    Uint32Array.from(prompt),
    Uint32Array.from(output),
  );
  return createSampler(logits.length, [EOS]).distribution({
    logits: Float32Array.from(logits),
    sampling: full,
    position: output.length,
    counts,
    output: Uint32Array.from(output),
  });
}

/** Probabilities as each mode's logprobs tell them. */
const probabilities = (of: Case, mode: LogprobMode): number[] => {
  const distribution = distributionOf(of);
  return of.logits.map((_, id) => Math.exp(distribution.logprob(id, mode)));
};

const softmax = (logits: readonly number[]): number[] => {
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
  return logits.map((logit) => Math.exp(logit) / total);
};

function assertNear(actual: readonly number[], expected: readonly number[], what: string): void {
  for (const [id, value] of expected.entries()) {
    assert.ok(
      Math.abs((actual[id] ?? Number.NaN) - value) < 1e-7,
      `${what}: [${actual}], not [${expected}]`,
    );
  }
}

const NONE = Number.NEGATIVE_INFINITY;
/** Logits of the probabilities 0.4, 0.3, 0.15, 0.1, 0.05. */
const P = [0.4, 0.3, 0.15, 0.1, 0.05];
const LOGITS = P.map(Math.log);

describe("each step changes its own mode and those after it", () => {
  const renormalised = (weights: readonly number[]): number[] => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  };
  const cases: readonly [string, Case, { [mode in LogprobMode]?: readonly number[] }][] = [
    [
      "nothing on: all four are the softmax",
      { logits: [1, -2, 0.5, 3] },
      {
        raw: softmax([1, -2, 0.5, 3]),
        penalised: softmax([1, -2, 0.5, 3]),
        tempered: softmax([1, -2, 0.5, 3]),
        processed: softmax([1, -2, 0.5, 3]),
      },
    ],
    [
      "temperature",
      { logits: [1, 2, 3], sampling: { temperature: 0.5 } },
      {
        raw: softmax([1, 2, 3]),
        penalised: softmax([1, 2, 3]),
        tempered: softmax([2, 4, 6]),
        processed: softmax([2, 4, 6]),
      },
    ],
    [
      "repetition: prompt and output, towards less",
      { logits: [2, -2, 1, 0.5], sampling: { repetitionPenalty: 2 }, prompt: [0], output: [1] },
      {
        raw: softmax([2, -2, 1, 0.5]),
        penalised: softmax([1, -4, 1, 0.5]),
        processed: softmax([1, -4, 1, 0.5]),
      },
    ],
    [
      "frequency and presence: output only",
      {
        logits: [1, 1, 1, 1],
        sampling: { frequencyPenalty: 0.5, presencePenalty: 0.25 },
        prompt: [0, 0],
        output: [1, 1, 2],
      },
      { penalised: softmax([1, -0.25, 0.25, 1]) },
    ],
    [
      "repetition comes before the other two",
      { logits: [4, 1, 1, 1], sampling: { repetitionPenalty: 2, presencePenalty: 1 }, output: [0] },
      { penalised: softmax([1, 1, 1, 1]) },
    ],
    [
      "logit_bias is no part of raw",
      { logits: [0, 0, 0], sampling: { logitBias: [[1, 2]] } },
      { raw: softmax([0, 0, 0]), penalised: softmax([0, 2, 0]) },
    ],
    [
      "bias comes before the penalties",
      { logits: [0, 0, 0], sampling: { logitBias: [[1, 2]], repetitionPenalty: 2 }, prompt: [1] },
      { penalised: softmax([0, 1, 0]) },
    ],
    [
      "min_new_tokens masks eos and stop ids",
      { logits: [0, 0, 0, 9], sampling: { minNewTokens: 2, stopTokenIds: [1] }, output: [0] },
      { raw: softmax([0, 0, 0, 9]), penalised: [0.5, 0, 0.5, 0] },
    ],
    [
      "min_new_tokens reached",
      { logits: [0, 0, 0, 0], sampling: { minNewTokens: 1, stopTokenIds: [1] }, output: [0] },
      { processed: [0.25, 0.25, 0.25, 0.25] },
    ],
    [
      "ignored eos is not masked",
      { logits: [0, 0, 0, 0], sampling: { minNewTokens: 1, ignoreEos: true } },
      { processed: [0.25, 0.25, 0.25, 0.25] },
    ],
    [
      "top_k",
      { logits: LOGITS, sampling: { topK: 2 } },
      { tempered: P, processed: renormalised([0.4, 0.3, 0, 0, 0]) },
    ],
    [
      "top_k keeps the lower id of equals",
      { logits: [0, 1, 1, 1], sampling: { topK: 2 } },
      { processed: [0, 0.5, 0.5, 0] },
    ],
    [
      "top_k 0 and beyond the vocabulary are off",
      { logits: LOGITS, sampling: { topK: 9 } },
      { processed: P },
    ],
    [
      "top_p takes the token that reaches it",
      { logits: LOGITS, sampling: { topP: 0.69 } },
      { tempered: P, processed: renormalised([0.4, 0.3, 0, 0, 0]) },
    ],
    [
      "top_p keeps one",
      { logits: LOGITS, sampling: { topP: 1e-9 } },
      { processed: [1, 0, 0, 0, 0] },
    ],
    [
      "min_p is relative to the top",
      { logits: LOGITS, sampling: { minP: 0.3 } },
      { processed: renormalised([0.4, 0.3, 0.15, 0, 0]) },
    ],
    [
      "top_p counts shares of what top_k left",
      { logits: LOGITS, sampling: { topK: 2, topP: 0.5 } },
      { processed: [1, 0, 0, 0, 0] },
    ],
    [
      "temperature comes before the filters",
      { logits: LOGITS, sampling: { temperature: 0.01, topP: 0.9 } },
      { processed: [1, 0, 0, 0, 0] },
    ],
    [
      "temperature 0 is certain of the lowest greatest id",
      { logits: [1, 5, 5, 0], sampling: { temperature: 0 } },
      {
        raw: softmax([1, 5, 5, 0]),
        penalised: softmax([1, 5, 5, 0]),
        tempered: [0, 1, 0, 0],
        processed: [0, 1, 0, 0],
      },
    ],
  ];
  for (const [name, of, expected] of cases) {
    test(name, () => {
      for (const mode of MODES) {
        const wanted = expected[mode];
        if (wanted !== undefined) assertNear(probabilities(of, mode), wanted, mode);
      }
    });
  }
});

test("modes are bit-equal where the step between them is off", () => {
  const logits = [0.3, -1.7, 2.9, 0.01, 5.5];
  const plain = distributionOf({ logits });
  const filtered = distributionOf({ logits, sampling: { topK: 2 } });
  for (const id of logits.keys()) {
    for (const mode of MODES) assert.equal(plain.logprob(id, mode), plain.logprob(id, "raw"));
    for (const mode of MODES.slice(0, 3))
      assert.equal(filtered.logprob(id, mode), plain.logprob(id, "raw"));
  }
  assert.equal(filtered.logprob(0, "processed"), NONE);
});

test("extreme logits give finite logprobs of what is drawn", () => {
  const cases: readonly Case[] = [
    { logits: [3e38, -3e38, 0] },
    { logits: [-3e38, -3e38, -3e38] },
    { logits: [1000, 0, -1000], sampling: { temperature: 1e-6 } },
    { logits: [1, 2, 3], sampling: { temperature: 1e6, topP: 0.1, minP: 1 } },
    {
      logits: [1, 2, 3],
      sampling: { logitBias: [[0, 1e300]], repetitionPenalty: 1e5 },
      prompt: [0],
    },
  ];
  for (const of of cases) {
    for (const uniform of [0, 0.5, 1 - 2 ** -53]) {
      const distribution = distributionOf(of);
      const id = distribution.draw(uniform);
      for (const mode of MODES.slice(1)) {
        assert.ok(Number.isFinite(Math.fround(distribution.logprob(id, mode))), `${mode} of ${id}`);
      }
    }
  }
});

/** Upper 1e-6 quantiles of the chi-square distribution, by degrees of freedom. */
const CHI_SQUARE_1E6: Readonly<Record<number, number>> = { 1: 23.93, 2: 27.63, 4: 33.38, 7: 40.52 };

describe("draws follow the processed distribution (chi-square, error probability 1e-6 each)", () => {
  const seed = testSeed("sampler");
  const random = seededRandom(seed);
  const logits = Array.from({ length: 8 }, () => random.next() * 3);
  const cases: readonly [string, Case, number][] = [
    ["plain", { logits }, 7],
    ["hot, keyed by sibling", { logits, sampling: { temperature: 2.5 } }, 7],
    ["top_k 5", { logits, sampling: { topK: 5 } }, 4],
    ["top_p", { logits: LOGITS, sampling: { topP: 0.8 } }, 2],
    ["min_p", { logits: LOGITS, sampling: { minP: 0.6 } }, 1],
  ];
  const DRAWS = 20_000;
  for (const [name, of, freedom] of cases) {
    test(name, () => {
      const distribution = distributionOf(of);
      const drawn = new Array<number>(of.logits.length).fill(0);
      for (let i = 0; i < DRAWS; i++) {
        // Half of the draws differ in position, half in sibling index.
        const uniform = uniformAt(seed, i % 2 ? i : 0, i % 2 ? 0 : i);
        const id = distribution.draw(uniform);
        drawn[id] = (drawn[id] ?? 0) + 1;
      }
      let statistic = 0;
      let kept = 0;
      for (const [id, count] of drawn.entries()) {
        const expected = DRAWS * Math.exp(distribution.logprob(id, "processed"));
        if (expected === 0) assert.equal(count, 0, `token ${id} was filtered out`);
        else {
          statistic += (count - expected) ** 2 / expected;
          kept += 1;
        }
      }
      assert.equal(kept - 1, freedom);
      assert.ok(statistic < (CHI_SQUARE_1E6[freedom] ?? 0), `chi-square ${statistic}`);
    });
  }
});

test("the draw is the inverse of the cumulative distribution in token order", () => {
  const distribution = distributionOf({ logits: [0.25, 0.5, 0.25].map(Math.log) });
  const drawn = [0, 0.24, 0.26, 0.74, 0.76, 1 - 2 ** -53].map((uniform) =>
    distribution.draw(uniform),
  );
  assert.deepEqual(drawn, [0, 0, 1, 1, 2, 2]);
});

describe("masks", () => {
  const cases: readonly [name: string, of: Case, masked: readonly number[]][] = [
    ["allowed ids alone", { logits: LOGITS, sampling: { allowedTokenIds: [0, 2] } }, [1, 3, 4]],
    ["a bad word of one token", { logits: LOGITS, sampling: { badWords: [[2]] } }, [2]],
    [
      "a bad word whose beginning is there",
      { logits: LOGITS, output: [0, 4, 1], sampling: { badWords: [[4, 1, 2]] } },
      [2],
    ],
    [
      "none whose beginning is not",
      { logits: LOGITS, output: [1, 4], sampling: { badWords: [[4, 1, 2]] } },
      [],
    ],
    ["none longer than the output", { logits: LOGITS, sampling: { badWords: [[4, 2]] } }, []],
    [
      "allowed, bad and not yet to stop",
      {
        logits: LOGITS,
        sampling: { allowedTokenIds: [0, 1, EOS], badWords: [[1]], minNewTokens: 1 },
      },
      [1, 2, EOS, 4],
    ],
  ];
  for (const [name, of, masked] of cases) {
    for (const temperature of [0, 1]) {
      test(`${name}, at temperature ${temperature}`, () => {
        const distribution = distributionOf({ ...of, sampling: { ...of.sampling, temperature } });
        for (const id of P.keys()) {
          const is = distribution.logprob(id, "penalised") === NONE;
          assert.equal(is, masked.includes(id), `token ${id}`);
        }
        assert.ok([...distribution.kept()].every((id) => !masked.includes(id)));
      });
    }
  }

  test("that leave nothing are told", () => {
    const sampling = { allowedTokenIds: [2], badWords: [[2]] };
    assert.throws(() => distributionOf({ logits: LOGITS, sampling }), {
      code: "invalid_argument",
    });
  });
});

describe("alternatives", () => {
  test("are the most likely of each mode, and what the filters left", () => {
    const random = seededRandom(testSeed("alternatives"));
    for (let round = 0; round < 200; round++) {
      const size = 2 + (random.u32() % 40);
      // Coarse, so that equals occur.
      const logits = Array.from({ length: size }, () => (random.u32() % 12) / 2);
      const sampling = {
        temperature: [0, 0.5, 1][random.u32() % 3] as number,
        topK: random.u32() % 6,
        topP: [1, 0.8][random.u32() % 2] as number,
        minP: [0, 0.1][random.u32() % 2] as number,
        logitBias: [[0, 1]] as const,
        ignoreEos: true,
      };
      const count = 1 + (random.u32() % 6);
      const distribution = distributionOf({ logits, sampling });
      for (const mode of MODES) {
        const all = logits.map((_, id) => ({ id, logprob: distribution.logprob(id, mode) }));
        const expected = all
          .filter(({ logprob }) => logprob > NONE)
          .sort((a, b) => b.logprob - a.logprob || a.id - b.id)
          .slice(0, count);
        const want = { promptLogprobs: null, topLogprobs: count, samplingMask: true };
        const { top, mask } = alternatives(distribution, want, mode, size);
        assert.deepEqual(
          [...(top?.ids ?? [])],
          expected.map(({ id }) => id),
        );
        assert.deepEqual(
          [...(top?.logprobs ?? [])],
          expected.map(({ logprob }) => Math.fround(logprob)),
        );
        const kept = all.filter(({ id }) => distribution.logprob(id, "processed") > NONE);
        assert.deepEqual(
          [...(mask?.ids ?? [])],
          kept.map(({ id }) => id),
        );
        assert.deepEqual([...(mask?.offsets ?? [])], [0, kept.length]);
      }
    }
  });
});
