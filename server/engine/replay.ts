/**
 * The auditor's forward: computes again, offline, the logprob that an engine must have reported for
 * each output token, given which weights made it. Arithmetic and sampling are the engine's own and do not
 * depend on batch or path, so an honest report is met bit for bit.
 *
 * Token k is sampled from the logits of the forward that fed token k−1 (for k = 0, the last prompt token). A run
 * `[start, end)` under weights B therefore means: B computed the forwards that fed positions
 * `prompt + start − 1 … prompt + end − 2`, and wrote their KV. What lies before is the KV that earlier runs
 * left (a `keep` swap: mixed), or, with `rebuild`, is computed anew under B from the first prompt token on (a
 * `drop` swap, a resume elsewhere by prefill, or a preemption after a `keep` swap). What a session's own cache held of the
 * prompt (`found`) was computed under the weights of the turn that left it.
 */
import { PacelineError } from "../contract/errors.ts";
import type { LogprobMode } from "../contract/rollout.ts";
import type { CoreSampling } from "./core.ts";
import { BLOCK_TOKENS } from "./kernels/kernels.ts";
import { type ModelConfig, readModelConfig } from "./model-config.ts";
import { loadWeights, type WeightLayout } from "./model-weights.ts";
import { uniformAt } from "./philox.ts";
import { createSampler } from "./sampler.ts";
import { countOutput, createTokenCounts } from "./token-counts.ts";
import { createTransformer, type Row, type Transformer } from "./transformer.ts";

/** Output tokens `[start, end)` that one set of weights made. */
export interface ReplayRun {
  readonly start: number;
  readonly end: number;
  /** A safetensors file or directory. */
  readonly weights: string;
  /** Whether all KV was computed anew under these weights; meaningless for the first run. */
  readonly rebuild: boolean;
}

export interface ReplayRequest {
  readonly promptTokenIds: Uint32Array;
  readonly outputTokenIds: Uint32Array;
  readonly sampling: CoreSampling;
  readonly siblingIndex: number;
  readonly logprobMode: LogprobMode;
  /** Contiguous, covering all output tokens. */
  readonly runs: readonly ReplayRun[];
  /** KV of the prompt's head that the first run found: up to `end`, by which weights. In order. Default: none. */
  readonly found?: readonly FoundKv[];
}

export interface FoundKv {
  readonly end: number;
  /** A safetensors file or directory. */
  readonly weights: string;
}

export interface Replay {
  /** Of the given output tokens; −∞ where the mode's distribution does not contain the token. */
  readonly logprobs: Float32Array;
  /** What the engine's sampler draws at each position, given the output tokens before it. */
  readonly tokenIds: Uint32Array;
}

export interface Replayer {
  /** Throws `invalid_argument` for runs that do not cover the output, `weights_rejected`. */
  replay(request: ReplayRequest): Replay;
}

export interface ReplayerOptions {
  /** Directory with the model's `config.json`. */
  readonly directory: string;
  /** Sets of weights kept in memory between calls. Default 4. */
  readonly weightSets?: number;
}

/** Rows in one forward. */
const CHUNK = 128;

export function createReplayer({ directory, weightSets = 4 }: ReplayerOptions): Replayer {
  const config = readModelConfig(directory);
  const blocks = Array.from(
    { length: Math.ceil(config.maxModelLen / BLOCK_TOKENS) },
    (_, block) => block,
  );
  const transformer = createTransformer(config, {
    kvBlocks: blocks.length,
    maxRows: CHUNK,
    maxLogits: CHUNK,
    weightSets,
  });
  const weightsOf = createWeightCache(config, transformer);
  return {
    replay(request) {
      assertRuns(request, config);
      const audit = createAudit(request, config);
      const { promptTokenIds: prompt, outputTokenIds: output, runs, found = [] } = request;
      /** Computes positions `[from, to)`; logits from `sampledFrom` on go to the audit. */
      const compute = (weights: string, from: number, to: number, sampledFrom: number): void => {
        const layout = weightsOf(weights);
        for (let at = from; at < to; at += CHUNK) {
          const rows: Row[] = [];
          for (let position = at; position < Math.min(at + CHUNK, to); position++) {
            const token = prompt[position] ?? (output[position - prompt.length] as number);
            rows.push({ token, position, blocks, logits: position >= sampledFrom });
          }
          for (const logits of transformer.forward(layout, rows)) audit.next(logits);
        }
      };
      let begin = 0;
      for (const { end, weights } of found) {
        compute(weights, begin, end, prompt.length);
        begin = end;
      }
      for (const [index, { start, end, weights, rebuild }] of runs.entries()) {
        const sampledFrom = prompt.length + start - 1;
        const first = index === 0 ? begin : rebuild ? 0 : sampledFrom;
        compute(weights, first, prompt.length + end - 1, sampledFrom);
      }
      return audit;
    },
  };
}

/** Takes the logits of output positions in order. */
function createAudit(
  request: ReplayRequest,
  config: ModelConfig,
): Replay & { next(logits: Float32Array): void } {
  const { promptTokenIds, outputTokenIds: output, sampling, siblingIndex, logprobMode } = request;
  const sampler = createSampler(config.vocabSize, config.eosTokenIds);
  const none = new Uint32Array(0);
  const counts = createTokenCounts(sampling, config.vocabSize, promptTokenIds, none);
  const logprobs = new Float32Array(output.length);
  const tokenIds = new Uint32Array(output.length);
  let position = 0;
  return {
    logprobs,
    tokenIds,
    next(logits) {
      const made = output.subarray(0, position);
      const distribution = sampler.distribution({
        logits,
        sampling,
        position,
        counts,
        output: made,
      });
      const id = output[position] as number;
      tokenIds[position] = distribution.draw(uniformAt(sampling.seed, siblingIndex, position));
      logprobs[position] = distribution.logprob(id, logprobMode);
      if (counts !== null) countOutput(counts, id);
      position += 1;
    },
  };
}

/** Weights by path, the least recently used making room. Files must not change meanwhile. */
function createWeightCache(config: ModelConfig, { weightSets, kernels }: Transformer) {
  const free = [...weightSets];
  const cached = new Map<string, WeightLayout>();
  const evict = (): WeightLayout => {
    const [oldest] = cached;
    if (oldest === undefined) throw new Error("a replayer needs a set of weights");
    cached.delete(oldest[0]);
    return oldest[1];
  };
  const load = (path: string): WeightLayout => {
    const layout = free.pop() ?? evict();
    try {
      loadWeights(path, config, kernels.buffer, layout);
    } catch (error) {
      free.push(layout);
      throw error;
    }
    return layout;
  };
  return (path: string): WeightLayout => {
    const layout = cached.get(path) ?? load(path);
    cached.delete(path);
    cached.set(path, layout);
    return layout;
  };
}

function assertRuns({ promptTokenIds, outputTokenIds, runs }: ReplayRequest, config: ModelConfig) {
  let end = 0;
  for (const run of runs) {
    if (run.start !== end || run.end <= run.start) throw invalid(`runs break at ${end}`);
    end = run.end;
  }
  if (end !== outputTokenIds.length) throw invalid(`runs cover ${end} of ${outputTokenIds.length}`);
  if (promptTokenIds.length === 0) throw invalid("the prompt is empty");
  if (promptTokenIds.length + end > config.maxModelLen) throw invalid("tokens exceed the context");
  for (const id of [...promptTokenIds, ...outputTokenIds]) {
    if (id >= config.vocabSize) throw invalid(`token ${id} is not in the vocabulary`);
  }
}

function invalid(message: string): PacelineError {
  return new PacelineError("invalid_argument", message);
}
