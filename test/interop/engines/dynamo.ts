/**
 * Real Dynamo on a machine without a GPU: its frontend, and its mocker as workers, which make random ids between 1000 and
 * 1999 at the pace of an engine. They find each other by files.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, existsSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { enginesFolder } from "./folder.ts";
import { ensureModels } from "./models.ts";
import { type EngineProcess, startEngineProcess } from "./process.ts";
import { type EnginePackage, ensureVenv, run } from "./venv.ts";

const DYNAMO_VERSION = "1.6.1";

const PACKAGE: EnginePackage = {
  name: "dynamo",
  distribution: `ai-dynamo-${DYNAMO_VERSION}`,
  installs: [
    // Without what it only simulates other hardware with, which cannot be installed everywhere.
    ["--no-deps", `ai-dynamo==${DYNAMO_VERSION}`, `ai-dynamo-runtime==${DYNAMO_VERSION}`],
    ["aiohttp", "certifi", "kubernetes<33", "msgspec", "prometheus-client", "pyzmq", "redis<9"],
    ["tqdm", "transformers>=4.56", "typing-extensions", "zstandard", "pydantic", "uvloop"],
    ["pyyaml", "numpy"],
  ],
};

export interface Dynamo {
  /** Of the tokenizer and configuration that its workers serve. */
  readonly model: string;
  readonly frontend: EngineProcess;
  /** `kill -9` of the first worker. */
  killWorker(): Promise<void>;
  close(): Promise<void>;
}

export interface DynamoOptions {
  /** Frontend and workers serve SGLang's `/generate`. */
  readonly native: boolean;
  readonly workers: number;
  /** How much faster than an engine its workers are. */
  readonly speedup: number;
}

export async function startDynamo(options: DynamoOptions): Promise<Dynamo> {
  const python = await ensureVenv(PACKAGE);
  // Only the weights need it, which the mocker does not read.
  if (!existsSync(join(enginesFolder(), "tiny-1", "model.safetensors"))) {
    await run(python, ["-m", "pip", "install", "-q", "torch==2.13.0"]);
  }
  const [model] = await ensureModels(python);
  const env = {
    DYN_DISCOVERY_BACKEND: "file",
    DYN_FILE_KV: mkdtempSync(join(tmpdir(), "paceline-dynamo-")),
    DYN_REQUEST_PLANE: "tcp",
    DYN_EVENT_PLANE: "zmq",
    ...(options.native ? { DYN_SGLANG_ENABLE_GENERATE: "1" } : {}),
  };
  const workers = Array.from({ length: options.workers }, (_, at) =>
    startWorker(python, [...workerArgs(model, options)], env, at),
  );
  const kill = async (): Promise<void> => {
    await Promise.all(workers.map(killed));
  };
  try {
    const frontend = await startEngineProcess({
      name: "dynamo-frontend",
      python,
      args: (port) => [
        ...["-m", "dynamo.frontend", "--http-port", String(port)],
        ...["--discovery-backend", "file", "--router-mode", "round-robin"],
      ],
      env,
    });
    await listed(frontend.url);
    return {
      model,
      frontend,
      killWorker: () => killed(workers[0] as ChildProcess),
      async close() {
        await frontend.kill();
        await kill();
      },
    };
  } catch (error) {
    await kill();
    throw error;
  }
}

const workerArgs = (model: string, { native, speedup }: DynamoOptions): readonly string[] => [
  ...["-m", "dynamo.mocker", "--model-path", model, "--model-name", "mini"],
  ...["--discovery-backend", "file", "--speedup-ratio", String(speedup)],
  ...(native ? ["--engine-type", "sglang", "--sglang-generate"] : []),
];

function startWorker(
  python: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  at: number,
): ChildProcess {
  const child = spawn(python, args, {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1", ...env },
  });
  const log = createWriteStream(join(enginesFolder(), `dynamo-worker-${at}.log`));
  child.stdout?.pipe(log);
  child.stderr?.pipe(log);
  process.once("exit", () => child.kill("SIGKILL"));
  return child;
}

async function killed(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}

/** Workers come to the frontend a while after it is up. */
async function listed(url: string): Promise<void> {
  const signal = AbortSignal.timeout(120_000);
  for (;;) {
    const reply = await fetch(`${url}/v1/models`, { signal });
    const { data = [] } = (await reply.json()) as { data?: readonly unknown[] };
    if (data.length > 0) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}
