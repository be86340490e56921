/**
 * Our SGLang dialect in front of real SGLang, called as slime calls it: workers that register, `/generate` unary,
 * streamed and in batches, aborts, flushes, weights from disk between pause and continue. Torch finds each token under the
 * weights that its reply names.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type LiveServer, startLiveServer, workersReady } from "../../support/live-server.ts";
import { distance, replay } from "../attestation/replay.ts";
import { openSglang, type Sglang, type SglangProcess } from "../engines/sglang.ts";
import { bodyOf, reached } from "../fleet.ts";

const KEY = "the-engines-own";
const PROMPT = [10, 11, 12, 13, 14];

interface Reply {
  readonly output_ids: readonly number[];
  readonly meta_info: {
    readonly id: string;
    readonly finish_reason: { readonly type: string } | null;
    readonly weight_version: string;
    readonly weight_versions: readonly {
      readonly version: string;
      readonly start: number;
      readonly end: number;
    }[];
    readonly output_token_logprobs: readonly (readonly [number, number, unknown])[];
    readonly paceline: { readonly versions: readonly { readonly end: number; kv: string }[] };
  };
}

let sglang: Sglang;
let engine: SglangProcess;
let server: LiveServer;
let mount = "";
const replies: Reply[] = [];

before(async () => {
  sglang = await openSglang();
  engine = await sglang.start(["--incremental-streaming-output", "--api-key", KEY]);
  server = await startLiveServer({ engine: "none", lease_ms: 10_000, dialects: "sglang:0@slime" });
  mount = `http://127.0.0.1:${server.dialects[0]?.port}`;
  await bodyOf(server, "PUT", "/v1/policies/default", {});
});
after(async () => {
  await server.stop();
  await engine.kill();
});

async function post(path: string, body: unknown): Promise<Response> {
  return fetch(`${mount}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(120_000),
  });
}

async function jsonOf<T>(path: string, body?: unknown): Promise<T> {
  const reply = body === undefined ? await fetch(`${mount}${path}`) : await post(path, body);
  const text = await reply.text();
  assert.ok(reply.ok, `${path}: ${reply.status} ${text}`);
  return JSON.parse(text) as T;
}

const wish = (tokens: number, more: object = {}) => ({
  input_ids: PROMPT,
  sampling_params: { max_new_tokens: tokens, temperature: 1, ignore_eos: true },
  return_logprob: true,
  ...more,
});

/** Keeps it for torch. */
function assertWhole(reply: Reply, tokens: number, versions: readonly string[]): void {
  const { output_ids: ids, meta_info: meta } = reply;
  assert.equal(ids.length, tokens);
  assert.deepEqual(
    meta.output_token_logprobs.map(([, id]) => id),
    ids,
  );
  assert.deepEqual(
    meta.weight_versions.map(({ version }) => version),
    versions,
  );
  assert.equal(meta.weight_versions.at(-1)?.end, ids.length);
  replies.push(reply);
}

async function load(step: number): Promise<void> {
  const { success } = await jsonOf<{ success: boolean }>("/update_weights_from_disk", {
    model_path: sglang.models[step - 1],
    weight_version: String(step),
  });
  assert.equal(success, true);
}

test("an engine registers with its key, is listed behind the mount, and takes the first weights", async () => {
  const { worker_id: id } = await jsonOf<{ worker_id: string }>("/workers", {
    url: engine.url,
    worker_type: "regular",
    api_key: KEY,
  });
  await load(1);
  await workersReady(server, 1, 1);
  const { workers } = await jsonOf<{ workers: { id: string; url: string }[] }>("/workers");
  assert.deepEqual([workers[0]?.url, workers[1]?.id], [mount, id]);
  assert.equal((await fetch(`${mount}/health`)).status, 200);
  assert.ok(!JSON.stringify(await bodyOf(server, "GET", "/v1/workers")).includes(KEY));
});

test("unary", async () => {
  const reply = await jsonOf<Reply>("/generate", wish(60, { rid: "unary" }));
  assert.equal(reply.meta_info.id, "unary");
  assert.equal(reply.meta_info.finish_reason?.type, "length");
  assertWhole(reply, 60, ["1"]);
});

test("streamed: each piece repeats the ones before", async () => {
  const reply = await post("/generate", wish(60, { stream: true }));
  const pieces = (await reply.text())
    .split("\n\n")
    .filter((event) => event.startsWith("data: {"))
    .map((event) => JSON.parse(event.slice("data: ".length)) as Reply);
  const last = pieces.at(-1) as Reply;
  for (const { output_ids: ids } of pieces) {
    assert.deepEqual(ids, last.output_ids.slice(0, ids.length));
  }
  assert.ok(pieces.length > 1);
  assertWhole(last, 60, ["1"]);
});

test("a batch, with samples of each", async () => {
  const sampling_params = { ...wish(40).sampling_params, n: 2 };
  const batch = { ...wish(40), input_ids: [PROMPT, PROMPT, PROMPT], sampling_params };
  const all = await jsonOf<readonly Reply[]>("/generate", batch);
  assert.equal(all.length, 6);
  for (const reply of all) assertWhole(reply, 40, ["1"]);
  assert.equal(new Set(all.map(({ output_ids: ids }) => ids.join())).size, 6);
});

test("abort: all of the job end with what they have; then the cache can be flushed", async () => {
  const rids = Array.from({ length: 6 }, (_, at) => `aborted-${at}`);
  // Not slowly: a step that is still under way holds KV, and SGLang flushes nothing then.
  const waits = rids.map((rid) => jsonOf<Reply>("/generate", wish(1_500, { rid })));
  await reached(server, rids, 20, "slime");
  assert.equal((await post("/abort_request", { abort_all: true })).status, 200);
  for (const reply of await Promise.all(waits)) {
    assert.equal(reply.meta_info.finish_reason?.type, "abort");
    const { length } = reply.output_ids;
    assert.ok(length >= 20 && length < 1_500);
    assertWhole(reply, length, ["1"]);
  }
  await flushed();
});

/** As slime does it: an engine whose last step is still under way flushes nothing, and is asked again. */
async function flushed(): Promise<void> {
  for (let times = 0; times < 60; times++) {
    const { status } = await fetch(`${mount}/flush_cache`);
    if (status === 200) return;
    assert.equal(status, 502);
    await sleep(100);
  }
  assert.fail("never flushed");
}

test("weights from disk between pause and continue: what runs goes on in place, and says so", async () => {
  const rids = Array.from({ length: 4 }, (_, at) => `lasting-${at}`);
  const waits = await engine.slowly(async () => {
    const begun = rids.map((rid) => jsonOf<Reply>("/generate", wish(600, { rid })));
    await reached(server, rids, 50, "slime");
    assert.equal((await post("/pause_generation", { mode: "in_place" })).status, 200);
    return begun;
  });
  await load(2);
  assert.equal((await post("/continue_generation", {})).status, 200);
  for (const reply of await Promise.all(waits)) assertWhole(reply, 600, ["1", "2"]);
  assertWhole(await jsonOf<Reply>("/generate", wish(60)), 60, ["2"]);
});

test("torch finds every token where its reply says", async (t) => {
  const told = await replay(
    sglang.python,
    replies.map(({ output_ids: output, meta_info: { weight_versions: spans, paceline } }) => ({
      prompt: PROMPT,
      output,
      phases: spans.map(({ version, end }) => ({
        model: sglang.models[Number(version) - 1] ?? "",
        end,
        fresh: paceline.versions.find((one) => one.end === end)?.kv === "pure",
      })),
    })),
  );
  const worst = replies.map(({ meta_info: { output_token_logprobs: pairs } }, at) =>
    distance(
      pairs.map(([logprob]) => logprob),
      told[at]?.raw ?? [],
    ),
  );
  const tokens = replies.reduce((sum, { output_ids: ids }) => sum + ids.length, 0);
  const largest = Math.max(...worst.map((one) => one.largest));
  t.diagnostic(`${replies.length} replies, ${tokens} tokens: ${largest.toFixed(4)} nat at most`);
  assert.ok(largest < 0.05);
});
