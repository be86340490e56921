/** Side data end to end: a whole server, real engines, every front and encoding. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { Result } from "../../server/contract/result.ts";
import { createGrpcClient, type GrpcClient } from "../support/grpc-client.ts";
import { createHttpClient, type HttpClient } from "../support/http-client.ts";
import { type LiveServer, startLiveServer, workersReady } from "../support/live-server.ts";

const WORKERS = 2;
const PROMPT = [...Buffer.from("17+25=42;7+5=12;99+99=")];

suite("side data over a whole server", { timeout: 120_000 }, () => {
  let server: LiveServer;
  let http: HttpClient;
  let grpc: GrpcClient;
  let ids = 0;

  before(async () => {
    server = await startLiveServer({ workers: WORKERS, stream_interval: 4 });
    await workersReady(server, WORKERS);
    http = createHttpClient(Number(new URL(server.http).port));
    grpc = createGrpcClient(`127.0.0.1:${server.grpcPort}`);
  });
  after(async () => {
    await grpc.close();
    await http.close();
    await server.stop();
  });

  /** The Result of one body, by every front and encoding, and with and without a stream. */
  async function everywhere(body: Record<string, unknown>): Promise<Result[]> {
    const results: Result[] = [];
    const fresh = (): Record<string, unknown> => ({ ...body, id: `side-${++ids}` });
    for (const given of [
      fresh(),
      { ...fresh(), encoding: "b64", prompt_token_ids: packed(PROMPT) },
    ]) {
      results.push(await http.generate(given));
      for await (const { event } of http.stream(given)) {
        if (event.type === "finished") results.push(event.result);
      }
    }
    const message = fresh();
    results.push(await grpc.generate(message));
    for await (const { event } of grpc.stream(message)) {
      if (event.type === "finished") results.push(event.result);
    }
    assert.equal(results.length, 6);
    return results;
  }

  test("a prompt is scored, the same by every way", async () => {
    const body = {
      prompt_token_ids: PROMPT,
      sampling: { max_new_tokens: 0 },
      want: { prompt_logprobs: { start: 0 } },
    };
    const [first, ...others] = await everywhere(body);
    assert.deepEqual(first?.finishReason, { type: "length", cause: "max_new", matched: null });
    assert.deepEqual([first?.side?.prompt?.start, first?.side?.prompt?.version], [0, 1]);
    assert.equal(first?.side?.prompt?.logprobs.length, PROMPT.length);
    for (const { side } of others) assert.deepEqual(side, first?.side);
    const json = await server.call<Record<string, unknown>>("POST", "/v1/rollouts", body);
    const logprobs = json.body["prompt_logprobs"] as (number | null)[];
    assert.equal(logprobs[0], null);
    assert.ok(logprobs.slice(1).every((value) => typeof value === "number" && value <= 0));
  });
});

const packed = (ids: readonly number[]): string =>
  Buffer.from(Uint32Array.from(ids).buffer).toString("base64");
