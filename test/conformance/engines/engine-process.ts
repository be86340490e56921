/** An engine in a process of its own, to be killed. Run as a program it is that process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { startEngineServer } from "../../../server/engine/server/engine-server.ts";
import type { EngineServerOptions } from "../../../server/engine/server/options.ts";

export interface EngineProcess {
  readonly url: string;
  kill(signal: NodeJS.Signals): void;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
}

const SELF = fileURLToPath(import.meta.url);

/** `files`: how many open files and sockets it may have; as many as this process by default. */
export async function startEngineProcess(
  options: EngineServerOptions,
  files: number | "unlimited" = "unlimited",
): Promise<EngineProcess> {
  const limit = files === "unlimited" ? "" : `ulimit -n ${files}; `;
  const args = ["-c", `${limit}exec "$@"`, "sh", process.execPath, SELF, JSON.stringify(options)];
  const child = spawn("sh", args, { stdio: ["pipe", "pipe", "ignore"] });
  const ended = exitOf(child);
  const url = await Promise.race([
    once(child.stdout, "data").then(([data]) => String(data).trim()),
    ended.then((how) => {
      throw new Error(`the engine process ended at once: ${how}`);
    }),
  ]);
  return { url, kill: (signal) => void child.kill(signal), ended };
}

async function exitOf(child: ChildProcess): Promise<number | NodeJS.Signals> {
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return code ?? signal ?? "SIGKILL";
}

if (process.argv[1] === SELF) {
  const server = await startEngineServer(JSON.parse(process.argv[2] ?? "{}"));
  process.stdout.write(`${server.url}\n`);
  // Dies with the test that started it, however that dies.
  process.stdin.on("close", () => process.exit(0)).resume();
}
