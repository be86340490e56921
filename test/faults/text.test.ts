/** Stop strings, bad words and `continue` end to end: a whole server, real engines, both fronts. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import type { Result } from "../../server/contract/result.ts";
import { createGrpcClient, type GrpcClient } from "../support/grpc-client.ts";
import { createHttpClient, type HttpClient } from "../support/http-client.ts";
import { type LiveServer, startLiveServer, workersReady } from "../support/live-server.ts";
import { streamStruck } from "./struck-streams.ts";

const WORKERS = 2;
const bytes = (text: string): number[] => [...Buffer.from(text)];
const textOf = ({ outputTokenIds }: Result): string =>
  Buffer.from(outputTokenIds).toString("latin1");

suite("text and continuations over a whole server", { timeout: 120_000 }, () => {
  let server: LiveServer;
  let http: HttpClient;
  let grpc: GrpcClient;
  let ids = 0;
  const body = (sampling: object, more: object = {}) => ({
    id: `text-${++ids}`,
    prompt_token_ids: bytes("17+25="),
    sampling: { max_new_tokens: 60, seed: 3, temperature: 1, ignore_eos: true, ...sampling },
    ...more,
  });

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

  const running = async (): Promise<number> => {
    const { body } = await server.call<{ workers: { load: { running: number } | null }[] }>(
      "GET",
      "/v1/workers",
    );
    return body.workers.reduce((sum, { load }) => sum + (load?.running ?? 0), 0);
  };

  test("a stop string ends a rollout by every way, and its request inside the engine", async () => {
    const free = await http.generate(body({ max_new_tokens: 400 }));
    const stop = textOf(free).slice(13, 16);
    const end = textOf(free).indexOf(stop) + stop.length;
    for (const client of [http, grpc]) {
      const given = body({ stop: ["no such text", stop], max_new_tokens: 1_800 });
      const result = await client.generate(given);
      assert.deepEqual(result.finishReason, { type: "stop", cause: "stop_string", matched: stop });
      assert.deepEqual(result.outputTokenIds, free.outputTokenIds.slice(0, end));
      assert.deepEqual(result.logprobs, free.logprobs.slice(0, end));
      assert.equal(result.usage.outputTokens, end);
      for await (const { event } of client.stream(given)) {
        if (event.type === "finished") assert.deepEqual(event.result, result);
      }
    }
    while ((await running()) > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test("kill -9 of a worker changes no end by a stop string", async () => {
    const bodies = Array.from({ length: 24 }, (_, i) => ({
      prompt_token_ids: bytes(`${i + 10}+${90 - i}=`),
      sampling: {
        max_new_tokens: 400,
        seed: i,
        ignore_eos: true,
        // Some soon, some late, some never: most run when the worker dies.
        stop: i % 2 === 0 ? ["no such text"] : [`${i % 10}${(i * 3) % 10}=`, `=${i + 40}`],
      },
    }));
    const calm = await Promise.all(
      bodies.map((each, i) => http.generate({ ...each, id: `calm-${i}` })),
    );
    const stormy = await streamStruck(server, http, bodies);
    for (const [i, result] of stormy.entries()) {
      assert.deepEqual(result.outputTokenIds, calm[i]?.outputTokenIds, `tokens of ${i}`);
      assert.deepEqual(result.finishReason, calm[i]?.finishReason, `end of ${i}`);
    }
    const causes = calm.filter(({ finishReason }) => finishReason.cause === "stop_string").length;
    const moves = stormy.reduce((sum, { routing }) => sum + routing.attempts - 1, 0);
    assert.ok(causes > 0 && moves > 0, `${causes} stopped, ${moves} moved`);
  });

  test("bad words never come, by either front", async () => {
    const free = textOf(await http.generate(body({})));
    const badWords = [free.slice(3, 5), free.slice(6, 7)];
    for (const client of [http, grpc]) {
      const text = textOf(await client.generate(body({ bad_words: badWords })));
      assert.equal(text.length, 60);
      for (const word of badWords) assert.equal(text.includes(word), false, word);
    }
  });

  test("a rollout continued by its caller makes the tokens of the undisturbed run", async () => {
    // The proto's floats have 32 bits: of 1.1 the fronts would make two numbers.
    const sampling = { repetition_penalty: 1.125, top_p: 0.9375 };
    const whole = await http.generate(body(sampling));
    for (const client of [http, grpc]) {
      const part = await client.generate(body({ ...sampling, max_new_tokens: 23 }));
      assert.deepEqual(part.outputTokenIds, whole.outputTokenIds.slice(0, 23));
      const given = {
        output_token_ids: [...part.outputTokenIds],
        logprobs: [...part.logprobs],
        spans: part.spans.map(({ baseVersion: _, label: __, ...span }) => span),
      };
      const again = body(sampling, { continue: given });
      const rest = await client.generate(again);
      assert.deepEqual(rest.outputTokenIds, whole.outputTokenIds);
      assert.deepEqual(rest.logprobs, whole.logprobs);
      assert.deepEqual(rest.finishReason, whole.finishReason);
      assert.deepEqual(
        rest.spans.map(({ version, start, end }) => [version, start, end]),
        [[1, 0, 60]],
      );
      assert.deepEqual(
        rest.segments.map(({ worker, start, end }) => [worker === null, start, end]),
        [
          [true, 0, 23],
          [false, 23, 60],
        ],
      );
      for await (const { event } of client.stream(again)) {
        if (event.type === "finished") assert.deepEqual(event.result, rest);
      }
    }
  });
});
