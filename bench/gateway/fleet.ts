/** A server and simulated engines that run flat out, one worker a pool, with a committed version. */
import { fileURLToPath } from "node:url";
import { request } from "undici";
import { type Measured, start } from "./processes.ts";

export interface Fleet {
  readonly server: Measured;
  readonly http: string;
  /** `host:port`. */
  readonly grpc: string;
  readonly engines: readonly EngineUnderTest[];
}

export interface EngineUnderTest {
  readonly process: Measured;
  readonly url: string;
  readonly pool: string;
}

export interface EngineOptions {
  readonly pool: string;
  /** Tokens per frame after the first. */
  readonly interval: number;
  readonly maxRunning: number;
  /** Seconds of a step; 0: as fast as it can. */
  readonly stepSeconds?: number;
}

const main = fileURLToPath(new URL("../../server/main.ts", import.meta.url));
/** As users start it: with the flags that it gives Node. */
const paceline = fileURLToPath(new URL("../../bin/paceline.mjs", import.meta.url));
export const model = fileURLToPath(
  new URL("../../server/engine/demo-policy/step-1", import.meta.url),
);
const KV_TOKENS = 4_000_000;
const MAX_MODEL_LEN = 8_192;
export const VOCABULARY = 32_000;

/** `serve`: further flags of the server; `node`: of its Node (`--cpu-prof`, …). */
export async function startServer(
  serve: readonly string[],
  node: readonly string[],
): Promise<Omit<Fleet, "engines">> {
  const ports = ["--port", "0", "--grpc-port", "0"];
  const server = await start(
    process.execPath,
    [...node, paceline, "serve", "--engine", "none", "--store", "memory", ...ports, ...serve],
    /"http":"(http[^"]+","grpc":"[^"]+)"/,
  );
  const [http = "", grpc = ""] = server.match.split('","grpc":"');
  return { server, http, grpc };
}

/** The same with engines, each with the committed version. */
export async function startFleet(
  engines: readonly EngineOptions[],
  serve: readonly string[] = [],
  node: readonly string[] = [],
): Promise<Fleet> {
  const { server, http, grpc } = await startServer(serve, node);
  await call("PUT", `${http}/v1/policies/default`, { kind: "full" });
  const running: EngineUnderTest[] = [];
  for (const options of engines) {
    const engine = await startEngine(options);
    running.push(engine);
    const { url, pool } = engine;
    await call("POST", `${http}/v1/workers`, { url, engine: "simulated", pool, id: pool });
  }
  await publish(http);
  return { server, http, grpc, engines: running };
}

/** The first version, until every worker serves it: a commit comes before that. */
export async function publish(http: string, path: string = model): Promise<void> {
  const versions = `${http}/v1/policies/default/versions`;
  await call("POST", `${versions}?wait=committed`, {
    source: { path },
    commit: { mode: "all", timeout_ms: 30_000 },
  });
  // Ends with the publication.
  const progress = await request(`${versions}/1`, { headers: { accept: "text/event-stream" } });
  const last = (await progress.body.text()).trimEnd().split("\n").at(-1) ?? "";
  if (!last.includes('"state":"installed"')) throw new Error(`version 1 is not served: ${last}`);
}

async function startEngine(options: EngineOptions): Promise<EngineUnderTest> {
  const { pool, interval, maxRunning, stepSeconds = 0 } = options;
  const simulated = { maxModelLen: MAX_MODEL_LEN, vocabSize: VOCABULARY, stepSeconds };
  const size = ["--max-running", String(maxRunning), "--kv-tokens", String(KV_TOKENS)];
  const process_ = await start(
    process.execPath,
    [
      ...[main, "worker", "--engine", "simulated", ...size],
      ...["--stream-interval", String(interval), "--simulated", JSON.stringify(simulated)],
    ],
    /engine at (\S+)/,
  );
  return { process: process_, url: process_.match, pool };
}

export async function call(method: "PUT" | "POST", url: string, body: unknown): Promise<void> {
  const reply = await request(url, {
    method,
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const text = await reply.body.text();
  if (reply.statusCode >= 400) throw new Error(`${method} ${url}: ${text}`);
}
