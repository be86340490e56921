/**
 * A whole server over real vLLM as a user runs it: rollouts, a version published meanwhile and proven by receipt, the engine
 * killed amid them and started again. Nothing that was streamed is lost, and torch finds each token where its span says.
 */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { Witness } from "../../conformance/witness.ts";
import { type LiveServer, startLiveServer, workersReady } from "../../support/live-server.ts";
import { distance, replay } from "../attestation/replay.ts";
import { openVllm, VLLM_VERSION, type Vllm, type VllmProcess } from "../engines/vllm.ts";

const EXPLAINED = 0.05;
const PROMPT = Array.from({ length: 40 }, (_, at) => 300 + at);
const TOKENS = 1_900;

interface Result {
  readonly output_token_ids: readonly number[];
  readonly logprobs: readonly number[];
  readonly spans: readonly {
    version: number;
    start: number;
    end: number;
    kv: string;
    attested: string;
  }[];
  readonly segments: readonly { incarnation: string; start: number; end: number }[];
  readonly usage: { readonly wasted_tokens: number };
}

let vllm: Vllm;
let engine: VllmProcess;
let server: LiveServer;

before(async () => {
  vllm = await openVllm();
  engine = await vllm.start();
  server = await startLiveServer({ engine: "none", lease_ms: 10_000 });
});
after(async () => {
  await server.stop();
  await engine.kill();
});

async function ok<T>(method: "GET" | "POST" | "PUT", path: string, body?: unknown): Promise<T> {
  const reply = await server.call<T>(method, path, body);
  assert.ok(reply.status < 300, `${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
  return reply.body;
}

const publish = async (path: string): Promise<number> => {
  const calls = "/v1/policies/default/versions?wait=committed";
  return (await ok<{ version: number }>("POST", calls, { source: { path } })).version;
};

const witness = new Witness({ engine: "vllm", against: "real", version: VLLM_VERSION }, "lives");

witness.test("rollouts outlive an update and the death of their engine", async () => {
  await ok("PUT", "/v1/policies/default", {});
  await ok("POST", "/v1/workers", { url: engine.url, engine: "vllm", id: "w-1" });
  const one = await publish(vllm.models[0]);
  await workersReady(server, 1, one);
  const ids = Array.from({ length: 6 }, (_, at) => `r-${at}`);
  const begin = () =>
    ids.map((id) =>
      ok<Result>("POST", "/v1/rollouts", {
        id,
        prompt_token_ids: PROMPT,
        sampling: { max_new_tokens: TOKENS, ignore_eos: true },
      }),
    );
  const reached = async (tokens: number): Promise<void> => {
    for (const id of ids) {
      for (;;) {
        const { state, output_tokens: made } = await ok<{ state?: string; output_tokens?: number }>(
          "GET",
          `/v1/rollouts/${id}`,
        );
        assert.ok(state !== undefined && state !== "finished", `${id} ended too early`);
        if ((made ?? 0) >= tokens) break;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    }
  };
  const { results, two } = await engine.slowly(async () => {
    const begun = begin();
    await reached(30);
    const version = await publish(vllm.models[1]);
    await workersReady(server, 1, version);
    return { results: begun, two: version };
  });
  const held = await ok<{ workers: { versions: { proof: string }[] }[] }>("GET", "/v1/workers");
  assert.equal(held.workers[0]?.versions[0]?.proof, "receipt");
  await reached(60);
  const { port } = engine;
  await engine.kill();
  engine = await vllm.start([], port);
  const all = await Promise.all(results);
  const versions = new Map([
    [one, vllm.models[0]],
    [two, vllm.models[1]],
  ]);
  let wasted = 0;
  for (const { output_token_ids: output, segments, spans, usage } of all) {
    assert.equal(output.length, TOKENS);
    assert.equal(
      new Set(segments.map(({ incarnation }) => incarnation)).size,
      2,
      "two lives of it",
    );
    assert.ok(spans.every(({ kv, attested }) => kv === "pure" && attested !== "none"));
    wasted += usage.wasted_tokens;
  }
  assert.equal(wasted, 0);
  const told = await replay(
    vllm.python,
    all.map(({ output_token_ids: output, spans, segments }) => ({
      prompt: PROMPT,
      output,
      // Each stay computes its context anew.
      phases: [...new Set([...spans, ...segments].map(({ end }) => end))]
        .sort((a, b) => a - b)
        .map((end) => {
          const version = spans.find((span) => span.start < end && end <= span.end)?.version ?? 0;
          return { model: versions.get(version) ?? "", end, fresh: true };
        }),
    })),
  );
  const apart = all.map(
    ({ logprobs }, at) => distance(logprobs, told[at]?.processed ?? []).largest,
  );
  console.log(
    `worst token of ${all.length * TOKENS}: ${Math.max(...apart).toFixed(4)} nat; wasted tokens: ${wasted}`,
  );
  assert.ok(Math.max(...apart) < EXPLAINED);
});
