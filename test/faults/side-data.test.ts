/** Side data end to end: a whole server, real engines, every front and encoding. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { Result } from "../../server/contract/result.ts";
import { wholeResult } from "../../server/rollouts/whole-result.ts";
import { createGrpcClient, type GrpcClient } from "../support/grpc-client.ts";
import { createHttpClient, type HttpClient } from "../support/http-client.ts";
import { type LiveServer, startLiveServer, workersReady } from "../support/live-server.ts";
import { readBack } from "../support/read-back.ts";
import { streamStruck } from "./struck-streams.ts";

const WORKERS = 2;
const spool = mkdtempSync(join(tmpdir(), "paceline-side-"));
const PROMPT = [...Buffer.from("17+25=42;7+5=12;99+99=")];

suite("side data over a whole server", { timeout: 120_000 }, () => {
  let server: LiveServer;
  let http: HttpClient;
  let grpc: GrpcClient;
  let ids = 0;

  before(async () => {
    server = await startLiveServer({ workers: WORKERS, stream_interval: 4, spool });
    await workersReady(server, WORKERS);
    http = createHttpClient(Number(new URL(server.http).port));
    grpc = createGrpcClient(`127.0.0.1:${server.grpcPort}`);
  });
  after(async () => {
    await grpc.close();
    await http.close();
    await server.stop();
    rmSync(spool, { recursive: true });
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

  test("rows are the same by every way", async () => {
    const body = {
      prompt_token_ids: PROMPT,
      sampling: { max_new_tokens: 24, top_p: 0.9, seed: 5, ignore_eos: true },
      want: { top_logprobs: 3, sampling_mask: true, prompt_logprobs: { start: 20 } },
    };
    const [first, ...others] = await everywhere(body);
    assert.equal(first?.side?.top?.offsets.length, 25);
    assert.equal(first?.side?.mask?.offsets.length, 25);
    for (const { side } of others) assert.deepEqual(side, first?.side);
    const json = await server.call<Wire>("POST", "/v1/rollouts", body);
    assert.equal(json.body.top_logprobs.ids.length, 24);
    assert.ok(json.body.top_logprobs.logprobs.every((row) => row.length <= 3));
    const { ids: kept, offsets } = json.body.side.sampling_mask;
    for (const [at, id] of json.body.output_token_ids.entries()) {
      assert.ok(kept.slice(offsets[at], offsets[at + 1]).includes(id));
    }
  });

  test("by reference the same rows, by every way", async () => {
    const body = {
      prompt_token_ids: PROMPT,
      sampling: { max_new_tokens: 24, top_p: 0.9, seed: 5, ignore_eos: true },
      want: { top_logprobs: 3, sampling_mask: true, prompt_logprobs: { start: 0 } },
    };
    const inline = await http.generate({ ...body, id: `side-${++ids}` });
    const stored = await everywhere({ ...body, want: { ...body.want, side_by_ref: true } });
    for (const result of stored) {
      assert.deepEqual([result.side?.top, result.side?.mask, result.side?.prompt], ABSENT);
      assert.deepEqual((await wholeResult(result, readBack(server.http))).side, inline.side);
    }
    const { top } = stored[0]?.side?.stored ?? {};
    const other = await fetch(`${server.http}/v1/side/${top?.ref}?job=other`);
    assert.equal(other.status, 410);
    const behind = { headers: { range: `bytes=${top?.bytes}-` } };
    assert.equal((await fetch(`${server.http}/v1/side/${top?.ref}`, behind)).status, 416);
  });

  test("kill -9 of a worker costs no row", async () => {
    const bodies = Array.from({ length: 24 }, (_, i) => ({
      prompt_token_ids: [...Buffer.from(`${i + 10}+${90 - i}=`)],
      sampling: { max_new_tokens: 120, top_k: 20, top_p: 0.95, seed: i, ignore_eos: true },
      want: { top_logprobs: 2, sampling_mask: true, prompt_logprobs: { start: 0 } },
    }));
    const calm = await Promise.all(
      bodies.map((body, i) => http.generate({ ...body, id: `calm-${i}` })),
    );
    const stormy = await streamStruck(server, http, bodies);
    for (const [i, result] of stormy.entries()) {
      assert.deepEqual(result.outputTokenIds, calm[i]?.outputTokenIds, `tokens of ${i}`);
      assert.deepEqual(result.side, calm[i]?.side, `side data of ${i}`);
    }
    const moves = stormy.reduce((sum, { routing }) => sum + routing.attempts - 1, 0);
    assert.ok(moves > 0, "the kill moved some");
    console.log(`# ${bodies.length} rollouts, ${moves} further attempts, no row differs`);
  });
});

const ABSENT = [null, null, null];

interface Wire {
  readonly output_token_ids: number[];
  readonly top_logprobs: { readonly ids: number[][]; readonly logprobs: number[][] };
  readonly side: { readonly sampling_mask: { readonly ids: number[]; readonly offsets: number[] } };
}

const packed = (ids: readonly number[]): string =>
  Buffer.from(Uint32Array.from(ids).buffer).toString("base64");
