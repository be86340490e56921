/** SIGTERM under load to a real `paceline serve`: every caller gets its Result, a typed error or a stream's end. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { PacelineError } from "../../server/contract/errors.ts";
import { createGrpcClient, type GrpcClient } from "../support/grpc-client.ts";
import { createHttpClient, type HttpClient } from "../support/http-client.ts";

const MAIN = fileURLToPath(new URL("../../server/main.ts", import.meta.url));

interface Serve {
  readonly process: ChildProcess;
  readonly http: HttpClient;
  readonly grpc: GrpcClient;
  /** Of its engines. */
  readonly workers: readonly number[];
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | string>;
}

async function startServe(drainMs: number): Promise<Serve> {
  const settings = ["--port", "0", "--grpc-port", "0", "--store", "memory", "--log-level", "warn"];
  const child = spawn(process.execPath, [MAIN, "serve", ...settings, "--drain-ms", `${drainMs}`], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, PACELINE_CONFIG: undefined },
  });
  const ended = once(child, "exit").then(([code, signal]) => code ?? signal);
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said += text;
    child.emit("said");
  });
  const listening = /serves at \S+:(\d+) \(gRPC on port (\d+)\)/;
  while (!listening.test(said)) {
    const how = await Promise.race([once(child, "said").then(() => null), ended]);
    if (how !== null) throw new Error(`serve ended with ${how}: ${said}`);
  }
  const [, port, grpcPort] = listening.exec(said) ?? [];
  const http = createHttpClient(Number(port));
  // A snapshot, not an event, is what is asked. One worker is enough; the other was started with it.
  while ((await http.call("GET", "/readyz")).status !== 200) await wait(50);
  const grpc = createGrpcClient(`127.0.0.1:${grpcPort}`);
  return { process: child, http, grpc, workers: await childrenOf(child.pid ?? 0), ended };
}

async function childrenOf(parent: number): Promise<number[]> {
  const ps = spawn("ps", ["-o", "pid=", "--ppid", String(parent)]);
  let text = "";
  ps.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  await once(ps, "close");
  return text.trim().split(/\s+/).map(Number);
}

/** Resolves once no such process is there; those whose parent died are reaped by init, which takes a moment. */
async function gone(pids: readonly number[]): Promise<void> {
  for (const pid of pids) {
    for (let look = 0; lives(pid); look++) {
      assert.ok(look < 200, `process ${pid} is an orphan`);
      await wait(25);
    }
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

const body = (id: string, tokens: number) => ({
  id,
  prompt_token_ids: [72, 105],
  sampling: { max_new_tokens: tokens, ignore_eos: true, seed: 7 },
});

/** What a caller got, in a word; throws for what nobody should get. */
async function outcome(answer: Promise<{ finishReason: { type: string; cause: string } }>) {
  try {
    const { finishReason } = await answer;
    return `${finishReason.type} ${finishReason.cause}`;
  } catch (error) {
    assert.ok(error instanceof PacelineError, `untyped: ${String(error)}`);
    assert.notEqual(error.code, "internal", error.message);
    return error.code;
  }
}

/** Every event up to the terminal one, without a gap. */
async function streamed(client: Pick<HttpClient, "stream">, id: string): Promise<string> {
  let last = -1;
  let terminal = "";
  try {
    for await (const { seq, event } of client.stream(body(id, 100_000))) {
      assert.equal(seq, last + 1, "no event is left out");
      last = seq;
      terminal = event.type;
    }
  } catch (error) {
    assert.ok(error instanceof PacelineError, `untyped: ${String(error)}`);
    return error.code;
  }
  assert.ok(terminal === "finished" || terminal === "error", `ended after ${terminal}`);
  return terminal;
}

async function loaded(drainMs: number, use: (serve: Serve) => Promise<void>): Promise<void> {
  const serve = await startServe(drainMs);
  try {
    await use(serve);
  } finally {
    serve.process.kill("SIGKILL");
    await Promise.all([serve.ended, serve.http.close(), serve.grpc.close()]);
    await gone(serve.workers);
  }
}

async function tokensFlow({ http }: Serve): Promise<void> {
  const made = /^paceline_output_tokens_total\S* ([1-9]\d*)$/m;
  while (!made.test((await http.call("GET", "/metrics")).text)) await wait(10);
}

describe("SIGTERM under load", { timeout: 110_000 }, () => {
  test("everybody gets an answer, the workers end, and so does the server, with 0", () =>
    loaded(100, async (serve) => {
      const { http, grpc } = serve;
      assert.equal(serve.workers.length, 2);
      const answers = [
        ...Array.from({ length: 40 }, (_, i) =>
          outcome(http.generate(body(`h-${i}`, i % 2 === 0 ? 20 : 1_900))),
        ),
        ...Array.from({ length: 10 }, (_, i) => outcome(grpc.generate(body(`g-${i}`, 1_900)))),
        ...Array.from({ length: 8 }, (_, i) => streamed(i % 2 === 0 ? http : grpc, `s-${i}`)),
      ];
      await tokensFlow(serve);
      serve.process.kill("SIGTERM");
      const got = await Promise.all(answers);
      assert.ok(got.includes("abort drain"), `partial Results among ${[...new Set(got)]}`);
      assert.equal(await serve.ended, 0);
      await gone(serve.workers);
    }));

  test("a further signal hurries", () =>
    loaded(600_000, async (serve) => {
      const answer = serve.http.generate(body("long", 1_900)).catch((error: unknown) => error);
      await tokensFlow(serve);
      serve.process.kill("SIGTERM");
      // It drains once it is no longer ready.
      while ((await serve.http.call("GET", "/readyz")).status === 200) await wait(10);
      serve.process.kill("SIGINT");
      assert.equal(await serve.ended, 130);
      await answer;
      await gone(serve.workers);
    }));
});
