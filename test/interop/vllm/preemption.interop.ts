/**
 * A vLLM that is short of KV: what it preempts, it computes anew, under the weights of that moment. Of a rollout that was to keep
 * its KV over an update neither can be claimed then, and torch shows why: `mixed` would be wrong.
 */
import assert from "node:assert/strict";
import { after, before, describe } from "node:test";
import { Witness } from "../../conformance/witness.ts";
import { type LiveServer, startLiveServer, workersReady } from "../../support/live-server.ts";
import { type Distance, distance, replay } from "../attestation/replay.ts";
import { openVllm, VLLM_VERSION, type Vllm, type VllmProcess } from "../engines/vllm.ts";
import { bodyOf, EXPLAINED, publish, type Result, reached } from "../fleet.ts";

const TOKENS = 900;
/** Of 32 tokens: room for two rollouts and a half. */
const BLOCKS = 72;
/** Per rollout, nat: what a wrong claim is off by, at least. */
const APART = 10;
const PROMPT = Array.from({ length: 40 }, (_, at) => 300 + at);

describe("a vLLM that is short of KV", () => {
  const witness = new Witness(
    { engine: "vllm", against: "real", version: VLLM_VERSION },
    "short of KV",
  );
  let vllm: Vllm;
  let engine: VllmProcess;
  let server: LiveServer;
  before(async () => {
    vllm = await openVllm();
    engine = await vllm.start(["--num-gpu-blocks-override", String(BLOCKS)]);
    server = await startLiveServer({ engine: "none", lease_ms: 30_000 });
    await bodyOf(server, "PUT", "/v1/policies/default", { min_proof: "reported" });
    await bodyOf(server, "POST", "/v1/workers", { id: "w-1", url: engine.url, engine: "vllm" });
  });
  after(async () => {
    await server.stop();
    await engine.kill();
  });

  async function preemptions(): Promise<number> {
    const text = await (await fetch(`${engine.url}/metrics`)).text();
    return Number(/^vllm:num_preemptions_total\{.*\} (\S+)$/m.exec(text)?.[1]);
  }

  /** Another client's, which takes KV that nobody has counted with. Resolves when it has its first token. */
  async function stranger(seed: number): Promise<{ readonly end: Promise<unknown> }> {
    const reply = await fetch(`${engine.url}/inference/v1/generate`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        token_ids: PROMPT,
        sampling_params: { max_tokens: TOKENS, ignore_eos: true, seed },
        stream: true,
      }),
    });
    assert.equal(reply.status, 200);
    const reader = reply.body?.getReader();
    await reader?.read();
    const drained = async (): Promise<void> => {
      while ((await reader?.read())?.done === false);
    };
    return { end: drained() };
  }

  /** Rollouts that the second version meets amid their output, beside so many strangers that came before them. */
  async function across(ids: readonly string[], strangers: number) {
    const [one, two] = vllm.models;
    const old = await publish(server, one);
    await workersReady(server, 1, old);
    const { others, begun, next } = await engine.slowly(async () => {
      const others = await Promise.all(Array.from({ length: strangers }, (_, at) => stranger(at)));
      const begun = ids.map((id, seed) =>
        bodyOf<Result>(server, "POST", "/v1/rollouts", {
          id,
          prompt_token_ids: PROMPT,
          sampling: { max_new_tokens: TOKENS, ignore_eos: true, seed },
          on_update: "keep",
        }),
      );
      await reached(server, ids, 40);
      const next = await publish(server, two);
      await workersReady(server, 1, next);
      return { others, begun, next };
    });
    const results = await Promise.all(begun);
    await Promise.all(others.map(({ end }) => end));
    const models = new Map([
      [old, one],
      [next, two],
    ]);
    const claims = results.map(({ output_token_ids: output, spans }) => ({
      prompt: PROMPT,
      output,
      phases: spans.map(({ version, end }) => ({ model: models.get(version) ?? "", end })),
    }));
    const told = await replay(vllm.python, claims);
    const apart = results.map(({ logprobs }, at) => distance(logprobs, told[at]?.processed ?? []));
    return { results, apart, versions: [old, next] };
  }

  const kvOf = ({ spans }: Result): string[] => spans.map(({ kv }) => kv);
  const shown = (apart: readonly Distance[]): string =>
    apart.map(({ largest, sum }) => `${largest.toFixed(4)} (${sum.toFixed(1)})`).join(", ");

  witness.test(
    "with room for all, what an update met is mixed, and torch finds it so",
    async () => {
      const before = await preemptions();
      const { results, apart, versions } = await across(["roomy"], 0);
      assert.equal(await preemptions(), before);
      for (const result of results) {
        assert.deepEqual(kvOf(result), ["pure", "mixed"]);
        assert.deepEqual(
          result.spans.map(({ version }) => version),
          versions,
        );
      }
      console.log(`mixed: ${shown(apart)} nat`);
      assert.ok(apart.every(({ largest }) => largest < EXPLAINED));
    },
  );

  witness.test(
    "what it preempts behind an update is neither mixed nor pure, and the spans claim neither",
    async () => {
      const before = await preemptions();
      const { results, apart, versions } = await across(["short-1", "short-2"], 2);
      assert.ok((await preemptions()) > before, "it was short of KV");
      for (const result of results) {
        assert.deepEqual(
          result.spans.map(({ version, attested }) => [version, attested]),
          versions.map((version) => [version, "engine"]),
        );
      }
      const unknown = results.flatMap((result, at) =>
        kvOf(result)[1] === "unknown" ? [apart[at] as Distance] : [],
      );
      const mixed = results.flatMap((result, at) =>
        kvOf(result)[1] === "mixed" ? [apart[at] as Distance] : [],
      );
      console.log(`unknown, if called mixed: ${shown(unknown)} nat; mixed: ${shown(mixed)} nat`);
      assert.equal(unknown.length + mixed.length, results.length);
      assert.ok(
        unknown.some(({ sum }) => sum >= APART),
        "what was computed anew rests on no older KV",
      );
      assert.ok(mixed.every(({ largest }) => largest < EXPLAINED));
    },
  );
});
