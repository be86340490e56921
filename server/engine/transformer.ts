/**
 * A decoder-only transformer of the Llama shape over the kernels. A batch is a list of rows, each one
 * token at one position of one sequence. All rows of a layer write their keys and values before any row attends, so rows may
 * attend to what others of the same batch write. A row's results depend on nothing but its sequence.
 */
import { BLOCK_TOKENS, createKernels, type Kernels, MemoryPlan } from "./kernels/kernels.ts";
import type { ModelConfig } from "./model-config.ts";
import { padded, planWeights, type WeightLayout } from "./model-weights.ts";

export interface Row {
  readonly token: number;
  readonly position: number;
  /** Blocks of the sequence's KV, in order; at least up to `position`. */
  readonly blocks: readonly number[];
  /** Whether logits are wanted. */
  readonly logits: boolean;
}

export interface TransformerOptions {
  /** Blocks of KV, 16 positions each. */
  readonly kvBlocks: number;
  /** Rows in a batch at most. */
  readonly maxRows: number;
  /** Rows with logits in a batch at most. */
  readonly maxLogits: number;
  /** Sets of weights in memory: 2 to stage one beside the other. */
  readonly weightSets: number;
}

export interface Transformer {
  readonly kernels: Kernels;
  readonly weightSets: readonly WeightLayout[];
  /**
   * Computes one batch. Answers the logits of the rows that want them, in order; the arrays are
   * overwritten by the next call.
   */
  forward(weights: WeightLayout, rows: readonly Row[]): Float32Array[];
}

/** Byte offsets of everything that is not weights, and the strides between rows. */
interface Buffers {
  readonly angles: number;
  readonly ids: number;
  readonly positions: number;
  readonly tables: number;
  readonly tableData: number;
  readonly hidden: number;
  readonly normed: number;
  readonly qkv: number;
  readonly attended: number;
  readonly gateUp: number;
  readonly inner: number;
  readonly scores: number;
  readonly logits: number;
  readonly kv: number;
}

export function createTransformer(config: ModelConfig, options: TransformerOptions): Transformer {
  const plan = new MemoryPlan();
  const buffers = planBuffers(plan, config, options);
  const weightSets = Array.from({ length: options.weightSets }, () => planWeights(plan, config));
  const kernels = createKernels(plan);
  fillAngles(new Float32Array(kernels.buffer, buffers.angles), config);
  return {
    kernels,
    weightSets,
    forward(weights, rows) {
      if (rows.length > options.maxRows) throw new Error(`${rows.length} rows in a batch`);
      writeRows(kernels.buffer, buffers, config, rows);
      computeLayers(kernels, buffers, config, weights, rows.length);
      return computeLogits(kernels, buffers, config, weights, rows);
    },
  };
}

/** Floats of KV in one block: keys and values of all layers. */
export function blockFloats({ layers, kvHeads, headDim }: ModelConfig): number {
  return 2 * layers * kvHeads * headDim * BLOCK_TOKENS;
}

function planBuffers(plan: MemoryPlan, config: ModelConfig, options: TransformerOptions): Buffers {
  const { maxRows: rows, kvBlocks, maxLogits } = options;
  const { headDim, heads, kvHeads, maxModelLen } = config;
  const blocksEach = Math.ceil(maxModelLen / BLOCK_TOKENS);
  return {
    angles: plan.floats(maxModelLen * headDim),
    ids: plan.floats(rows),
    positions: plan.floats(rows),
    tables: plan.floats(rows),
    // Rows of one sequence share a table; the worst case is one sequence a row.
    tableData: plan.floats(rows * blocksEach),
    hidden: plan.floats(rows * padded(config.hiddenSize)),
    normed: plan.floats(rows * padded(config.hiddenSize)),
    qkv: plan.floats(rows * (heads + 2 * kvHeads) * headDim),
    attended: plan.floats(rows * heads * headDim),
    gateUp: plan.floats(rows * 2 * padded(config.intermediateSize)),
    inner: plan.floats(rows * padded(config.intermediateSize)),
    scores: plan.floats(2 * blocksEach * BLOCK_TOKENS),
    logits: plan.floats(maxLogits * padded(config.vocabSize)),
    kv: plan.floats(kvBlocks * blockFloats(config)),
  };
}

/**
 * cos then sin of `position / theta^(2i/headDim)`, rounded to F32 where Hugging Face's Llama rounds.
 * V8 computes both in software, so they are the same on every host.
 */
function fillAngles(angles: Float32Array, { headDim, maxModelLen, ropeTheta }: ModelConfig): void {
  const half = headDim / 2;
  for (let i = 0; i < half; i++) {
    const frequency = Math.fround(1 / Math.fround(ropeTheta ** ((2 * i) / headDim)));
    for (let position = 0; position < maxModelLen; position++) {
      const angle = Math.fround(position * frequency);
      angles[position * headDim + i] = Math.cos(angle);
      angles[position * headDim + half + i] = Math.sin(angle);
    }
  }
}

function writeRows(
  buffer: ArrayBuffer,
  buffers: Buffers,
  config: ModelConfig,
  rows: readonly Row[],
): void {
  const words = new Uint32Array(buffer);
  const blockBytes = blockFloats(config) * 4;
  let end = buffers.tableData >>> 2;
  let lastBlocks: readonly number[] | null = null;
  let lastTable = 0;
  for (const [index, { token, position, blocks }] of rows.entries()) {
    if (blocks !== lastBlocks) {
      lastBlocks = blocks;
      lastTable = end * 4;
      for (const block of blocks) words[end++] = buffers.kv + block * blockBytes;
    }
    words[(buffers.ids >>> 2) + index] = token;
    words[(buffers.positions >>> 2) + index] = position;
    words[(buffers.tables >>> 2) + index] = lastTable;
  }
}

function computeLayers(
  kernels: Kernels,
  at: Buffers,
  config: ModelConfig,
  weights: WeightLayout,
  rows: number,
): void {
  const { hiddenSize, heads, kvHeads, headDim, rmsNormEps, intermediateSize } = config;
  const hidden = padded(hiddenSize);
  const inner = padded(intermediateSize);
  const queries = heads * headDim;
  const qkv = queries + 2 * kvHeads * headDim;
  const scale = 1 / Math.sqrt(headDim);
  const layerBytes = (blockFloats(config) * 4) / config.layers;
  const { matmul, rmsNorm } = kernels;
  kernels.gather(at.hidden, weights.embedding, at.ids, rows, hidden);
  for (const [index, layer] of weights.layers.entries()) {
    const offset = index * layerBytes;
    rmsNorm(at.normed, at.hidden, layer.inputNorm, rows, hiddenSize, hidden, rmsNormEps);
    matmul(at.qkv, qkv, at.normed, hidden, layer.qkv, rows, hiddenSize, qkv / 8);
    kernels.rotateAndStore(
      at.qkv,
      qkv,
      at.positions,
      at.tables,
      rows,
      at.angles,
      offset,
      heads,
      kvHeads,
      headDim,
    );
    kernels.attend(
      at.attended,
      queries,
      at.qkv,
      qkv,
      at.positions,
      at.tables,
      rows,
      offset,
      heads,
      kvHeads,
      headDim,
      scale,
      at.scores,
    );
    matmul(at.normed, hidden, at.attended, queries, layer.output, rows, queries, hidden / 8);
    kernels.add(at.hidden, at.normed, rows * hidden);
    rmsNorm(at.normed, at.hidden, layer.attentionNorm, rows, hiddenSize, hidden, rmsNormEps);
    matmul(at.gateUp, 2 * inner, at.normed, hidden, layer.gateUp, rows, hiddenSize, inner / 4);
    kernels.swiglu(at.inner, at.gateUp, rows, inner);
    matmul(at.normed, hidden, at.inner, inner, layer.down, rows, intermediateSize, hidden / 8);
    kernels.add(at.hidden, at.normed, rows * hidden);
  }
}

function computeLogits(
  kernels: Kernels,
  at: Buffers,
  { hiddenSize, vocabSize, rmsNormEps }: ModelConfig,
  weights: WeightLayout,
  rows: readonly Row[],
): Float32Array[] {
  const hidden = padded(hiddenSize);
  const vocab = padded(vocabSize);
  const floats = new Float32Array(kernels.buffer);
  let count = 0;
  for (const [index, row] of rows.entries()) {
    if (!row.logits) continue;
    const from = (at.hidden >>> 2) + index * hidden;
    floats.copyWithin((at.hidden >>> 2) + count * hidden, from, from + hidden);
    count += 1;
  }
  kernels.rmsNorm(at.normed, at.hidden, weights.norm, count, hiddenSize, hidden, rmsNormEps);
  kernels.matmul(at.logits, vocab, at.normed, hidden, weights.head, count, hiddenSize, vocab / 8);
  return Array.from(
    { length: count },
    (_, index) => new Float32Array(kernels.buffer, at.logits + index * vocab * 4, vocabSize),
  );
}
