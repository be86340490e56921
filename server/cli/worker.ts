/**
 * `paceline worker`: launches an embedded (or simulated) engine, or adopts one that runs, registers it
 * at a server and keeps its lease. Under a supervisor it tells its address through the control pipe
 * instead, and ends when that pipe closes.
 */
import { readFileSync } from "node:fs";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Command, Option } from "commander";
import { SETTINGS } from "../config.ts";
import { PacelineError } from "../contract/errors.ts";
import type { Proof } from "../contract/policy.ts";
import type { EngineKind } from "../contract/worker.ts";
import { startEngineServer } from "../engine/server/engine-server.ts";
import { createClient, type ServerOptions } from "./client.ts";
import { addServerOptions } from "./options.ts";

/** Kinds that this command starts itself. */
const LAUNCHED = ["embedded", "simulated"] as const;

interface WorkerOptions extends Partial<ServerOptions> {
  engine: EngineKind;
  model: string;
  kvTokens: string;
  maxRunning: string;
  streamInterval: string;
  port: string;
  simulated?: string;
  proof: Proof;
  faults?: boolean;
  adopt?: string;
  id?: string;
  pool?: string;
  apiKeyFile?: string;
  adminApiKeyFile?: string;
  controlFd?: string;
}

interface Endpoint {
  readonly url: string;
  close(): Promise<void>;
}

export function workerCommand(): Command {
  const option = (key: "kv_tokens" | "max_running" | "stream_interval" | "model") => {
    const { unit, reason, default: fallback } = SETTINGS[key];
    return new Option(`--${key.replaceAll("_", "-")} <${unit ?? "dir"}>`, reason).default(
      String(fallback),
    );
  };
  const command = new Command("worker")
    .description("join a host to a server: launch or adopt an engine, register it, keep its lease")
    .addOption(
      new Option("-e, --engine <kind>", "what to launch, or the kind of what is adopted")
        .choices([...LAUNCHED, "vllm", "sglang", "trtllm", "dynamo"])
        .default("embedded"),
    )
    .addOption(option("model"))
    .addOption(option("kv_tokens"))
    .addOption(option("max_running"))
    .addOption(option("stream_interval"))
    .option("--port <port>", "of the engine; 0 takes a free one", "0")
    .option("--simulated <json>", "step-time model of a simulated engine")
    .addOption(
      new Option("--proof <level>", "what the engine can show of the weights that it holds")
        .choices(["digest", "receipt", "reported"])
        .default("digest"),
    )
    .option("--faults", "take faults on command, for tests (a simulated engine always does)")
    .option("--adopt <url>", "register an engine that runs already instead of launching one")
    .option("--id <id>", "worker id (default: minted by the server)")
    .option("--pool <pool>", "pool to join")
    .option("--api-key-file <file>", "key that an adopted SGLang engine asks for")
    .option("--admin-api-key-file <file>", "the same of calls that change it, where it has another")
    .option(
      "--control-fd <fd>",
      "pipe of a supervisor: the address is written to it, its end ends this process",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  paceline worker --engine embedded --server http://127.0.0.1:8700" +
        "\n  paceline worker --engine vllm --adopt http://gpu-1:8000 --server http://127.0.0.1:8700",
    )
    .action(run);
  return addServerOptions(
    command,
    new Option(
      "-s, --server <url>",
      "to register at, with an admin token; without one the engine just runs",
    ),
  );
}

async function run(options: WorkerOptions): Promise<void> {
  const endpoint = await open(options);
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  if (options.controlFd !== undefined) announce(Number(options.controlFd), endpoint.url, stop);
  else process.stderr.write(`${options.engine} engine at ${endpoint.url}\n`);
  try {
    if (options.server !== undefined)
      await keepLease(options, options.server, endpoint.url, stop.signal);
    else await aborted(stop.signal);
  } finally {
    await endpoint.close();
  }
}

async function open(options: WorkerOptions): Promise<Endpoint> {
  if (options.adopt !== undefined) return { url: options.adopt, close: async () => undefined };
  const kind = LAUNCHED.find((one) => one === options.engine);
  if (kind === undefined) {
    throw new PacelineError(
      "invalid_argument",
      `a ${options.engine} engine is started by its own means: name it with --adopt <url>`,
    );
  }
  return startEngineServer({
    kind,
    directory: options.model,
    kvTokens: Number(options.kvTokens),
    maxRunning: Number(options.maxRunning),
    streamInterval: Number(options.streamInterval),
    port: Number(options.port),
    proof: options.proof,
    ...(options.faults === true ? { faults: true } : {}),
    ...(options.simulated === undefined ? {} : { simulated: parseSimulated(options.simulated) }),
  });
}

function parseSimulated(json: string): object {
  try {
    return JSON.parse(json) as object;
  } catch {
    throw new PacelineError("invalid_argument", `--simulated is not JSON: ${json}`);
  }
}

/** The supervisor's end closes when it dies, however it dies. */
function announce(fd: number, url: string, stop: AbortController): void {
  const pipe = new Socket({ fd, readable: true, writable: true });
  pipe.on("error", () => stop.abort());
  pipe.on("close", () => stop.abort());
  // Told to end otherwise, it must not be what keeps the process.
  stop.signal.addEventListener("abort", () => pipe.destroy(), { once: true });
  pipe.resume();
  pipe.write(`${JSON.stringify({ url })}\n`);
}

/** Registers, then renews three times a lease; registers again when the server forgot us. */
async function keepLease(
  options: WorkerOptions,
  server: string,
  url: string,
  signal: AbortSignal,
): Promise<void> {
  const client = createClient({ ...options, server }, 2);
  const { engine, id, pool } = options;
  const keys = {
    ...keyIn("api_key", options.apiKeyFile),
    ...keyIn("admin_api_key", options.adminApiKeyFile),
  };
  let registered: { id: string; incarnation: string; lease_ms: number } | null = null;
  while (!signal.aborted) {
    let waitMs = 1000;
    try {
      registered ??= await client.json("POST", "/v1/workers", {
        url,
        engine,
        ...(id === undefined ? {} : { id }),
        ...(pool === undefined ? {} : { pool }),
        ...keys,
      });
      const { id: worker, incarnation, lease_ms } = registered as NonNullable<typeof registered>;
      await client.json("POST", `/v1/workers/${encodeURIComponent(worker)}/lease`, { incarnation });
      waitMs = Math.max(100, lease_ms / 3);
    } catch (thrown) {
      const error = PacelineError.from(thrown);
      process.stderr.write(`paceline worker: ${error.code}: ${error.message}\n`);
      registered = null;
    }
    await sleep(waitMs, null, { signal }).catch(() => undefined);
  }
  await client.close();
}

/** Throws `invalid_argument` for a file that cannot be read. */
function keyIn(field: "api_key" | "admin_api_key", file: string | undefined): object {
  if (file === undefined) return {};
  try {
    return { [field]: readFileSync(file, "utf8").trim() };
  } catch (thrown) {
    throw new PacelineError("invalid_argument", `${file}: ${PacelineError.from(thrown).message}`);
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
