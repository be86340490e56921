/** The engine's HTTP front, spoken to by hand: what is refused, who is slow, who leaves. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { encodeRequest } from "../../../../adapters/embedded/request.ts";
import { FRAME, HEADER_BYTES } from "../../../../adapters/embedded/wire.ts";
import {
  createSimulatedEngine,
  type SimulatedEngine,
} from "../../../../adapters/simulated/engine.ts";
import {
  type EngineServer,
  startEngineServer,
} from "../../../../server/engine/server/engine-server.ts";
import { LIMITS } from "../../../../server/limits.ts";
import { deadline, requestOf, run } from "../../../conformance/engines/attempt.ts";
import { until, weightsOf } from "../../../conformance/engines/fixture.ts";

const SAMPLING = {
  max_new_tokens: 8,
  min_new_tokens: 0,
  temperature: 1,
  top_p: 1,
  top_k: 0,
  min_p: 0,
  presence_penalty: 0,
  frequency_penalty: 0,
  repetition_penalty: 1,
  stop_token_ids: [],
  ignore_eos: true,
  seed: 1,
  logit_bias: [],
};
const BODY = {
  request_id: "by-hand",
  policy: "default",
  prompt_token_ids: "AQAAAA==",
  output_token_ids: "",
  sampling: SAMPLING,
  sibling_index: 0,
  logprob_mode: "raw",
  cache_namespace: "n",
  priority: 0,
};

interface Refusal {
  readonly error: { readonly code: string; readonly details: { readonly path?: string } };
}

function tokensFrames(reply: ArrayBuffer): number {
  const view = new DataView(reply);
  let frames = 0;
  for (let at = 0; at < view.byteLength; at += HEADER_BYTES + view.getUint32(at, true)) {
    if (view.getUint8(at + 4) === FRAME.tokens) frames++;
  }
  return frames;
}

describe("engine server", () => {
  let server: EngineServer;
  let engine: SimulatedEngine;

  before(async () => {
    server = await startEngineServer({
      kind: "simulated",
      kvTokens: 4_000_000,
      maxRunning: 16,
      streamInterval: 64,
      simulated: { maxModelLen: 2_000_000 },
    });
    engine = createSimulatedEngine(server.url);
    const policy = "default";
    await weightsOf(engine).stage({ policy, version: 1, path: "/one" }, deadline());
    await weightsOf(engine).swap({ policy, version: 1, kv: "keep" }, deadline());
  });
  after(async () => {
    await engine.close();
    await server.close();
  });

  const post = (path: string, body: string): Promise<Response> =>
    fetch(`${server.url}${path}`, { method: "POST", body, signal: deadline() });

  const sampling = (over: object): object => ({ ...BODY, sampling: { ...SAMPLING, ...over } });
  const refused: readonly (readonly [string, object, path: string])[] = [
    ["an unknown field", { ...BODY, stream: true }, ""],
    ["no sampling", { ...BODY, sampling: undefined }, "sampling"],
    ["an unknown sampling field", sampling({ beam: 2 }), "sampling"],
    ["no max_new_tokens", sampling({ max_new_tokens: undefined }), "sampling.max_new_tokens"],
    ["a fraction of a token", sampling({ max_new_tokens: 1.5 }), "sampling.max_new_tokens"],
    ["a negative temperature", sampling({ temperature: -1 }), "sampling.temperature"],
    ["a null", sampling({ top_p: null }), "sampling.top_p"],
    ["a seed beyond 2^53", sampling({ seed: 2 ** 53 }), "sampling.seed"],
    ["a bias that is no pair", sampling({ logit_bias: [[1]] }), "sampling.logit_bias.0"],
    ["ids that are no base64", { ...BODY, prompt_token_ids: "@@@@" }, "prompt_token_ids"],
    ["ids that are no u32", { ...BODY, output_token_ids: "AQAA" }, "output_token_ids"],
    ["ids as numbers", { ...BODY, prompt_token_ids: [1] }, "prompt_token_ids"],
    ["an id too long", { ...BODY, request_id: "x".repeat(129) }, "request_id"],
    ["an interval of 0", { ...BODY, stream_interval: 0 }, "stream_interval"],
  ];
  for (const [name, body, path] of refused) {
    test(`${name} is a 400 with its path`, async () => {
      const reply = await post("/generate", JSON.stringify(body));
      const { error } = (await reply.json()) as Refusal;
      assert.deepEqual(
        [reply.status, error.code, error.details.path],
        [400, "invalid_argument", path],
      );
    });
  }

  test("what is no JSON, no route or too large is refused with its status", async () => {
    const statuses = [
      (await post("/generate", "{")).status,
      (await post("/nowhere", "{}")).status,
      (await fetch(`${server.url}/generate`, { signal: deadline() })).status,
      (await post("/pause", '{"mode":"gently"}')).status,
      (await post("/weights/swap", '{"policy":"default","version":-1,"kv":"keep"}')).status,
    ];
    assert.deepEqual(statuses, [400, 404, 404, 400, 400]);
    const socket = await dial();
    const length = LIMITS.bodyBytes + 1;
    socket.write(`POST /generate HTTP/1.1\r\nhost: x\r\ncontent-length: ${length}\r\n\r\n`);
    const [answer] = await once(socket, "data");
    assert.match(String(answer), /^HTTP\/1.1 413 /);
    socket.destroy();
  });

  test("a request's own interval beats the engine's", async () => {
    for (const [interval, frames] of [
      [null, 2],
      [1, 32],
    ] as const) {
      const reply = await post("/generate", encodeRequest(requestOf({}), interval));
      assert.equal(tokensFrames(await reply.arrayBuffer()), frames);
    }
  });

  async function dial(): Promise<Socket> {
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    await once(socket, "connect");
    return socket;
  }

  async function generateByHand(tokens: number): Promise<Socket> {
    const socket = await dial();
    const body = JSON.stringify({ ...sampling({ max_new_tokens: tokens }), stream_interval: 1 });
    socket.pause();
    socket.write(
      `POST /generate HTTP/1.1\r\nhost: x\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    return socket;
  }

  test("a reader that takes nothing holds up nobody, and in the end gets everything", async () => {
    const tokens = 8_000;
    const before = (await engine.telemetry(deadline())).outputTokens;
    const socket = await generateByHand(tokens);
    await until(engine, 1);
    assert.equal((await run(engine, {})).ids.length, 32);
    // The core finishes: the tokens wait for their reader, not the other way round.
    await until(engine, 0);
    assert.equal((await engine.telemetry(deadline())).outputTokens, before + tokens + 32);
    let tail = "";
    socket.on("data", (data: Buffer) => {
      tail = (tail + data.toString("latin1")).slice(-300);
    });
    socket.resume();
    const signal = deadline();
    while (!tail.endsWith("0\r\n\r\n")) await once(socket, "data", { signal });
    assert.match(tail, /"cause":"max_new"/);
    socket.destroy();
  });

  test("a client that leaves without a word ends its request", async () => {
    const socket = await generateByHand(1_900_000);
    await until(engine, 1);
    socket.destroy();
    await until(engine, 0);
  });

  test("an abort by id ends the reply properly, with what there is", async () => {
    const reply = await post("/generate", JSON.stringify(sampling({ max_new_tokens: 1_900_000 })));
    const answer = await post("/abort", '{"request_id":"by-hand"}');
    assert.deepEqual(await answer.json(), { aborted: true });
    const text = Buffer.from(await reply.arrayBuffer()).toString("latin1");
    assert.match(text, /\{"type":"abort","cause":"client","matched":null,"cached_tokens":0\} *$/);
    const again = await post("/abort", '{"request_id":"by-hand"}');
    assert.deepEqual(await again.json(), { aborted: false });
  });
});

describe("engine server: starting", () => {
  test("a core that cannot start rejects with its reason, and leaves nothing running", async () => {
    const shape = { kvTokens: 1_024, maxRunning: 4 };
    await assert.rejects(startEngineServer({ ...shape, kind: "embedded" }), {
      code: "invalid_argument",
    });
    await assert.rejects(startEngineServer({ ...shape, kind: "embedded", directory: "/none" }), {
      code: "weights_rejected",
    });
  });

  test("a port that is taken rejects", async () => {
    const shape = { kind: "simulated", kvTokens: 1_024, maxRunning: 4 } as const;
    const first = await startEngineServer(shape);
    const port = Number(new URL(first.url).port);
    await assert.rejects(startEngineServer({ ...shape, port }), { code: "EADDRINUSE" });
    await first.close();
  });

  test("the embedded engine takes no faults", async () => {
    const directory = fileURLToPath(
      new URL("../../../../server/engine/demo-policy/step-1", import.meta.url),
    );
    const server = await startEngineServer({
      kind: "embedded",
      directory,
      kvTokens: 1_024,
      maxRunning: 4,
    });
    const body = '{"kind":"nan"}';
    const reply = await fetch(`${server.url}/faults`, { method: "POST", body });
    assert.equal(reply.status, 422);
    await reply.body?.cancel();
    await server.close();
  });
});
