/**
 * Real SGLang on a machine without a GPU. Its requirements are CUDA's, so it is installed without them, with those that
 * serving a plain model imports; compiled kernels are stood in for (`python/sitecustomize.py`) and never called.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PYTHON_FOLDER } from "./folder.ts";
import { ensureModels } from "./models.ts";
import { type EngineProcess, startEngineProcess } from "./process.ts";
import { type EnginePackage, ensureVenv } from "./venv.ts";

export const SGLANG_VERSION = "0.5.23";

const PACKAGE: EnginePackage = {
  name: "sglang",
  distribution: `sglang-${SGLANG_VERSION}`,
  installs: [
    // Of CPU builds the newest; what SGLang pins is CUDA's.
    ["torch==2.13.0"],
    ["--no-deps", `sglang==${SGLANG_VERSION}`],
    (
      "transformers==5.19.0 tokenizers==0.23.2 aiohttp anthropic apache-tvm-ffi==0.1.11 blobfile==3.0.0 " +
      "compressed-tensors==0.18.0 distro easydict einops fastapi gguf interegular IPython kernels<0.15,>=0.14.1 " +
      "llguidance<2.0.0,>=1.7.6 msgspec ninja numba==0.65.1 numpy nvidia-ml-py openai==2.8.0 openai-harmony==0.0.4 " +
      "orjson outlines==0.1.11 packaging partial_json_parser pillow prometheus-client psutil py-spy pybase64 pydantic " +
      "python-dateutil<3 python-multipart pyzmq>=25.1.2 regex requests scipy sentencepiece==0.2.1 setproctitle " +
      "soundfile==0.13.1 tiktoken tqdm uvicorn>=0.51 uvloop watchfiles xxhash zstandard datasets triton==3.8.0 " +
      "torch_memory_saver smg-grpc-servicer xgrammar==0.2.7"
    ).split(" "),
  ],
};

export interface SglangProcess extends EngineProcess {
  /**
   * What `act` does happens while each batch takes a tenth of a second longer: amid a rollout of some hundred tokens there is
   * time for anything, on a busy machine too.
   */
  slowly<T>(act: () => Promise<T>): Promise<T>;
}

export interface Sglang {
  /** Of its environment; has torch and transformers. */
  readonly python: string;
  /** Two checkpoints; it starts with the first. */
  readonly models: readonly [string, string];
  /** Starts one, about a minute. `flags`: more of its command line. */
  start(flags?: readonly string[], port?: number): Promise<SglangProcess>;
}

/** Installs it if need be: about 3 minutes, 2.7 GB. */
export async function openSglang(): Promise<Sglang> {
  const python = await ensureVenv(PACKAGE);
  const models = await ensureModels(python);
  return {
    python,
    models,
    async start(flags = [], port) {
      const folder = mkdtempSync(join(tmpdir(), "sglang-brake-"));
      const brake = join(folder, "on");
      const engine = await startEngineProcess({
        name: "sglang",
        python,
        args: (at) => argsOf(models[0], at, flags),
        env: { SGLANG_USE_CPU_ENGINE: "1", PYTHONPATH: PYTHON_FOLDER, BRAKE: brake },
        ...(port === undefined ? {} : { port }),
      });
      return {
        ...engine,
        slowly: (act) => slowly(brake, act),
        async kill() {
          await engine.kill();
          rmSync(folder, { recursive: true, force: true });
        },
      };
    },
  };
}

/** `brake`: the file that slows it while it is there. */
async function slowly<T>(brake: string, act: () => Promise<T>): Promise<T> {
  writeFileSync(brake, "");
  try {
    return await act();
  } finally {
    // One that was killed meanwhile has taken its folder along.
    rmSync(brake, { force: true });
  }
}

const argsOf = (model: string, port: number, flags: readonly string[]): readonly string[] => [
  "-m",
  "sglang.launch_server",
  ...["--model-path", model, "--served-model-name", "tiny", "--device", "cpu"],
  ...["--host", "127.0.0.1", "--port", String(port), "--dtype", "bfloat16"],
  ...[
    "--attention-backend",
    "torch_native",
    "--sampling-backend",
    "pytorch",
    "--grammar-backend",
    "none",
  ],
  ...["--disable-overlap-schedule", "--disable-cuda-graph", "--mem-fraction-static", "0.1"],
  ...["--max-total-tokens", "16384", "--max-running-requests", "8", "--context-length", "2048"],
  ...["--enable-metrics", ...flags],
];
