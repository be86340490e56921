/** A real engine as a process group of its own on a free port, ready once `/health` answers 200. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { enginesFolder } from "./folder.ts";

export interface EngineProcess {
  readonly url: string;
  readonly port: number;
  /** `kill -9` of all its processes; resolves when the first of them is gone. */
  kill(): Promise<void>;
}

export interface EngineCommand {
  readonly name: string;
  readonly python: string;
  readonly args: (port: number) => readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Default: any free one. */
  readonly port?: number;
}

const READY_MS = 240_000;
/** Two OpenMP threads on two busy cores are ten times slower than one. */
const QUIET = { HF_HUB_OFFLINE: "1", TRANSFORMERS_OFFLINE: "1", OMP_NUM_THREADS: "1" };

export async function startEngineProcess(command: EngineCommand): Promise<EngineProcess> {
  const port = command.port ?? (await freePort());
  const log = join(enginesFolder(), `${command.name}-${port}.log`);
  const child = spawn(command.python, command.args(port), {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...QUIET, ...command.env },
  });
  const file = createWriteStream(log);
  child.stdout.pipe(file);
  child.stderr.pipe(file);
  const stopWithUs = (): void => killGroup(child);
  process.once("exit", stopWithUs);
  exitOnSignals();
  const url = `http://127.0.0.1:${port}`;
  const kill = async (): Promise<void> => {
    process.removeListener("exit", stopWithUs);
    if (child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    killGroup(child);
    await gone;
  };
  try {
    await ready(url, child);
  } catch (error) {
    await kill();
    throw new Error(`${command.name} did not start; its log: ${log}`, { cause: error });
  }
  return { url, port, kill };
}

let exits = false;

/** A signal alone would end us without `exit`, and leave the engines behind. */
function exitOnSignals(): void {
  if (exits) return;
  exits = true;
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => process.exit(1));
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It is gone already.
  }
}

async function ready(url: string, child: ChildProcess): Promise<void> {
  const deadline = Date.now() + READY_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
    if (Date.now() > deadline) throw new Error(`not ready within ${READY_MS} ms`);
    try {
      const { status } = await fetch(`${url}/health`, { signal: AbortSignal.timeout(5_000) });
      if (status === 200) return;
    } catch {
      // Nobody listens yet.
    }
    await sleep(500);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, "close");
  return port;
}
