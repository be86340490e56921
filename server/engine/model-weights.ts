/**
 * A model's weights in the kernels' layout: values upcast to F32 (exact from F16 and BF16), matrices
 * packed in panels of 8 outputs (see `kernels/assembly/matmul.ts`), q|k|v and gate|up joined, rows padded
 * with zeros to a multiple of 8.
 */
import { openCheckpoint, readConfig } from "../checkpoint/checkpoint.ts";
import { combineDigests, hashTensor } from "../checkpoint/digest.ts";
import { readTensor, rejected, type TensorEntry } from "../checkpoint/safetensors.ts";
import { type MemoryPlan, PANEL } from "./kernels/kernels.ts";
import {
  expectedTensors,
  type ModelConfig,
  parseModelConfig,
  sameArchitecture,
} from "./model-config.ts";
import { upcast } from "./upcast.ts";

export const padded = (size: number): number => Math.ceil(size / PANEL) * PANEL;

interface Layer {
  readonly inputNorm: number;
  readonly qkv: number;
  readonly output: number;
  readonly attentionNorm: number;
  readonly gateUp: number;
  readonly down: number;
}

/** Where each tensor lies in the kernels' memory: byte offsets. */
export interface WeightLayout {
  readonly embedding: number;
  readonly layers: readonly Layer[];
  readonly norm: number;
  readonly head: number;
}

export function planWeights(plan: MemoryPlan, config: ModelConfig): WeightLayout {
  const { hiddenSize: hidden, intermediateSize: inner, headDim, heads, kvHeads } = config;
  const matrix = (outputs: number, depth: number) => plan.floats(padded(outputs) * depth);
  return {
    embedding: plan.floats(config.vocabSize * padded(hidden)),
    layers: Array.from({ length: config.layers }, () => ({
      inputNorm: plan.floats(padded(hidden)),
      qkv: matrix((heads + 2 * kvHeads) * headDim, hidden),
      output: matrix(hidden, heads * headDim),
      attentionNorm: plan.floats(padded(hidden)),
      gateUp: matrix(2 * padded(inner), hidden),
      down: matrix(hidden, inner),
    })),
    norm: plan.floats(padded(hidden)),
    head: matrix(config.vocabSize, hidden),
  };
}

/**
 * Reads the checkpoint at `path` into `layout` and answers the content digest of the bytes that it read.
 * Throws `weights_rejected`; what lies at `layout` is then undefined. `wanted`: the tensors that are put, default all.
 */
export function loadWeights(
  path: string,
  config: ModelConfig,
  buffer: ArrayBuffer,
  layout: WeightLayout,
  wanted: (tensor: string) => boolean = () => true,
): string {
  const checkpoint = openFitting(path, config);
  const places = placesOf(config, buffer, layout);
  const hashes = [];
  let byteCount = 0;
  for (const entry of checkpoint.values()) {
    const bytes = readTensor(entry);
    hashes.push(hashTensor(entry, bytes));
    byteCount += bytes.length;
    const put = places.get(entry.name);
    if (put === undefined) throw new Error(`no place for ${entry.name}`);
    if (wanted(entry.name)) put(upcast(entry, bytes));
  }
  return combineDigests(hashes, byteCount).digest;
}

/** The checkpoint's entries, after every check that needs no tensor bytes. */
export function openFitting(path: string, config: ModelConfig): ReadonlyMap<string, TensorEntry> {
  const own = readConfig(path);
  if (own !== null && !sameArchitecture(config, parseModelConfig(path, own))) {
    throw rejected(path, "its config.json describes another architecture");
  }
  const checkpoint = openCheckpoint(path);
  const expected = expectedTensors(config);
  for (const { name, shape } of expected) {
    const entry = checkpoint.get(name);
    if (entry === undefined) throw rejected(path, `lacks ${name}`);
    if (entry.shape.join() !== shape.join()) {
      throw rejected(path, `${name} has the shape [${entry.shape}], not [${shape}]`);
    }
  }
  const known = new Set(expected.map(({ name }) => name));
  for (const { name } of checkpoint.values()) {
    if (!known.has(name)) throw rejected(path, `holds ${name}, which the model does not have`);
  }
  return checkpoint;
}

/** What puts each tensor, by its name, where `layout` wants it. */
function placesOf(
  config: ModelConfig,
  buffer: ArrayBuffer,
  layout: WeightLayout,
): ReadonlyMap<string, (values: Float32Array) => void> {
  const { hiddenSize: hidden, intermediateSize: inner, headDim, heads, kvHeads } = config;
  const floats = (at: number) => new Float32Array(buffer, at);
  const vector = (at: number) => (values: Float32Array) => floats(at).set(values);
  const matrix =
    (at: number, depth: number, firstOutput = 0) =>
    (values: Float32Array) =>
      packPanels(floats(at), values, depth, firstOutput);
  const places = new Map([
    ["model.norm.weight", vector(layout.norm)],
    ["lm_head.weight", matrix(layout.head, hidden)],
  ]);
  places.set("model.embed_tokens.weight", (values) => {
    padRows(floats(layout.embedding), values, hidden);
    if (config.tiedEmbeddings) packPanels(floats(layout.head), values, hidden, 0);
  });
  for (const [index, layer] of layout.layers.entries()) {
    const at = `model.layers.${index}`;
    places
      .set(`${at}.input_layernorm.weight`, vector(layer.inputNorm))
      .set(`${at}.self_attn.q_proj.weight`, matrix(layer.qkv, hidden))
      .set(`${at}.self_attn.k_proj.weight`, matrix(layer.qkv, hidden, heads * headDim))
      .set(`${at}.self_attn.v_proj.weight`, matrix(layer.qkv, hidden, (heads + kvHeads) * headDim))
      .set(`${at}.self_attn.o_proj.weight`, matrix(layer.output, heads * headDim))
      .set(`${at}.post_attention_layernorm.weight`, vector(layer.attentionNorm))
      .set(`${at}.mlp.gate_proj.weight`, matrix(layer.gateUp, hidden))
      .set(`${at}.mlp.up_proj.weight`, matrix(layer.gateUp, hidden, padded(inner)))
      .set(`${at}.mlp.down_proj.weight`, matrix(layer.down, inner));
  }
  return places;
}

/** `values` is row-major [outputs][depth]; its first output becomes output `firstOutput`, a multiple of 8. */
function packPanels(to: Float32Array, values: Float32Array, depth: number, firstOutput: number) {
  const outputs = values.length / depth;
  for (let output = 0; output < outputs; output++) {
    const lane = output % PANEL;
    let at = (firstOutput + output - lane) * depth + lane;
    const row = output * depth;
    for (let k = 0; k < depth; k++, at += PANEL) to[at] = values[row + k] as number;
  }
}

function padRows(to: Float32Array, values: Float32Array, size: number): void {
  const stride = padded(size);
  for (let row = 0; row * size < values.length; row++) {
    to.set(values.subarray(row * size, (row + 1) * size), row * stride);
  }
}
