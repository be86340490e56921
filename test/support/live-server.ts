/** A whole server in this process, with real worker processes, for tests that pull plugs. */
import { fileURLToPath } from "node:url";
import { Pool } from "undici";
import { type RunningServer, startServer } from "../../server/assembly/server.ts";
import { resolveConfig } from "../../server/config.ts";
import { CONTROL_FD } from "../../server/fleet/supervisor.ts";
import { createLiveRandom, liveClock } from "../../server/live-clock.ts";
import { createLog } from "../../server/telemetry/log.ts";

const MAIN = fileURLToPath(new URL("../../server/main.ts", import.meta.url));
export const STEP_1 = fileURLToPath(
  new URL("../../server/engine/demo-policy/step-1", import.meta.url),
);
export const STEP_2 = fileURLToPath(
  new URL("../../server/engine/demo-policy/step-2", import.meta.url),
);

export interface LiveServer extends RunningServer {
  call<T>(
    method: "GET" | "POST" | "PUT" | "DELETE",
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: T }>;
  /** Follows `/v1/events` until `done` says so of an event. */
  until(done: (event: Record<string, unknown>) => boolean): Promise<void>;
}

export async function startLiveServer(
  settings: Record<string, unknown>,
  clock = liveClock,
): Promise<LiveServer> {
  const config = resolveConfig(
    { port: 0, grpc_port: 0, store: "memory", log_level: "silent", ...settings },
    {},
    null,
  );
  const args = [
    MAIN,
    "worker",
    "--engine",
    "embedded",
    "--model",
    config.model,
    "--kv-tokens",
    String(config.kv_tokens),
  ];
  const server = await startServer({
    config,
    clock,
    random: createLiveRandom(),
    log: createLog(process.env["PACELINE_TEST_LOG"] ?? config.log_level, process.stderr),
    child: {
      command: process.execPath,
      args: [
        ...args,
        "--stream-interval",
        String(config.stream_interval),
        "--control-fd",
        String(CONTROL_FD),
      ],
      env: process.env,
    },
  });
  const pool = new Pool(server.http, { connections: 256, headersTimeout: 0, bodyTimeout: 0 });
  return {
    ...server,
    async call<T>(method: "GET" | "POST" | "PUT" | "DELETE", path: string, body?: unknown) {
      const reply = await pool.request({
        method,
        path,
        headers: body === undefined ? {} : { "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: reply.statusCode, body: (await reply.body.json()) as T };
    },
    async until(done) {
      const reply = await pool.request({
        method: "GET",
        path: "/v1/events?from=0",
        headers: { accept: "application/x-ndjson" },
      });
      let buffered = "";
      for await (const text of reply.body.setEncoding("utf8") as AsyncIterable<string>) {
        const lines = (buffered + text).split("\n");
        buffered = lines.pop() ?? "";
        if (lines.some((line) => line !== "" && done(JSON.parse(line) as Record<string, unknown>)))
          break;
      }
    },
    async stop() {
      await pool.destroy();
      await server.stop();
    },
  };
}

/** Resolves when `count` workers are ready and hold a version. Polls: a snapshot, not an event, is what is asked. */
export async function workersReady(
  server: LiveServer,
  count: number,
  version?: number,
): Promise<void> {
  for (;;) {
    const { body } = await server.call<{
      workers: { state: string; versions: { version: number }[] }[];
    }>("GET", "/v1/workers");
    const ready = body.workers.filter(
      ({ state, versions }) =>
        state === "ready" &&
        versions.some((held) => version === undefined || held.version === version),
    );
    if (ready.length >= count) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
