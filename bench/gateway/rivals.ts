/** Proxies in front of the same engine: a Node pass-through always, HAProxy where it is installed. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Front, throughProxy } from "./fronts.ts";
import { type Measured, start } from "./processes.ts";

export interface Rival {
  readonly front: Front;
  readonly process: Measured;
  readonly url: string;
}

export async function startPassThrough(engine: string): Promise<Rival> {
  const file = fileURLToPath(new URL("./pass-through.ts", import.meta.url));
  const process_ = await start(process.execPath, [file, engine], /pass-through at (\S+)/);
  const url = process_.match;
  return { front: throughProxy("Node pass-through", url), process: process_, url };
}

/** Null, and says so, where there is none. `install`: asks apt for it first. */
export async function startHaproxy(engine: string, install: boolean): Promise<Rival | null> {
  if (install) spawnSync("apt-get", ["install", "-y", "haproxy"], { stdio: "inherit" });
  if (spawnSync("haproxy", ["-v"]).status !== 0) {
    console.log("haproxy: skipped, not installed here (`--install-haproxy` asks apt-get for it)");
    return null;
  }
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "bench-haproxy-"));
  const file = join(folder, "haproxy.cfg");
  writeFileSync(file, configuration(port, new URL(engine).host));
  // In the foreground with -db: one process, so its CPU is all of it. It says nothing when it listens, only this before.
  const process_ = await start("haproxy", ["-db", "-V", "-f", file], /(Available)/);
  await listening(port);
  rmSync(folder, { recursive: true });
  const url = `http://127.0.0.1:${port}`;
  return { front: throughProxy("HAProxy", url), process: process_, url };
}

/** One thread, as Node has one; connections to the engine are kept and shared. */
const configuration = (port: number, engine: string): string => `
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  timeout connect 5s
  timeout client 10m
  timeout server 10m
  http-reuse always
frontend callers
  bind 127.0.0.1:${port}
  default_backend engine
backend engine
  server one ${engine}
`;

const LISTENING_MS = 10_000;

async function listening(port: number): Promise<void> {
  const since = performance.now();
  const answers = (): Promise<boolean> =>
    new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        socket.destroy();
        resolve(true);
      });
      socket.on("error", () => resolve(false));
    });
  while (!(await answers())) {
    if (performance.now() - since > LISTENING_MS) throw new Error(`nobody listens on ${port}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no TCP address");
  return address.port;
}
