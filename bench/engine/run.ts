/**
 * What the embedded engine computes a second, and how near its matrix products come to the host's ceiling.
 *
 *     node bench/engine/run.ts [--model <directory>] [--json]
 *
 * Ceiling: a loop of 8 independent SIMD multiply-adds on registers, in the same WebAssembly module and
 * the same run; no kernel without fused instructions can be faster. Products: the model's own matrices, one after
 * the other; beside them the same products in JavaScript on typed arrays, bit for bit. Engine: `ModelCore` from `add` to the last token, sampling and book-keeping included. Every figure
 * is the best of several interleaved rounds, since neighbours on the host can only slow one down. One core.
 */
import assert from "node:assert/strict";
import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Core } from "../../server/engine/core.ts";
import {
  createKernels,
  type Kernels,
  MemoryPlan,
  PANEL,
} from "../../server/engine/kernels/kernels.ts";
import { type ModelConfig, readModelConfig } from "../../server/engine/model-config.ts";
import { createModelCore } from "../../server/engine/model-core.ts";
import { padded } from "../../server/engine/model-weights.ts";
import { typedMatmul } from "./typed-matmul.ts";

const DEMO = fileURLToPath(new URL("../../server/engine/demo-policy/step-1", import.meta.url));
const ROUNDS = 5;
const ROUND_MS = 60;
const PREFILL_ROWS = 256;
const ROWS = [1, 16, PREFILL_ROWS];

const simdName = (rows: number): string => `products, ${rows} rows`;
const typedName = (rows: number): string => `typed arrays, ${rows} rows`;

interface Measure {
  readonly name: string;
  /** Floating-point operations or tokens of one call. */
  readonly amount: number;
  readonly call: () => void;
}

/** Amount per second of each measure: best of the rounds, which take turns. */
function measure(measures: readonly Measure[]): Map<string, number> {
  const best = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const { name, amount, call } of measures) {
      const began = performance.now();
      let calls = 0;
      let elapsed = 0;
      for (; elapsed < ROUND_MS; calls++, elapsed = performance.now() - began) call();
      best.set(name, Math.max(best.get(name) ?? 0, (amount * calls * 1_000) / elapsed));
    }
  }
  return best;
}

/** [outputs, depth] of one token's products; the layers' count each as often as there are layers. */
function productsOf(config: ModelConfig): [number, number][] {
  const { hiddenSize: hidden, headDim, heads, kvHeads } = config;
  const inner = padded(config.intermediateSize);
  const layer: [number, number][] = [
    [(heads + 2 * kvHeads) * headDim, hidden],
    [hidden, heads * headDim],
    [2 * inner, hidden],
    [hidden, config.intermediateSize],
  ];
  return [...Array.from({ length: config.layers }, () => layer).flat(), [config.vocabSize, hidden]];
}

function productMeasures(config: ModelConfig): Measure[] {
  const products = productsOf(config);
  const widest = Math.max(...products.flat().map(padded));
  const plan = new MemoryPlan();
  const x = plan.floats(PREFILL_ROWS * widest);
  const out = plan.floats(PREFILL_ROWS * widest);
  const weights = products.map(([outputs, depth]) => plan.floats(padded(outputs) * depth));
  const kernels: Kernels = createKernels(plan);
  const floats = new Float32Array(kernels.buffer);
  for (let i = 2_048; i < floats.length; i++) floats[i] = ((i * 7) % 13) / 13 - 0.5;
  const flops = 2 * products.reduce((sum, [outputs, depth]) => sum + outputs * depth, 0);
  const iterations = 20_000;
  const all = (
    call: (at: number, padding: number, depth: number, panels: number) => void,
  ): void => {
    for (const [index, [outputs, depth]] of products.entries()) {
      call(weights[index] ?? 0, padded(outputs), depth, padded(outputs) / PANEL);
    }
  };
  const simd = (rows: number) => () =>
    all((w, outStride, depth, panels) =>
      kernels.matmul(out, outStride, x, padded(depth), w, rows, depth, panels),
    );
  const typed = (rows: number) => () =>
    all((w, outStride, depth, panels) =>
      typedMatmul(floats, out / 4, outStride, x / 4, padded(depth), w / 4, rows, depth, panels),
    );
  const made = (call: () => void): Float32Array => {
    call();
    return floats.slice(out / 4, out / 4 + 16 * padded(config.vocabSize));
  };
  assert.deepEqual(made(typed(16)), made(simd(16)), "both compute the same bits");
  const rowsMeasures = ROWS.flatMap((rows) => [
    { name: simdName(rows), amount: rows * flops, call: simd(rows) },
    { name: typedName(rows), amount: rows * flops, call: typed(rows) },
  ]);
  const ceiling = {
    name: "ceiling",
    amount: iterations * 64,
    call: () => void kernels.multiplyAddLoop(iterations, 0.125),
  };
  return [ceiling, ...rowsMeasures];
}

const SAMPLING = {
  minNewTokens: 0,
  temperature: 1,
  topP: 1,
  topK: 0,
  minP: 0,
  presencePenalty: 0,
  frequencyPenalty: 0,
  repetitionPenalty: 1,
  stopTokenIds: [],
  ignoreEos: true,
  seed: 1,
  logitBias: [],
  allowedTokenIds: [],
  badWords: [],
};

function coreMeasures(directory: string, maxModelLen: number, vocabSize: number): Measure[] {
  const core = createModelCore({ directory, maxRunning: 16 });
  core.stage({ policy: "bench", version: 1, path: directory });
  core.swap({ policy: "bench", version: 1, kv: "drop" });
  const outputs = Math.min(256, maxModelLen - 16);
  const prompt = Math.min(1_024, maxModelLen - 1);
  const of = (
    name: string,
    batch: number,
    promptTokens: number,
    maxNewTokens: number,
  ): Measure => ({
    name,
    amount: batch * (maxNewTokens === 1 ? promptTokens : maxNewTokens),
    call: () => run(core, batch, promptTokens, maxNewTokens, vocabSize),
  });
  return [
    of("decode, batch 1", 1, 8, outputs),
    of("decode, batch 16", 16, 8, outputs),
    of("prefill", 1, prompt, 1),
  ];
}

function run(
  core: Core,
  batch: number,
  promptTokens: number,
  maxNewTokens: number,
  vocabSize: number,
) {
  core.flush();
  for (let index = 0; index < batch; index++) {
    const promptTokenIds = Uint32Array.from(
      { length: promptTokens },
      (_, i) => (i * 31 + index) % vocabSize,
    );
    core.add({
      id: String(index),
      promptTokenIds,
      outputTokenIds: new Uint32Array(0),
      sampling: { ...SAMPLING, maxNewTokens },
      siblingIndex: index,
      logprobMode: "processed",
      cacheNamespace: "bench",
      cacheCarried: false,
      priority: 0,
      side: null,
    });
  }
  while (core.busy) core.step();
}

const { values } = parseArgs({
  options: { model: { type: "string", default: DEMO }, json: { type: "boolean", default: false } },
});
const config = readModelConfig(values.model);
const { info } = createModelCore({ directory: values.model, kvTokens: 16 });
const products = productMeasures(config);
const engine = coreMeasures(values.model, config.maxModelLen, config.vocabSize);
// A first pass lets V8 compile the kernels with its optimising compiler.
measure([...products, ...engine]);
const rates = measure([...products, ...engine]);
const ceiling = rates.get("ceiling") ?? Number.NaN;

if (values.json) {
  console.log(
    JSON.stringify({
      cpu: cpus()[0]?.model,
      parameters: info.parameters,
      rates: Object.fromEntries(rates),
    }),
  );
} else {
  console.log(
    `${cpus()[0]?.model}, one core · Node ${process.version} · ${info.parameters} parameters`,
  );
  for (const { name } of products) {
    const rate = rates.get(name) ?? Number.NaN;
    const gigaflops = (rate / 1e9).toFixed(1).padStart(7);
    console.log(
      `${name.padEnd(22)} ${gigaflops} GFLOP/s  ${((100 * rate) / ceiling).toFixed(0).padStart(4)} % of the ceiling`,
    );
  }
  for (const rows of ROWS) {
    const ratio = (rates.get(simdName(rows)) ?? Number.NaN) / (rates.get(typedName(rows)) ?? 0);
    console.log(`WebAssembly SIMD over typed arrays, ${rows} rows: × ${ratio.toFixed(1)}`);
  }
  const flops = 2 * productsOf(config).reduce((sum, [outputs, depth]) => sum + outputs * depth, 0);
  for (const { name } of engine) {
    const rate = rates.get(name) ?? Number.NaN;
    const gigaflops = ((rate * flops) / 1e9).toFixed(1).padStart(5);
    console.log(
      `${name.padEnd(22)} ${rate.toFixed(0).padStart(7)} tokens/s  ${gigaflops} GFLOP/s in products alone`,
    );
  }
}
