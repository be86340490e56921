/** Pause, weights, sleep and status of the vLLM dialect, a test for each row of the table, on real embedded engines. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { setTimeout as pass } from "node:timers/promises";
import { contentDigest } from "../../../../../server/checkpoint/digest.ts";
import { createHttpClient, type HttpClient, type Reply } from "../../../../support/http-client.ts";
import {
  type LiveServer,
  STEP_1,
  STEP_2,
  startLiveServer,
  workersReady,
} from "../../../../support/live-server.ts";

const PROMPT = [49, 55, 43, 50, 53, 61];
let server: LiveServer;
let client: HttpClient;
before(async () => {
  server = await startLiveServer({
    workers: 2,
    dialects: [{ name: "vllm", port: 0, job: "prime" }],
  });
  client = createHttpClient(server.dialects[0]?.port ?? 0);
  await workersReady(server, 2);
});
after(async () => {
  await client.close();
  await server.stop();
});

const post = (path: string, body?: unknown): Promise<Reply> =>
  client.call("POST", path, body === undefined ? {} : { body });

async function ok(reply: Promise<Reply>): Promise<unknown> {
  const { status, text } = await reply;
  assert.equal(status, 200, text);
  return text === "" ? null : JSON.parse(text);
}

const asked = (max_tokens: number, over: object = {}) => ({
  token_ids: PROMPT,
  sampling_params: { max_tokens, temperature: 0, logprobs: 0, ignore_eos: true },
  ...over,
});

interface Choice {
  readonly finish_reason: string | null;
  readonly token_ids: readonly number[];
  readonly weight_versions: readonly { version: string; start: number; end: number }[] | null;
}

async function generated(max_tokens: number, over: object = {}): Promise<Choice> {
  const reply = (await ok(post("/inference/v1/generate", asked(max_tokens, over)))) as {
    choices: Choice[];
  };
  return reply.choices[0] as Choice;
}

/** A stream whose first token has come, and then its last chunk. */
async function begun(max_tokens: number, over: object = {}): Promise<() => Promise<Choice>> {
  const reply = await fetch(`${client.url}/inference/v1/generate`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(asked(max_tokens, { stream: true, ...over })),
  });
  const reader = reply.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = (await reader?.read())?.value ?? "";
  return async () => {
    for (let part = await reader?.read(); part?.value !== undefined; part = await reader?.read()) {
      text += part.value;
    }
    const frames = text.split("\n\n").filter((frame) => frame.startsWith("data: {"));
    const last = JSON.parse(frames.at(-1)?.slice(6) ?? "{}") as { choices: Choice[] };
    return last.choices[0] as Choice;
  };
}

interface Aborted {
  readonly aborted: number;
}

/** Until so many requests wait, by the mount's own metric. */
async function waiting(requests: number): Promise<void> {
  for (;;) {
    const { text } = await client.call("GET", "/metrics");
    const rows = [...text.matchAll(/^vllm:num_requests_waiting{.*} (\d+)$/gm)];
    if (rows.reduce((sum, [, count]) => sum + Number(count), 0) === requests) return;
  }
}

interface Named {
  readonly weight_version: string;
}
const version = async () =>
  ((await ok(client.call("GET", "/weight_info"))) as Named).weight_version;
const paused = async () => ok(client.call("GET", "/is_paused"));
const versions = async (): Promise<number> => {
  const { body } = await server.call<{ versions: unknown[] }>("GET", "/v1/policies/default");
  return body.versions.length;
};

suite("a pause", () => {
  for (const query of ["mode=keep&clear_cache=false", "mode=keep&clear_cache=true", "mode=keep"]) {
    test(`${query}: what runs goes on after it, what comes waits for its end`, async () => {
      const running = await begun(600);
      assert.deepEqual(await ok(post(`/pause?${query}`)), { status: "paused" });
      assert.deepEqual(await paused(), { is_paused: true });
      assert.equal((await client.call("GET", "/health")).status, 200);
      let answered = false;
      const waiting = generated(2).then((choice) => {
        answered = true;
        return choice;
      });
      assert.equal(answered, false);
      assert.deepEqual(await ok(post(`/pause?${query}`)), { status: "paused" });
      assert.deepEqual(await ok(post("/resume")), { status: "resumed" });
      assert.deepEqual(await paused(), { is_paused: false });
      assert.equal((await waiting).token_ids.length, 2);
      assert.equal((await running()).weight_versions?.at(-1)?.end, 600);
    });
  }

  test("mode=wait returns when what runs has ended", async () => {
    const running = await begun(300);
    await ok(post("/pause?mode=wait"));
    assert.equal((await running()).finish_reason, "length");
    await ok(post("/resume"));
  });

  for (const path of ["/pause", "/pause?mode=abort"]) {
    test(`${path} ends what runs, with what it has`, async () => {
      const running = await begun(2_000);
      await ok(post(path));
      const { finish_reason, weight_versions } = await running();
      assert.equal(finish_reason, "abort");
      assert.ok((weight_versions?.at(-1)?.end ?? 2_000) < 2_000);
      await ok(post("/resume"));
    });
  }

  test("an abort reaches requests that wait for a pause to begin: 200 without tokens", async () => {
    const running = await begun(2_000);
    const pausing = ok(post("/pause?mode=wait"));
    await paused();
    const named = generated(2_000, { request_id: "held-1" });
    const streamed = begun(2_000, { request_id: "held-2" });
    const completion = post("/v1/completions", {
      model: "default",
      prompt: PROMPT,
      max_tokens: 2_000,
    });
    await waiting(3);
    const { aborted } = (await ok(post("/abort_requests", { request_ids: ["held-1"] }))) as Aborted;
    assert.equal(aborted, 1);
    const ended = await named;
    assert.deepEqual([ended.finish_reason, ended.token_ids], ["abort", []]);
    await waiting(2);
    const all = (await ok(post("/abort_requests", {}))) as Aborted;
    assert.equal(all.aborted, 3, "that which runs, and two that wait");
    assert.equal((await (await streamed)()).finish_reason, "abort");
    const { status, text } = await completion;
    assert.equal(status, 200, text);
    assert.match(text, /"finish_reason":"abort"/);
    assert.equal((await running()).finish_reason, "abort");
    await pausing;
    await ok(post("/resume"));
    assert.equal((await generated(2)).token_ids.length, 2);
  });

  test("a mode that is none", async () => {
    assert.equal((await post("/pause?mode=later")).status, 400);
    assert.deepEqual(await paused(), { is_paused: false });
  });

  test("resume without a pause", async () =>
    assert.deepEqual(await ok(post("/resume")), { status: "resumed" }));
});

suite("weights", () => {
  test("before the trainer named any: default", async () =>
    assert.equal(await version(), "default"));

  test("prime-rl's cycle: pause, a directory, resume; the request that lived through it has both versions", async () => {
    const running = await begun(900);
    const before = await versions();
    await ok(post("/pause?mode=keep&clear_cache=false"));
    const update = () => ok(post("/update_weights", { weight_dir: STEP_2 }));
    // A retry joins the one that runs, and one that comes too late finds it done.
    await Promise.all([update(), update()]);
    await update();
    await ok(post("/resume"));
    assert.equal((await versions()) - before, 1);
    assert.equal(await version(), "2");
    const { weight_versions } = await running();
    assert.deepEqual(
      weight_versions?.map((span) => span.version),
      ["default", "2"],
    );
    assert.deepEqual((await generated(3)).weight_versions, [{ version: "2", start: 0, end: 3 }]);
  });

  test("a name for what is served", async () => {
    const reply = await ok(post("/update_weight_version", { new_version: "v8" }));
    assert.deepEqual(reply, { success: true, new_version: "v8" });
    assert.equal(await version(), "v8");
    assert.equal((await generated(1)).weight_versions?.[0]?.version, "v8");
  });

  test("start, update, finish: the trainer's own move, between a gate and a commit", async () => {
    const { digest } = await contentDigest(STEP_1);
    await ok(post("/init_weight_transfer_engine", { init_info: { rank_offset: 1 } }));
    await ok(post("/init_broadcaster", { host: "h", port: 1, rank_offset: 0 }));
    const started = await ok(post("/start_weight_update", { digest }));
    assert.deepEqual(started, { message: "Weight update started" });
    // It stands still: a request waits.
    const waiting = generated(2);
    assert.deepEqual(await ok(post("/update_weights", { update_info: { path: STEP_1 } })), {
      message: "Weights updated",
    });
    const finished = await ok(post("/finish_weight_update", { weight_version: "step-10" }));
    assert.deepEqual(finished, { message: "Weight update finished" });
    assert.equal(await version(), "step-10");
    assert.deepEqual((await waiting).weight_versions, [{ version: "step-10", start: 0, end: 2 }]);
  });

  for (const [name, path, body, status] of [
    ["a directory that is none", "/update_weights", { weight_dir: "/nowhere" }, 422],
    ["no update_info", "/update_weights", {}, 400],
    ["an update that was not started", "/update_weights", { update_info: {} }, 409],
    ["a finish that was not started", "/finish_weight_update", {}, 409],
    ["a start that could not be proven", "/start_weight_update", {}, 422],
    [
      "prime-rl's broadcast, which could not be proven",
      "/update_weights",
      { weight_dir: null },
      422,
    ],
    ["a digest that is none", "/start_weight_update", { digest: "x" }, 400],
    ["no name", "/update_weight_version", {}, 400],
    ["no init_info", "/init_weight_transfer_engine", {}, 400],
    ["a LoRA adapter", "/load_lora_adapter", { lora_name: "a", lora_path: "/a" }, 422],
    [
      "a LoRA adapter, under /v1",
      "/v1/load_lora_adapter",
      { lora_name: "a", lora_path: "/a" },
      422,
    ],
    ["the end of a LoRA adapter that is none", "/v1/unload_lora_adapter", { lora_name: "a" }, 404],
  ] as const) {
    test(`refused: ${name}`, async () => {
      const reply = await post(path, body);
      assert.equal(reply.status, status, reply.text);
      assert.equal(await version(), "step-10");
    });
  }

  test("an update that engines refuse: nothing is committed, what was held serves on", async () => {
    const { digest } = await contentDigest(STEP_2);
    await ok(post("/start_weight_update", { digest }));
    const reply = await post("/update_weights", { update_info: { path: "/nowhere" } });
    const { error } = reply.json() as { error: { paceline: { details: { workers: unknown[] } } } };
    assert.deepEqual([reply.status, error.paceline.details.workers.length], [500, 2]);
    assert.equal((await post("/finish_weight_update", { weight_version: "11" })).status, 409);
    assert.equal(await version(), "step-10");
    assert.equal((await generated(1)).weight_versions?.[0]?.version, "step-10");
  });
});

suite("what the server says of itself", () => {
  const get = (path: string): Promise<Reply> => client.call("GET", path);

  for (const [path, expected] of [
    ["/health", null],
    ["/ping", null],
    ["/liveness", { status: "ok" }],
    ["/version", { version: "0.32.0" }],
    ["/get_world_size", { world_size: 2 }],
    [
      "/server_info",
      {
        vllm_config: {
          model_config: { model: "step-1", dtype: "torch.float32", max_model_len: 2048 },
          parallel_config: { world_size: 2 },
        },
      },
    ],
  ] as const) {
    test(path, async () => assert.deepEqual(await ok(get(path)), expected));
  }

  test("/v1/models", async () => {
    const { data } = (await ok(get("/v1/models"))) as {
      data: { id: string; max_model_len: number }[];
    };
    assert.equal(data[0]?.id, "default");
    assert.ok(data.every(({ max_model_len }) => max_model_len === 2048));
  });

  test("/metrics under vLLM's names, an engine each", async () => {
    // Nothing is told of an engine that has told nothing yet.
    let reply = await get("/metrics");
    for (let tries = 0; tries < 500 && !reply.text.includes('_running{engine="1"'); tries++) {
      await pass(20);
      reply = await get("/metrics");
    }
    const { text, headers } = reply;
    assert.match(String(headers["content-type"]), /^text\/plain/);
    for (const name of [
      "num_requests_running",
      "num_requests_waiting",
      "num_requests_waiting_by_reason",
      "kv_cache_usage_perc",
      "generation_tokens_total",
      "prompt_tokens_total",
      "cache_config_info",
    ]) {
      for (const engine of [0, 1])
        assert.match(text, new RegExp(`^vllm:${name}\\{engine="${engine}",.*\\} [0-9.e-]+$`, "m"));
    }
  });

  test("/reset_prefix_cache", async () =>
    assert.deepEqual(await ok(post("/reset_prefix_cache")), { success: true }));

  test("sleep and wake: requests wait", async () => {
    await ok(post("/sleep?level=1"));
    assert.deepEqual(await ok(get("/is_sleeping")), { is_sleeping: true });
    const waiting = generated(1);
    await ok(post("/wake_up?tags=weights&tags=kv_cache"));
    assert.deepEqual(await ok(get("/is_sleeping")), { is_sleeping: false });
    assert.equal((await waiting).token_ids.length, 1);
    assert.equal((await post("/sleep?level=2")).status, 422);
  });

  test("another method, and a path that is none, in vLLM's shape", async () => {
    for (const [method, path, status] of [
      ["GET", "/pause", 405],
      ["POST", "/nowhere", 404],
    ] as const) {
      const reply = await client.call(method, path);
      assert.equal(reply.status, status);
      assert.equal((reply.json() as { error: { code: number } }).error.code, status);
    }
  });
});
