/** Each route of the SGLang dialect once, what it refuses, and that `docs/dialects.md` names them all. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, suite, test } from "node:test";
import type { DialectContext } from "../../../../../server/api/dialects/dialect.ts";
import { sglang } from "../../../../../server/api/dialects/sglang/dialect.ts";
import { createFakeFleet, workerRecord } from "../../../../support/front-fakes.ts";
import { createMovableFleet, type MovableFleet } from "./facade-fakes.ts";
import { JOB, type SglangMount, serveSglang } from "./sglang-mount.ts";

interface Case {
  readonly route: string;
  /** Where the route has parameters or a query. */
  readonly path?: string;
  readonly body?: unknown;
  readonly status?: number;
  /** Fields of the reply that must be so. */
  readonly reply?: Readonly<Record<string, unknown>>;
  readonly text?: RegExp;
}

const GENERATE = { input_ids: [1, 2], sampling_params: { max_new_tokens: 2 } };
const GROUP = {
  master_address: "10.0.0.1",
  master_port: 4_000,
  rank_offset: 1,
  world_size: 7,
  group_name: "slime-pp_0",
  backend: "nccl",
};
const OK = { success: true };
const LOADS = {
  loads: [
    {
      dp_rank: 0,
      num_running_reqs: 0,
      num_waiting_reqs: 0,
      num_used_tokens: 32_768,
      max_total_num_tokens: 131_072,
      token_usage: 0.25,
    },
  ],
};
const VERSION = { weight_version: "7" };
const INFO = { ...VERSION, is_generation: true, model_path: "/weights/7" };
const SERVER = {
  ...INFO,
  tp_size: 2,
  pp_size: 1,
  ep_size: 1,
  moe_dp_size: 1,
  num_gpus: 6,
  disaggregation_mode: "null",
  encoder_only: false,
  enable_memory_saver: false,
  enable_return_routed_experts: false,
};

/** In this order: some rows need what those before them did. */
const CASES: readonly Case[] = [
  { route: "POST /generate", body: GENERATE },
  { route: "PUT /generate", body: GENERATE },
  {
    route: "POST /v1/chat/completions",
    body: { messages: [], input_ids: [1], max_tokens: 2, return_meta_info: true },
    reply: { object: "chat.completion", weight_version_end: 7 },
  },
  { route: "POST /abort_request", body: { abort_all: true } },
  { route: "GET /v1/loads", path: "/v1/loads?include=core", reply: LOADS },
  { route: "GET /get_load" },
  { route: "GET /get_loads", reply: { workers: [{ worker: JOB, load: 0 }] } },
  { route: "GET /workers", reply: { total: 3 } },
  {
    route: "POST /workers",
    body: { url: "http://127.0.0.1:9009", worker_type: "regular" },
    status: 202,
    reply: { worker_id: "w-3" },
  },
  { route: "DELETE /workers/{id}", path: "/workers/w-3", status: 202 },
  { route: "GET /list_workers" },
  {
    route: "POST /add_worker",
    path: "/add_worker?url=http://127.0.0.1:9010",
    reply: { status: "success" },
  },
  { route: "POST /remove_worker", path: "/remove_worker?url=http://127.0.0.1:9010" },
  { route: "GET /server_info", reply: SERVER },
  { route: "GET /get_server_info", reply: SERVER },
  { route: "GET /model_info", reply: INFO },
  { route: "GET /get_model_info", reply: INFO },
  { route: "GET /get_weight_version", reply: VERSION },
  { route: "GET /weight_version", reply: VERSION },
  { route: "GET /v1/models", reply: { object: "list" } },
  { route: "GET /metrics", text: /paceline_up 1/ },
  { route: "GET /engine_metrics", text: /paceline_up 1/ },
  { route: "GET /health" },
  { route: "GET /health_generate" },
  { route: "POST /pause_generation", body: {}, reply: { status: "ok" } },
  { route: "GET /flush_cache", text: /^Cache flushed/ },
  { route: "POST /flush_cache", body: {}, text: /^Cache flushed/ },
  { route: "POST /init_weights_update_group", body: GROUP, reply: OK },
  {
    route: "POST /update_weights_from_distributed",
    body: {
      names: ["a"],
      dtypes: ["bfloat16"],
      shapes: [[2, 2]],
      group_name: "slime-pp_0",
      weight_version: "8",
    },
    reply: OK,
  },
  {
    route: "POST /update_weights_from_tensor",
    body: { serialized_named_tensors: ["x"], weight_version: "8" },
    reply: OK,
  },
  {
    route: "POST /update_weights_from_ipc",
    body: { zmq_handles: {}, weight_version: "8" },
    reply: OK,
  },
  { route: "POST /post_process_weights", body: { post_process_quantization: true }, reply: OK },
  { route: "POST /destroy_weights_update_group", body: { group_name: "slime-pp_0" }, reply: OK },
  { route: "POST /continue_generation", body: {}, reply: { status: "ok" } },
  {
    route: "POST /update_weights_from_disk",
    body: { model_path: "/weights/8", weight_version: "8" },
    reply: OK,
  },
  {
    route: "POST /update_weight_version",
    body: { new_version: "7" },
    reply: { ...OK, new_version: "7" },
  },
  { route: "POST /pull_weights", body: {}, status: 400 },
  { route: "POST /weights_checker", body: { action: "snapshot" }, status: 400 },
  { route: "POST /start_profile", body: {}, status: 400 },
  { route: "POST /stop_profile", body: {}, status: 400 },
  {
    route: "POST /load_lora_adapter",
    body: { lora_name: "a", lora_path: "/a" },
    status: 400,
    reply: { success: false, loaded_adapters: {} },
  },
  {
    route: "POST /unload_lora_adapter",
    body: { lora_name: "a" },
    status: 400,
    reply: { success: false, loaded_adapters: {} },
  },
  { route: "POST /release_memory_occupation", body: {}, text: /^null$/ },
  { route: "POST /resume_memory_occupation", body: { tags: ["kv_cache"] }, text: /^null$/ },
];

suite("each route", () => {
  let mount: SglangMount;
  let movable: MovableFleet;
  before(async () => {
    movable = await createMovableFleet();
    mount = await serveSglang(movable);
  });
  after(() => mount.close());

  for (const { route, path, body, status = 200, reply = {}, text } of CASES) {
    const [method = "", pattern = ""] = route.split(" ");
    test(route, async () => {
      const answer = await mount.client.call(
        method,
        path ?? pattern,
        body === undefined ? {} : { body },
      );
      assert.equal(answer.status, status, answer.text);
      if (text !== undefined) assert.match(answer.text, text);
      if (text !== undefined) return;
      const got = answer.json() as Record<string, unknown>;
      if (status === 400) assert.equal(Reflect.get(Object(got["error"]), "code"), 400);
      for (const [name, value] of Object.entries(reply)) assert.deepEqual(got[name], value, name);
    });
  }

  test("what was asked of the fleet: gated once, moved to all, committed with the engines' word", () => {
    assert.deepEqual(movable.published, [
      "publish external step 8",
      "gate",
      "commit w-1 f-w-1 8, w-2 f-w-2 8",
      "publish /weights/8 step 8",
      "committed",
    ]);
    const joined = movable.moved.filter(({ call }) => call === "init_weights_update_group");
    assert.deepEqual(
      joined.map(({ worker, body }) => [worker, body["rank_offset"], body["world_size"]]),
      [
        ["w-1", 1, 7],
        ["w-2", 3, 7],
      ],
    );
    const moved = movable.moved.filter(({ call }) => call === "update_weights_from_distributed");
    assert.deepEqual(
      moved.map(({ worker }) => worker),
      ["w-1", "w-2"],
    );
    for (const { body, target } of moved) {
      assert.deepEqual(target, { policy: "default", version: 8 });
      assert.deepEqual([body["names"], "weight_version" in body], [["a"], false]);
    }
    assert.ok(movable.fleet.calls.includes("remove w-3"));
    assert.ok(
      movable.fleet.calls.includes("sleep w-1") && movable.fleet.calls.includes("wake w-2"),
    );
  });
});

suite("what is refused", () => {
  for (const [what, path, body, status, code] of [
    [
      "a worker that does not answer",
      "/workers",
      { url: "http://127.0.0.1:1" },
      503,
      "engine_unreachable",
    ],
    [
      "half of a pair",
      "/workers",
      { url: "http://h:1", worker_type: "prefill" },
      400,
      "unsupported",
    ],
    ["a worker without a url", "/workers", {}, 400, "invalid_argument"],
    ["no address", "/workers", { url: "http://" }, 400, "invalid_argument"],
    [
      "bytes without a pause",
      "/update_weights_from_tensor",
      { weight_version: "8" },
      400,
      "version_conflict",
    ],
    [
      "a group that is never complete",
      "/init_weights_update_group",
      { ...GROUP, world_size: 9 },
      400,
      "invalid_argument",
    ],
    [
      "a version that is no step",
      "/update_weights_from_disk",
      { model_path: "/w", weight_version: "v8" },
      400,
      "invalid_argument",
    ],
    [
      "another format",
      "/update_weights_from_disk",
      { model_path: "/w", load_format: "gguf" },
      400,
      "unsupported",
    ],
    [
      "files that cannot be read",
      "/update_weights_from_disk",
      { model_path: "/bad" },
      400,
      "weights_rejected",
    ],
    ["a mode that nobody has", "/pause_generation", { mode: "later" }, 400, "invalid_argument"],
    ["weights as memory", "/release_memory_occupation", { tags: ["weights"] }, 400, "unsupported"],
    ["a name after the fact", "/update_weight_version", { new_version: "9" }, 400, "unsupported"],
    ["messages without ids", "/v1/chat/completions", { messages: [] }, 400, "unsupported"],
    [
      "a streamed chat",
      "/v1/chat/completions",
      { input_ids: [1], stream: true },
      400,
      "unsupported",
    ],
  ] as const) {
    test(what, async () => {
      const mount = await serveSglang(await createMovableFleet());
      try {
        const answer = await mount.post(path, body);
        assert.equal(answer.status, status, answer.text);
        const { error } = answer.json() as { error: { code: number; paceline: { code: string } } };
        assert.deepEqual([error.code, error.paceline.code], [answer.status, code]);
      } finally {
        await mount.close();
      }
    });
  }

  test("no worker holds a version: 503", async () => {
    const mount = await serveSglang({ fleet: createFakeFleet() });
    try {
      assert.equal((await mount.client.call("GET", "/health")).status, 503);
    } finally {
      await mount.close();
    }
  });
});

suite("facade and router", () => {
  const serving = async (
    run: (mount: SglangMount, movable: MovableFleet) => Promise<void>,
    given?: MovableFleet,
  ): Promise<void> => {
    const movable = given ?? (await createMovableFleet());
    const mount = await serveSglang(movable);
    try {
      await run(mount, movable);
    } finally {
      await mount.close();
    }
  };
  const success = async (answer: Promise<{ json(): unknown }>): Promise<boolean> =>
    Reflect.get(Object((await answer).json()), "success") === true;

  test("the mount is the first worker under the address that the caller used; it registers and leaves in peace", () =>
    serving(async (mount, { fleet }) => {
      const { workers } = (await mount.client.call("GET", "/workers")).json() as {
        workers: { id: string; url: string }[];
      };
      assert.equal(workers[0]?.url, mount.client.url);
      const added = await mount.post("/workers", { url: mount.client.url });
      assert.equal(Reflect.get(Object(added.json()), "worker_id"), workers[0]?.id);
      await mount.client.call("DELETE", `/workers/${workers[0]?.id}`);
      assert.equal(fleet.workers.size, 2);
      assert.deepEqual(
        workers.slice(1).map(({ url }) => url),
        ["http://127.0.0.1:9001", "http://127.0.0.1:9002"],
      );
    }));

  test("requests wait from pause to continue, are counted, and are not refused", () =>
    serving(async (mount) => {
      await mount.post("/pause_generation");
      const held = mount.post("/generate", GENERATE);
      await waiting(mount, 1);
      assert.deepEqual(mount.rollouts.submitted, []);
      await mount.post("/continue_generation");
      assert.equal((await held).status, 200);
      await waiting(mount, 0);
    }));

  test("an abort ends what waits: 200 without tokens, unary, listed and streamed", () =>
    serving(async (mount) => {
      await mount.post("/pause_generation");
      const held = [
        mount.post("/generate", { ...GENERATE, rid: "a", return_logprob: true }),
        mount.post("/generate", { ...GENERATE, input_ids: [[1], [2]] }),
        mount.post("/generate", { ...GENERATE, stream: true }),
      ];
      await waiting(mount, 4);
      await mount.post("/abort_request", { rid: "a" });
      await waiting(mount, 3);
      await mount.post("/abort_request", { abort_all: true });
      for (const answer of await Promise.all(held)) {
        assert.equal(answer.status, 200);
        assert.match(answer.text, /"finish_reason":\{"type":"abort"/);
        assert.match(answer.text, /"output_ids":\[\]/);
      }
      assert.deepEqual(mount.rollouts.submitted, []);
    }));

  test("a caller that leaves while it waits leaves nothing behind", () =>
    serving(async (mount) => {
      await mount.post("/pause_generation");
      const away = new AbortController();
      const held = mount.client.call("POST", "/generate", { body: GENERATE, signal: away.signal });
      await waiting(mount, 1);
      away.abort();
      await assert.rejects(held);
      await waiting(mount, 0);
    }));

  for (const [mode, how] of [
    ["retract", "reprefill"],
    ["in_place", "keep"],
    ["abort", ""],
    [null, ""],
  ] as const) {
    test(`pause mode ${mode}: running requests ${how || "as their job says"}`, () =>
      serving(async (mount, { published }) => {
        await mount.post("/pause_generation", { mode });
        await mount.post("/update_weights_from_disk", { model_path: "/w", weight_version: 9 });
        assert.equal(published[0], `publish /w step 9 ${how}`.trim());
      }));
  }

  test("a worker that says no is told, and gets no proof; the others are committed", () =>
    serving(async (mount, { published, broken }) => {
      await mount.post("/pause_generation");
      broken.add("w-2");
      const refused = await mount.post("/update_weights_from_tensor", { weight_version: "8" });
      assert.equal(refused.status, 400);
      assert.match(refused.text, /w-2: it says no/);
      await mount.post("/continue_generation");
      assert.equal(published.at(-1), "commit w-1 f-w-1 8");
    }));

  test("none took the weights: the version is aborted, continue says so, and requests go on", () =>
    serving(async (mount, { published, broken }) => {
      await mount.post("/pause_generation");
      for (const id of ["w-1", "w-2"]) broken.add(id);
      assert.equal(
        await success(mount.post("/update_weights_from_tensor", { weight_version: "8" })),
        false,
      );
      assert.equal((await mount.post("/continue_generation")).status, 400);
      assert.equal(published.at(-1), "abort");
      assert.equal((await mount.post("/generate", GENERATE)).status, 200);
    }));

  test("an update that was not continued is aborted by the next pause, and by another step", () =>
    serving(async (mount, { published }) => {
      await mount.post("/pause_generation");
      await mount.post("/update_weights_from_tensor", { weight_version: "8" });
      await mount.post("/pause_generation");
      assert.equal(published.at(-1), "abort");
      await mount.post("/update_weights_from_tensor", { weight_version: "8" });
      await mount.post("/update_weights_from_tensor", { weight_version: "9" });
      await mount.post("/continue_generation");
      assert.deepEqual(published.slice(3), [
        "publish external step 8",
        "gate",
        "abort",
        "publish external step 9",
        "gate",
        "commit w-1 f-w-1 8, w-2 f-w-2 8",
      ]);
    }));

  test("a worker that fails its swap does not keep the trainer waiting", () =>
    serving(async (mount, movable) => {
      const stuck = { ...movable.publisher };
      Object.assign(movable.publisher, {
        watch: async function* () {
          const [first, second] = (await stuck.committed("default", 8)).workers;
          const progress = await stuck.committed("default", 8);
          yield { ...progress, installed: 1, workers: [first, { ...second, phase: "swapping" }] };
          yield { ...progress, installed: 1, workers: [first, { ...second, phase: "poisoned" }] };
          await new Promise(() => {});
        },
      });
      const answer = await mount.post("/update_weights_from_disk", { model_path: "/w" });
      assert.match(
        answer.text,
        /on 1 workers.*"not_installed":\[\{"worker":"w-2","phase":"poisoned"/,
      );
    }));

  test("a member of a group that has restarted: refused before anybody waits for it", () =>
    serving(async (mount, { fleet, moved }) => {
      await mount.post("/init_weights_update_group", GROUP);
      const { description } = fleet.get("w-2");
      fleet.workers.set(
        "w-2",
        workerRecord({
          ...fleet.get("w-2"),
          description: { ...description, incarnation: "inc-2" },
        }),
      );
      await mount.post("/pause_generation");
      const before = moved.length;
      const bucket = {
        names: [],
        dtypes: [],
        shapes: [],
        group_name: "slime-pp_0",
        weight_version: "8",
      };
      const answer = await mount.post("/update_weights_from_distributed", bucket);
      assert.match(answer.text, /w-2 has left group slime-pp_0/);
      assert.equal(moved.length, before);
    }));

  test("engines that take nothing moved, and a policy that takes no engine's word: unsupported at once", async () => {
    await serving(
      async (mount, { moved }) => {
        const answer = await mount.post("/init_weights_update_group", GROUP);
        assert.match(answer.text, /update from disk/);
        assert.deepEqual(moved, []);
      },
      await createMovableFleet(false),
    );
    const strict = await createMovableFleet();
    await strict.ledger.declare({ policy: "default", minProof: "receipt" });
    await serving(async (mount) => {
      assert.match((await mount.post("/init_weights_update_group", GROUP)).text, /min_proof/);
    }, strict);
  });
});

/** Polls as slime does, until so many requests wait. */
async function waiting(mount: SglangMount, count: number): Promise<void> {
  for (;;) {
    const { loads } = (await mount.client.call("GET", "/v1/loads")).json() as {
      loads: { num_waiting_reqs: number }[];
    };
    if (loads[0]?.num_waiting_reqs === count) return;
  }
}

test("each route has a case, and a row in docs/dialects.md", () => {
  const routes = sglang.routes(Object.create(null) as DialectContext);
  const names = routes.map(({ method, path }) => `${method} ${path}`).sort();
  assert.deepEqual(CASES.map(({ route }) => route).sort(), names);
  const page = readFileSync(join(import.meta.dirname, "../../../../../docs/dialects.md"), "utf8");
  const section = /## SGLang\n(.*?)(?=\n## |$)/s.exec(page)?.[1] ?? "";
  const rows = [...section.matchAll(/^\| `([A-Z·]+) ([^`]+)` \| (\w+) \| ([\w ]+) \|/gm)];
  const written = rows.flatMap(([, methods = "", path, scope, bound]) =>
    methods.split("·").map((method) => [`${method} ${path}`, scope, bound]),
  );
  const touches = { job: "its job only", fleet: "as any other", all: "refused" };
  assert.deepEqual(
    written.sort(),
    routes
      .map((route) => [`${route.method} ${route.path}`, route.scope, touches[route.touches]])
      .sort(),
  );
});
