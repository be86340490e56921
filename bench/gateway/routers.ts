/**
 * Routers that others publish, from PyPI, each in a Python environment of its own: sglang-router brings a script
 * named `smg` too. Versions are pinned, since a figure is of one version.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { request } from "undici";
import { model } from "./fleet.ts";
import { type Measured, startWhen } from "./processes.ts";
import { freePort } from "./rivals.ts";

export interface Router {
  readonly name: string;
  readonly version: string;
  /** Its program and what it is called with, under the `bin` of its environment. */
  readonly program: readonly string[];
}

export const ROUTERS: readonly Router[] = [
  { name: "smg", version: "1.13.0", program: ["smg", "launch"] },
  {
    name: "sglang-router",
    version: "0.3.2",
    program: ["python", "-m", "sglang_router.launch_router"],
  },
  { name: "vllm-router", version: "0.1.17", program: ["vllm-router"] },
];
export const DYNAMO = { name: "ai-dynamo", version: "1.6.1" };
/** What its frontend and its mocker import. */
const DYNAMO_NEEDS = [
  ...["uvloop", "pydantic", "transformers", "aiohttp", "msgspec", "numpy", "pyzmq"],
  ...["prometheus-client<1", "redis<9", "zstandard<1", "kubernetes<33"],
];

export interface Started {
  readonly process: Measured;
  /** Where SGLang's `/generate` is. */
  readonly url: string;
}

/**
 * Makes what is missing under `folder`. What pip cannot do shows when it is started. Dynamo goes without its dependencies,
 * some of which are stubs that download from NVIDIA's own index; those that it imports are named.
 */
export function install(folder: string): void {
  const environments = [
    ...ROUTERS.map(({ name, version }) => ({ name, steps: [[`${name}==${version}`]] })),
    {
      name: DYNAMO.name,
      steps: [
        ["--no-deps", `ai-dynamo==${DYNAMO.version}`, `ai-dynamo-runtime==${DYNAMO.version}`],
        DYNAMO_NEEDS,
      ],
    },
  ];
  for (const { name, steps } of environments) {
    spawnSync("python3", ["-m", "venv", join(folder, name)], { stdio: "inherit" });
    for (const packages of steps) {
      spawnSync(binary(folder, name, "pip"), ["install", "--quiet", ...packages], {
        stdio: "inherit",
      });
    }
  }
}

const binary = (folder: string, name: string, program: string): string =>
  resolve(folder, name, "bin", program);

/** Rejects with the reason where it cannot be started. */
export async function startRouter(
  { name, program: [program = "", ...words] }: Router,
  folder: string,
  engine: string,
): Promise<Started> {
  const [port, metrics] = [await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}/generate`;
  const process_ = await startWhen(
    [
      ...[binary(folder, name, program), ...words, "--worker-urls", engine, "--host", "127.0.0.1"],
      ...["--port", String(port), "--prometheus-port", String(metrics)],
      ...["--policy", "round_robin", "--log-level", "error"],
    ],
    () => generates(url, false),
  );
  return { process: process_, url };
}

/**
 * Dynamo's frontend with one mocker, which is its own engine: it takes no other's. Its native `/generate` streams a token
 * an event. The process that is measured is the frontend.
 */
export async function startDynamo(folder: string): Promise<Started> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/generate`;
  const shared = mkdtempSync(join(tmpdir(), "bench-dynamo-"));
  const env = {
    DYN_SGLANG_ENABLE_GENERATE: "1",
    DYN_DISCOVERY_BACKEND: "file",
    DYN_FILE_KV: shared,
    DYN_LOG: "error",
  };
  const python = binary(folder, DYNAMO.name, "python");
  const alive = async (): Promise<boolean> => true;
  const mocker = ["--model-path", model, "--speedup-ratio", "1000", "--sglang-generate"];
  await startWhen([python, "-m", "dynamo.mocker", ...mocker], alive, env);
  const process_ = await startWhen(
    [python, "-m", "dynamo.frontend", "--http-port", String(port), "--router-mode", "kv"],
    () => generates(url, true),
    env,
  );
  return { process: process_, url };
}

async function generates(url: string, stream: boolean): Promise<boolean> {
  const body = {
    rid: `ready-${performance.now()}`,
    input_ids: [1, 2, 3],
    sampling_params: { max_new_tokens: 1, ignore_eos: true },
    return_logprob: true,
    stream,
  };
  try {
    const reply = await request(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    await reply.body.dump();
    return reply.statusCode === 200;
  } catch {
    return false;
  }
}
