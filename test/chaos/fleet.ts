/** The fleet under test: a `paceline serve` of its own and `paceline worker`s that register, each a real process. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../server/main.ts", import.meta.url));
const CONTROL_FD = 3;
const LINES_KEPT = 400;
const STOP_MS = 40_000;

export interface Footprint {
  readonly rssBytes: number;
  readonly handles: number;
}

export interface ChaosFleet {
  readonly port: number;
  readonly grpcPort: number;
  readonly workers: readonly string[];
  /** Sends a signal to a worker's process. SIGKILL is final: see `revive`. */
  signal(worker: string, signal: NodeJS.Signals): void;
  /** A new process under the id of one that was killed. */
  revive(worker: string): Promise<void>;
  /** Of the server; null where the system does not tell. */
  footprint(): Footprint | null;
  /** The last lines that the processes wrote, for whoever looks into a failure. */
  lines(): readonly string[];
  /** Ends all: how each ended, and pids that are still there. */
  stop(): Promise<Stopped>;
}

export interface Stopped {
  /** Exit code, or the signal that it took. */
  readonly server: number | string;
  readonly workers: readonly (number | string)[];
  readonly orphans: readonly number[];
}

export interface ChaosFleetOptions {
  readonly workers: number;
  readonly settings: Readonly<Record<string, string | number>>;
}

const environment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("PACELINE_")));

export async function startChaosFleet({
  workers: count,
  settings,
}: ChaosFleetOptions): Promise<ChaosFleet> {
  const lines: string[] = [];
  const pids: number[] = [];
  const launch = (name: string, args: readonly string[], control: boolean): ChildProcess => {
    const child = spawn(process.execPath, [MAIN, ...args], {
      env: environment(),
      stdio: ["ignore", "ignore", "pipe", ...(control ? (["pipe"] as const) : [])],
    });
    if (child.pid !== undefined) pids.push(child.pid);
    createInterface({ input: child.stderr as NonNullable<typeof child.stderr> }).on(
      "line",
      (line) => {
        lines.push(`${name}: ${line}`);
        if (lines.length > LINES_KEPT) lines.shift();
        child.emit("line", line);
      },
    );
    return child;
  };

  const flags = { engine: "none", port: 0, grpc_port: 0, store: "memory", log_level: "warn" };
  const server = launch("server", ["serve", ...flagsOf({ ...flags, ...settings })], false);
  const killServer = (): void => void server.kill("SIGKILL");
  process.once("exit", killServer);
  const { url, port, grpcPort } = await address(server);

  const ids = Array.from({ length: count }, (_, i) => `w-${i + 1}`);
  const processes = new Map<string, ChildProcess>();
  const start = async (id: string): Promise<void> => {
    const shape = { engine: "embedded", "stream-interval": 4, "max-running": 16 };
    const given = { ...shape, server: url, id, "control-fd": CONTROL_FD };
    const child = launch(id, ["worker", ...flagsOf(given)], true);
    processes.set(id, child);
    // It says there where it serves, and ends when we do.
    await once(child.stdio[CONTROL_FD] as Duplex, "data");
  };
  await Promise.all(ids.map(start));
  const processOf = (id: string): ChildProcess => {
    const found = processes.get(id);
    if (found === undefined) throw new Error(`no worker ${id}`);
    return found;
  };

  return {
    port,
    grpcPort,
    workers: ids,
    signal: (id, signal) => void processOf(id).kill(signal),
    revive: start,
    footprint: () => footprintOf(server.pid ?? 0),
    lines: () => lines,
    async stop() {
      const how = await ended(server, "SIGTERM");
      process.removeListener("exit", killServer);
      const children = [...processes.values()].filter(({ signalCode }) => signalCode === null);
      for (const child of children) child.kill("SIGCONT");
      const workers = await Promise.all(children.map((child) => ended(child, "SIGTERM")));
      return { server: how, workers, orphans: pids.filter(isAlive) };
    },
  };
}

const flagsOf = (settings: Readonly<Record<string, string | number>>): string[] =>
  Object.entries(settings).flatMap(([name, value]) => [
    `--${name.replaceAll("_", "-")}`,
    String(value),
  ]);

async function address(
  server: ChildProcess,
): Promise<{ url: string; port: number; grpcPort: number }> {
  const over = once(server, "exit").then(() => {
    throw new Error("the server ended at once");
  });
  for (;;) {
    const [line] = (await Promise.race([once(server, "line"), over])) as [string];
    const match = /serves at (http:\S+:(\d+)) \(gRPC on port (\d+)\)/.exec(line);
    if (match === null) continue;
    over.catch(() => undefined);
    return { url: match[1] as string, port: Number(match[2]), grpcPort: Number(match[3]) };
  }
}

/** Exit code, or the signal that ended it: SIGKILL where it did not end by itself in time. */
async function ended(child: ChildProcess, signal: NodeJS.Signals): Promise<number | string> {
  if (child.exitCode !== null || child.signalCode !== null)
    return child.exitCode ?? child.signalCode ?? "";
  const exit = once(child, "exit") as Promise<[number | null, NodeJS.Signals | null]>;
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  const [code, by] = await exit;
  clearTimeout(timer);
  return code ?? by ?? "";
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function footprintOf(pid: number): Footprint | null {
  try {
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const kib = /VmRSS:\s+(\d+) kB/.exec(status)?.[1];
    return { rssBytes: Number(kib) * 1024, handles: readdirSync(`/proc/${pid}/fd`).length };
  } catch {
    return null;
  }
}
