/**
 * Real vLLM and real SGLang serve one job's batches on one small model. The weights are updated amid the first, then SGLang is
 * killed; amid the second vLLM is. What ran there goes on at its own kind, at the other one only where the job says so. Torch
 * finds each token where its span says, whoever made it.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type LiveServer, startLiveServer, workersReady } from "../support/live-server.ts";
import { openSglang, type Sglang, type SglangProcess } from "./engines/sglang.ts";
import { openVllm, type Vllm, type VllmProcess } from "./engines/vllm.ts";
import { bodyOf, EXPLAINED, publish, type Result, reached, worstToken } from "./fleet.ts";

const TOKENS = 1_800;
const FLAGS = ["--incremental-streaming-output"];

let sglang: Sglang;
let vllm: Vllm;
let server: LiveServer;
const engines = new Map<string, VllmProcess | SglangProcess>();

before(async () => {
  sglang = await openSglang();
  vllm = await openVllm();
  const started = await Promise.all([vllm.start(), sglang.start(FLAGS)]);
  engines.set("vllm", started[0]);
  engines.set("sglang", started[1]);
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
const livesOf = ({ segments }: Result): number =>
  new Set(segments.map(({ incarnation }) => incarnation)).size;

/** Half of it may not leave its kind of engine. `under`: resolves when all of those have so many tokens. */
function batch(name: string) {
  const own = Array.from({ length: 6 }, (_, at) => `${name}-own-${at}`);
  const mixed = Array.from({ length: 6 }, (_, at) => `${name}-mixed-${at}`);
  const ask = (id: string, job: string): Promise<Result> =>
    bodyOf<Result>(server, "POST", "/v1/rollouts", {
      id,
      job,
      prompt_token_ids: [10, 11, 12, 13, 14],
      sampling: { max_new_tokens: TOKENS, ignore_eos: true },
    });
  const asked = [...own.map((id) => ask(id, "default")), ...mixed.map((id) => ask(id, "mixed"))];
  return { all: Promise.all(asked), under: (tokens: number) => reached(server, own, tokens) };
}

async function killed(kind: "vllm" | "sglang", version: number): Promise<void> {
  const before = engines.get(kind);
  await before?.kill();
  const started =
    kind === "vllm" ? vllm.start([], before?.port) : sglang.start(FLAGS, before?.port);
  engines.set(kind, await started);
  await workersReady(server, 2, version);
}

test("two batches, an update amid the first, the death of each engine", async (t) => {
  for (const [kind, { url }] of engines) {
    await bodyOf(server, "POST", "/v1/workers", { url, engine: kind, id: kind });
  }
  const [first, second] = sglang.models;
  const one = await publish(server, first);
  await workersReady(server, 2, one);
  const amid = async () => {
    const begun = batch("before");
    await begun.under(20);
    const version = await publish(server, second);
    await workersReady(server, 2, version);
    return { before: begun, two: version };
  };
  const [here, there] = [...engines.values()];
  assert.ok(here && there);
  const { before, two } = await here.slowly(() => there.slowly(amid));
  await before.under(100);
  await killed("sglang", two);
  const behind = batch("behind");
  await behind.under(100);
  await killed("vllm", two);
  const all = [...(await before.all), ...(await behind.all)];
  for (const result of all) {
    assert.equal(result.output_token_ids.length, TOKENS, result.id);
    assert.ok(result.spans.every(({ attested }) => attested !== "none"));
    if (result.id.includes("own")) assert.equal(workersOf(result).length, 1, result.id);
  }
  for (const result of all) {
    const way = result.segments.map(({ worker, start, end }) => `${worker} ${start}–${end}`);
    t.diagnostic(`${result.id}: ${way.join(" → ")}, wasted ${result.usage.wasted_tokens}`);
  }
  const crossed = all.filter((result) => workersOf(result).length > 1);
  const outlived = all.filter((result) => livesOf(result) > workersOf(result).length);
  const versions = new Map([
    [one, first],
    [two, second],
  ]);
  const worst = await worstToken(sglang.python, all, ({ version }) => versions.get(version));
  t.diagnostic(
    `across kinds: ${crossed.length}, at another life of its own: ${outlived.length}; worst token of ${TOKENS * all.length}: ${worst.toFixed(4)} nat`,
  );
  assert.equal(new Set(all.flatMap(workersOf)).size, 2, "both served");
  assert.ok(crossed.length > 0, "some went over to the other kind");
  assert.ok(outlived.length > 0, "some waited for theirs");
  assert.ok(worst < EXPLAINED);
});
