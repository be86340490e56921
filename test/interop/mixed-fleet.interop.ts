/**
 * Real vLLM and real SGLang serve one batch on one small model. The weights are updated amid it, then each of them is killed:
 * what ran there goes on at its own kind, at the other one only where the rollout's job says so. Torch finds each
 * token where its span says, whoever made it.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type LiveServer, startLiveServer, workersReady } from "../support/live-server.ts";
import type { EngineProcess } from "./engines/process.ts";
import { openSglang, type Sglang } from "./engines/sglang.ts";
import { openVllm, type Vllm } from "./engines/vllm.ts";
import { bodyOf, publish, type Result, reached, worstToken } from "./fleet.ts";

const TOKENS = 600;
const own = Array.from({ length: 6 }, (_, at) => `own-${at}`);
const mixed = Array.from({ length: 6 }, (_, at) => `mixed-${at}`);
const FLAGS = ["--incremental-streaming-output"];

let sglang: Sglang;
let vllm: Vllm;
let server: LiveServer;
const engines = new Map<string, EngineProcess>();

before(async () => {
  sglang = await openSglang();
  vllm = await openVllm();
  engines.set("vllm", await vllm.start());
  engines.set("sglang", await sglang.start(FLAGS));
  server = await startLiveServer({ engine: "none", lease_ms: 10_000 });
  await bodyOf(server, "PUT", "/v1/policies/default", {});
  await bodyOf(server, "PUT", "/v1/jobs/mixed", { mixed_engines: true });
});
after(async () => {
  await server.stop();
  for (const engine of engines.values()) await engine.kill();
});

const workersOf = ({ segments }: Result): string[] => [
  ...new Set(segments.map(({ worker }) => worker)),
];

test("one batch, an update amid it, and the death of each engine", async () => {
  for (const [kind, { url }] of engines) {
    await bodyOf(server, "POST", "/v1/workers", { url, engine: kind, id: kind });
  }
  const [first, second] = sglang.models;
  const one = await publish(server, first);
  await workersReady(server, 2, one);
  const ask = (id: string, job: string): Promise<Result> =>
    bodyOf<Result>(server, "POST", "/v1/rollouts", {
      id,
      job,
      prompt_token_ids: [10, 11, 12, 13, 14],
      sampling: { max_new_tokens: TOKENS, ignore_eos: true },
    });
  const results = [...own.map((id) => ask(id, "default")), ...mixed.map((id) => ask(id, "mixed"))];
  await reached(server, own, 20);
  const two = await publish(server, second);
  await workersReady(server, 2, two);
  await reached(server, own, 100);
  await engines.get("sglang")?.kill();
  engines.set("sglang", await sglang.start(FLAGS, engines.get("sglang")?.port));
  await workersReady(server, 2, two);
  await engines.get("vllm")?.kill();
  engines.set("vllm", await vllm.start([], engines.get("vllm")?.port));
  const all = await Promise.all(results);
  for (const result of all) {
    assert.equal(result.output_token_ids.length, TOKENS, result.id);
    assert.ok(result.spans.every(({ attested }) => attested !== "none"));
    if (own.includes(result.id)) assert.equal(workersOf(result).length, 1, result.id);
  }
  const crossed = all.filter((result) => workersOf(result).length > 1);
  const worst = await worstToken(
    sglang.python,
    all,
    new Map([
      [one, first],
      [two, second],
    ]),
  );
  const served = all.map((result) => `${result.id}: ${workersOf(result).join(" → ")}`);
  console.log(
    `${served.join(", ")}; across kinds: ${crossed.length}; worst token of ${TOKENS * all.length}: ${worst.toFixed(4)} nat`,
  );
  assert.equal(new Set(all.flatMap(workersOf)).size, 2, "both served");
  assert.ok(worst < 0.05);
});
