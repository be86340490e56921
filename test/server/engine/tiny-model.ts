/** A small random model on disk, different weights for each seed: what versions are in the engine's tests. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Tensor, writeSafetensors } from "../../../server/checkpoint/safetensors.ts";
import { expectedTensors, parseModelConfig } from "../../../server/engine/model-config.ts";
import { seededRandom } from "../../support/seeded-random.ts";

/** Odd sizes on purpose: nothing but head_dim is a multiple of 8, and three heads share each key. */
export const TINY_CONFIG = {
  model_type: "llama",
  hidden_size: 36,
  intermediate_size: 52,
  num_hidden_layers: 2,
  num_attention_heads: 6,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 67,
  max_position_embeddings: 160,
  rms_norm_eps: 1e-5,
  rope_theta: 10_000,
  tie_word_embeddings: false,
  eos_token_id: 3,
};

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "paceline-test-"));
}

export function tinyTensors(seed: number, config = TINY_CONFIG): Tensor[] {
  const random = seededRandom(seed);
  return expectedTensors(parseModelConfig("tiny", config)).map(({ name, shape }) => {
    const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
    const scale = shape.length === 1 ? 0.2 : 2 / Math.sqrt(shape[1] ?? 1);
    const centre = shape.length === 1 ? 1 : 0;
    for (let i = 0; i < values.length; i++) values[i] = centre + scale * (random.next() * 2 - 1);
    return { name, dtype: "F32", shape, bytes: new Uint8Array(values.buffer) };
  });
}

/** A Hugging Face style directory with weights of `seed`. */
export function writeTinyModel(seed: number, config = TINY_CONFIG): string {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  writeSafetensors(join(folder, "model.safetensors"), tinyTensors(seed, config));
  return folder;
}
