/** Logits against Hugging Face transformers on the same weights; `fixtures/logits.json` explains its own fields. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { readModelConfig } from "../../../server/engine/model-config.ts";
import { createModelCore } from "../../../server/engine/model-core.ts";
import { loadWeights } from "../../../server/engine/model-weights.ts";
import { createTransformer } from "../../../server/engine/transformer.ts";
import { coreRequest, drain, load } from "./core-run.ts";

const TOLERANCE = 1e-4;

interface Fixture {
  readonly models: readonly {
    readonly name: string;
    readonly path: string;
    readonly cases: readonly FixtureCase[];
  }[];
}

interface FixtureCase {
  readonly name: string;
  readonly prompt: readonly number[];
  readonly logsumexp: readonly number[];
  readonly top: readonly number[];
  readonly logits: Readonly<Record<string, readonly number[]>>;
  readonly greedy?: {
    readonly ids: readonly number[];
    readonly logprobs: readonly number[];
    readonly margin: number;
  };
}

const file = new URL("fixtures/logits.json", import.meta.url);
const { models } = JSON.parse(readFileSync(file, "utf8")) as Fixture;
assert.ok(models.length >= 2);

function assertNear(actual: number | undefined, expected: number | undefined, where: string): void {
  const distance = Math.abs((actual ?? Number.NaN) - (expected ?? Number.NaN));
  assert.ok(distance <= TOLERANCE, `${where}: ${actual}, not ${expected}`);
}

for (const { name, path, cases } of models) {
  describe(name, () => {
    const folder = fileURLToPath(new URL(`../../../${path}`, import.meta.url));
    const config = readModelConfig(folder);
    const longest = Math.max(...cases.map(({ prompt }) => prompt.length));
    const kvBlocks = 2 * Math.ceil(longest / 16);
    const transformer = createTransformer(config, {
      kvBlocks,
      maxRows: longest,
      maxLogits: longest,
      weightSets: 1,
    });
    const [weights] = transformer.weightSets;
    assert.ok(weights);
    loadWeights(folder, config, transformer.kernels.buffer, weights);

    for (const { name, prompt, logits, logsumexp, top } of cases) {
      test(name, () => {
        const blocks = Array.from({ length: kvBlocks / 2 }, (_, index) => kvBlocks - 1 - 2 * index);
        const rows = prompt.map((token, position) => ({ token, position, blocks, logits: true }));
        const computed = transformer.forward(weights, rows);
        for (const [position, expected] of Object.entries(logits)) {
          assert.equal(expected.length, config.vocabSize);
          for (const [id, logit] of expected.entries()) {
            assertNear(
              computed[Number(position)]?.[id],
              logit,
              `position ${position}, token ${id}`,
            );
          }
        }
        for (const [position, row] of computed.entries()) {
          assertNear(Math.max(...row), top[position], `greatest at ${position}`);
          const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
          assertNear(Math.log(sum), logsumexp[position], `logsumexp at ${position}`);
        }
      });
    }

    test("logprobs of prompts, scored by the core", () => {
      // Small chunks: most positions are computed on KV of earlier steps.
      const core = createModelCore({ directory: folder, kvTokens: 1_024, prefillChunk: 24 });
      load(core, 1, folder);
      const side = { promptLogprobs: { start: 0 }, topLogprobs: 0, samplingMask: false };
      const whole = ({ prompt, greedy }: FixtureCase) => [...prompt, ...(greedy?.ids ?? [])];
      for (const each of cases) {
        core.add(coreRequest(each.name, whole(each), { side, sampling: { maxNewTokens: 0 } }));
      }
      const outcomes = drain(core);
      let compared = 0;
      for (const { name, prompt, logits, logsumexp, greedy } of cases) {
        const scores = outcomes.of(name).prompt?.logprobs ?? [];
        const expected: [position: number, logprob: number][] = [];
        for (const [at, row] of Object.entries(logits)) {
          const position = Number(at) + 1;
          const token = prompt[position];
          if (token === undefined) continue;
          expected.push([position, (row[token] as number) - (logsumexp[position - 1] as number)]);
        }
        for (const [k, logprob] of (greedy?.logprobs ?? []).entries()) {
          expected.push([prompt.length + k, logprob]);
        }
        for (const [position, logprob] of expected) {
          assertNear(scores[position], logprob, `${name}, token ${position}`);
          compared++;
        }
      }
      assert.ok(compared > 40, `${compared} compared`);
    });

    test("greedy continuations, token by token with the cache", () => {
      const core = createModelCore({ directory: folder, kvTokens: 1_024 });
      load(core, 1, folder);
      const continued = cases.filter(({ greedy }) => greedy && greedy.margin > 2 * TOLERANCE);
      assert.ok(continued.length > 0);
      for (const { name, prompt, greedy } of continued) {
        const sampling = { temperature: 0, maxNewTokens: greedy?.ids.length ?? 0 };
        core.add(coreRequest(name, prompt, { sampling, logprobMode: "raw" }));
      }
      const outcomes = drain(core);
      for (const { name, greedy } of continued) {
        const { ids, logprobs } = outcomes.of(name);
        assert.deepEqual(ids, greedy?.ids, name);
        for (const [k, logprob] of logprobs.entries())
          assertNear(logprob, greedy?.logprobs[k], name);
      }
    });
  });
}
