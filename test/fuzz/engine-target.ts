/** The routes of an engine's own server, over a live simulated one: what a broken coordinator might send. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { createSimulatedEngine } from "../../adapters/simulated/engine.ts";
import { startEngineServer } from "../../server/engine/server/engine-server.ts";
import { deadline, run } from "../conformance/engines/attempt.ts";
import { until, weightsOf } from "../conformance/engines/fixture.ts";
import { assertTyped } from "./answer-oracle.ts";
import type { Target } from "./campaign.ts";
import { createHttpExchange, type HttpAnswer, type HttpRequest } from "./http-exchange.ts";
import { mutatedJson, mutations } from "./json-mutation.ts";

const PATIENCE_MS = 20_000;
/** A request may ask for more tokens than anybody waits for. */
const LOOK_MS = 40;

const GENERATE = {
  request_id: "fuzzed",
  policy: "default",
  prompt_token_ids: "AQAAAA==",
  output_token_ids: "",
  sampling: {
    max_new_tokens: 4,
    min_new_tokens: 0,
    temperature: 1,
    top_p: 1,
    top_k: 0,
    min_p: 0,
    presence_penalty: 0,
    frequency_penalty: 0,
    repetition_penalty: 1,
    stop_token_ids: [3],
    ignore_eos: true,
    seed: 1,
    logit_bias: [[5, 1]],
    allowed_token_ids: "AQAAAA==",
    bad_words: [[1, 2]],
  },
  sibling_index: 0,
  logprob_mode: "raw",
  cache_namespace: "n",
  priority: 0,
  top_logprobs: 1,
  sampling_mask: true,
  stream_interval: 1,
};

/** Faults are the tests' own and meant to break things: only their refusals are of interest, and one that does not. */
const CALLS: readonly (readonly [path: string, body: unknown])[] = [
  ["/generate", GENERATE],
  ["/generate", { ...GENERATE, prompt_logprobs: 0, top_logprobs: undefined }],
  ["/abort", { request_id: "fuzzed" }],
  ["/pause", { mode: "keep" }],
  ["/resume", {}],
  ["/flush", {}],
  ["/sleep", {}],
  ["/wake", {}],
  ["/weights/stage", { policy: "default", version: 2, path: "/two" }],
  ["/weights/swap", { policy: "default", version: 2, kv: "keep" }],
  ["/weights/discard", { policy: "default", version: 2 }],
  ["/update_weights", { policy: "default", version: 3, path: "/three", kv: "keep" }],
  ["/update_weight_version", { policy: "default", version: 3 }],
  ["/faults", { kind: "slow", factor: 1 }],
  ["/info", null],
  ["/telemetry", null],
  ["/nowhere", {}],
];

export const engineTarget: Target<HttpRequest> = {
  name: "engine",
  inputs: fc
    .record({
      call: fc.oneof(fc.constant(0), fc.nat(CALLS.length - 1)),
      changes: mutations,
      cut: fc.option(fc.nat(400), { freq: 8 }),
      method: fc.constantFrom("POST", "POST", "POST", "GET", "PUT"),
    })
    .map(({ call, changes, cut, method }) => {
      const [path, valid] = CALLS[call] ?? ["/", {}];
      const text = Buffer.from(mutatedJson(valid, changes));
      const body = cut === null ? text : text.subarray(0, cut);
      return { method, path, headers: {}, body: method === "GET" ? null : body };
    }),
  shown: ({ method, path, body }) => `${method} ${path}\n${body?.toString().slice(0, 2_000) ?? ""}`,
  async open() {
    const server = await startEngineServer({
      kind: "simulated",
      kvTokens: 65_536,
      maxRunning: 16,
      simulated: { stepSeconds: 0 },
    });
    const engine = createSimulatedEngine(server.url);
    const port = Number(new URL(server.url).port);
    const exchanges: { close(): void }[] = [];
    return {
      lane() {
        const exchange = createHttpExchange(port);
        exchanges.push(exchange);
        return async (input) => {
          // Paused, or asked for a million tokens, it does not answer a generate call at once.
          const patience = input.path === "/generate" ? LOOK_MS : PATIENCE_MS;
          const answer = await exchange.send(input, patience, () => false);
          if (input.path !== "/generate") assert.ok(answer, "no answer");
          if (answer !== null) assertAnswer(answer);
        };
      },
      async healthy() {
        const policy = "default";
        const control = (path: string) =>
          exchangeOnce(port, { method: "POST", path, headers: {}, body: Buffer.from("{}") });
        await control("/wake");
        await control("/resume");
        await until(engine, 0);
        const weights = weightsOf(engine);
        await weights.stage({ policy, version: 9, path: "/nine" }, deadline());
        await weights.swap({ policy, version: 9, kv: "keep" }, deadline());
        assert.equal((await run(engine, {})).ids.length, 32);
      },
      async close() {
        for (const exchange of exchanges) exchange.close();
        await engine.close();
        await server.close();
      },
    };
  },
};

async function exchangeOnce(port: number, call: HttpRequest): Promise<void> {
  const exchange = createHttpExchange(port);
  await exchange.send(call, PATIENCE_MS, () => false);
  exchange.close();
}

function assertAnswer({ status, body, whole }: HttpAnswer): void {
  if (status < 400) {
    assert.equal(status, 200);
    return;
  }
  assert.ok(whole, "an error is a whole reply");
  const kind = assertTyped((JSON.parse(body) as { error: unknown }).error);
  assert.equal(status, kind.http, body);
}
