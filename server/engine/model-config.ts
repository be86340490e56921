/**
 * The architecture of a Llama-shaped model from its `config.json` (Hugging Face's names). What this
 * engine does not compute is refused, never ignored: other activations, biases, scaled RoPE, sliding windows.
 */
import { readConfig } from "../checkpoint/checkpoint.ts";
import { rejected, type TensorHeader } from "../checkpoint/safetensors.ts";

export interface ModelConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly layers: number;
  readonly heads: number;
  /** Divides `heads`; fewer than `heads` is grouped-query attention. */
  readonly kvHeads: number;
  /** A multiple of 8. */
  readonly headDim: number;
  readonly maxModelLen: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly tiedEmbeddings: boolean;
  readonly eosTokenIds: readonly number[];
}

/** Reads `directory/config.json`. Throws `weights_rejected`. */
export function readModelConfig(directory: string): ModelConfig {
  const config = readConfig(directory);
  if (config === null) throw rejected(directory, "holds no config.json");
  return parseModelConfig(directory, config);
}

export function parseModelConfig(path: string, config: Record<string, unknown>): ModelConfig {
  refuseOthers(path, config);
  const size = (name: string, fallback?: number): number => {
    const value = config[name] ?? fallback;
    if (typeof value === "number" && Number.isSafeInteger(value) && value >= 1) return value;
    throw rejected(path, `config: ${name} is ${JSON.stringify(value)}`);
  };
  const hiddenSize = size("hidden_size");
  const heads = size("num_attention_heads");
  const kvHeads = size("num_key_value_heads", heads);
  const headDim = size("head_dim", hiddenSize / heads);
  if (heads % kvHeads !== 0) throw rejected(path, `config: ${heads} heads share ${kvHeads}`);
  if (headDim % 8 !== 0) throw rejected(path, `config: head_dim ${headDim} is no multiple of 8`);
  const vocabSize = size("vocab_size");
  return {
    vocabSize,
    hiddenSize,
    intermediateSize: size("intermediate_size"),
    layers: size("num_hidden_layers"),
    heads,
    kvHeads,
    headDim,
    maxModelLen: size("max_position_embeddings", 2_048),
    rmsNormEps: positive(path, "rms_norm_eps", config["rms_norm_eps"] ?? 1e-6),
    ropeTheta: ropeThetaOf(path, config),
    tiedEmbeddings: config["tie_word_embeddings"] === true,
    eosTokenIds: eosOf(path, config["eos_token_id"], vocabSize),
  };
}

/** Every tensor that the model needs, with its shape; `lm_head.weight` only where it is not tied. */
export function expectedTensors(config: ModelConfig): Omit<TensorHeader, "dtype">[] {
  const { hiddenSize: hidden, intermediateSize: inner, headDim, heads, kvHeads } = config;
  const tensors = [{ name: "model.embed_tokens.weight", shape: [config.vocabSize, hidden] }];
  for (let layer = 0; layer < config.layers; layer++) {
    const add = (name: string, ...shape: number[]): void => {
      tensors.push({ name: `model.layers.${layer}.${name}.weight`, shape });
    };
    add("input_layernorm", hidden);
    add("self_attn.q_proj", heads * headDim, hidden);
    add("self_attn.k_proj", kvHeads * headDim, hidden);
    add("self_attn.v_proj", kvHeads * headDim, hidden);
    add("self_attn.o_proj", hidden, heads * headDim);
    add("post_attention_layernorm", hidden);
    add("mlp.gate_proj", inner, hidden);
    add("mlp.up_proj", inner, hidden);
    add("mlp.down_proj", hidden, inner);
  }
  tensors.push({ name: "model.norm.weight", shape: [hidden] });
  if (!config.tiedEmbeddings) {
    tensors.push({ name: "lm_head.weight", shape: [config.vocabSize, hidden] });
  }
  return tensors;
}

export function parameterCount(config: ModelConfig): number {
  return expectedTensors(config).reduce(
    (sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1),
    0,
  );
}

/** Whether weights of `other` may be served by an engine built for `config`. */
export function sameArchitecture(config: ModelConfig, other: ModelConfig): boolean {
  const keys = Object.keys(config) as (keyof ModelConfig)[];
  return keys
    .filter((key) => key !== "eosTokenIds" && key !== "maxModelLen")
    .every((key) => config[key] === other[key]);
}

function refuseOthers(path: string, config: Record<string, unknown>): void {
  const allowed: Record<string, readonly unknown[]> = {
    model_type: ["llama"],
    hidden_act: [undefined, "silu", "swish"],
    attention_bias: [undefined, null, false],
    mlp_bias: [undefined, null, false],
  };
  for (const [name, values] of Object.entries(allowed)) {
    if (!values.includes(config[name])) {
      throw rejected(path, `config: ${name} ${JSON.stringify(config[name])} is not supported`);
    }
  }
}

/** transformers 5 writes `rope_parameters`; transformers 4 `rope_theta` and `rope_scaling` (null or an object). */
function ropeThetaOf(path: string, config: Record<string, unknown>): number {
  let theta = config["rope_theta"];
  for (const name of ["rope_scaling", "rope_parameters"]) {
    const value = config[name];
    if (value === undefined || value === null) continue;
    const rope = value as Record<string, unknown>;
    const type = rope["rope_type"] ?? rope["type"];
    if (type !== "default")
      throw rejected(path, `config: ${name} ${String(type)} is not supported`);
    theta = rope["rope_theta"] ?? theta;
  }
  return positive(path, "rope_theta", theta ?? 10_000);
}

function positive(path: string, name: string, value: unknown): number {
  if (typeof value === "number" && value > 0 && Number.isFinite(value)) return value;
  throw rejected(path, `config: ${name} is ${JSON.stringify(value)}`);
}

function eosOf(path: string, value: unknown, vocabSize: number): number[] {
  const ids: unknown[] = Array.isArray(value) ? value : [value ?? []].flat();
  return ids.map((id) => {
    if (typeof id === "number" && Number.isSafeInteger(id) && id >= 0 && id < vocabSize) return id;
    throw rejected(path, `config: eos_token_id ${JSON.stringify(id)} is not in the vocabulary`);
  });
}
