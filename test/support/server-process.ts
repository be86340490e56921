/** A whole server in a process of its own, to be killed or frozen. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { request } from "undici";

const MAIN = fileURLToPath(new URL("../../server/main.ts", import.meta.url));

export interface ServerProcess {
  readonly child: ChildProcess;
  call<T>(method: "GET" | "POST" | "PUT", path: string, body?: unknown): Promise<T>;
}

/** `settings`: flags of `paceline serve` by name. Without engines of its own, on free ports. */
export async function startServerProcess(
  settings: Readonly<Record<string, string | number>>,
): Promise<ServerProcess> {
  const all = { engine: "none", port: 0, "grpc-port": 0, ...settings };
  const flags = Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn(process.execPath, [MAIN, "serve", ...flags], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let url = "";
  for await (const line of createInterface({ input: child.stderr })) {
    url = /serves at (\S+)/.exec(line)?.[1] ?? "";
    if (url !== "") break;
  }
  assert.notEqual(url, "", "the server did not start");
  return {
    child,
    async call<T>(method: "GET" | "POST" | "PUT", path: string, body?: unknown) {
      const reply = await request(`${url}${path}`, {
        method,
        ...(body === undefined
          ? {}
          : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
      });
      const json = await reply.body.json();
      assert.ok(reply.statusCode < 300, `${method} ${path}: ${JSON.stringify(json)}`);
      return json as T;
    },
  };
}

export async function kill({ child }: ServerProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}
