/** `/inference/v1/generate` and its aborts, a test for each row of the table, on real embedded engines. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { createHttpClient, type HttpClient, type Reply } from "../../../../support/http-client.ts";
import { type LiveServer, startLiveServer, workersReady } from "../../../../support/live-server.ts";

const PROMPT = [49, 55, 43, 50, 53, 61];
const PATH = "/inference/v1/generate";

interface Entry {
  readonly token: string;
  readonly token_id: number;
  readonly logprob: number;
  readonly top_logprobs?: readonly Entry[];
}

interface Choice {
  readonly index: number;
  readonly finish_reason: string | null;
  readonly stop_reason: number | string | null;
  readonly token_ids: readonly number[];
  readonly logprobs: { readonly content: readonly Entry[] } | null;
  readonly weight_versions: readonly { version: string; start: number; end: number }[] | null;
}

interface Generated {
  readonly request_id: string;
  readonly model: string;
  readonly output_mode: string;
  readonly choices: readonly Choice[];
  readonly usage: Record<string, unknown> | null;
  readonly prompt_logprobs: readonly (Record<string, { logprob: number }> | null)[] | null;
  readonly prompt_token_ids?: readonly number[] | null;
}

interface Refusal {
  readonly error: {
    readonly message: string;
    readonly type: string;
    readonly param: string | null;
    readonly code: number;
    readonly paceline: { readonly code: string };
  };
}

let server: LiveServer;
let client: HttpClient;
before(async () => {
  server = await startLiveServer({
    workers: 1,
    dialects: [{ name: "vllm", port: 0, job: "prime" }],
  });
  client = createHttpClient(server.dialects[0]?.port ?? 0);
  await workersReady(server, 1);
});
after(async () => {
  await client.close();
  await server.stop();
});

const body = (over: object = {}, params: object = {}) => ({
  token_ids: PROMPT,
  sampling_params: { max_tokens: 4, temperature: 0, logprobs: 1, ignore_eos: true, ...params },
  ...over,
});

const generate = (given: object, headers: Record<string, string> = {}): Promise<Reply> =>
  client.call("POST", PATH, { body: given, headers });

async function generated(given: object, headers: Record<string, string> = {}): Promise<Generated> {
  const reply = await generate(given, headers);
  assert.equal(reply.status, 200, reply.text);
  return reply.json() as Generated;
}

const only = ({ choices: [choice] }: Generated): Choice => choice as Choice;

async function chunks(given: object): Promise<{ chunks: Generated[]; done: boolean }> {
  const { text, status } = await generate(given);
  assert.equal(status, 200, text);
  const data = text
    .split("\n\n")
    .flatMap((frame) => (frame.startsWith("data: ") ? [frame.slice(6)] : []));
  const done = data.at(-1) === "[DONE]";
  return {
    chunks: data.filter((one) => one !== "[DONE]").map((one) => JSON.parse(one) as Generated),
    done,
  };
}

/** Its bytes as they come. */
async function streaming(given: object) {
  const reply = await fetch(client.url + PATH, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(given),
  });
  assert.ok(reply.body);
  return reply.body.getReader();
}

suite("a unary reply", () => {
  const rows: readonly (readonly [
    name: string,
    given: object,
    check: (reply: Generated) => void,
  ])[] = [
    [
      "has ids, and logprobs in both spellings",
      body(),
      (reply) => {
        const { token_ids: ids, logprobs, index, finish_reason } = only(reply);
        assert.deepEqual(
          [index, finish_reason, ids.length, reply.output_mode],
          [0, "length", 4, "tokens"],
        );
        assert.equal(logprobs?.content.length, 4);
        for (const [at, entry] of (logprobs?.content ?? []).entries()) {
          assert.equal(entry.token_id, ids[at]);
          assert.equal(entry.token, `token_id:${ids[at]}`);
          assert.ok(entry.logprob <= 0 && entry.logprob > -9999);
          assert.deepEqual(
            entry.top_logprobs?.map(({ token_id }) => token_id),
            [ids[at]],
          );
        }
      },
    ],
    [
      "logprobs 0: the sampled token alone",
      body({}, { logprobs: 0 }),
      (reply) => {
        for (const { token, token_id, logprob, top_logprobs } of only(reply).logprobs?.content ??
          []) {
          assert.deepEqual(top_logprobs, [{ token, token_id, logprob }]);
        }
      },
    ],
    [
      "no logprobs where none are asked for",
      body({}, { logprobs: null }),
      (reply) => assert.equal(only(reply).logprobs, null),
    ],
    [
      "logprobs 3: the sampled one first, two others after it",
      body({}, { logprobs: 3, temperature: 1, seed: 4 }),
      (reply) => {
        for (const { token_id, top_logprobs = [] } of only(reply).logprobs?.content ?? []) {
          assert.equal(top_logprobs.length, 3);
          assert.equal(top_logprobs[0]?.token_id, token_id);
          assert.equal(new Set(top_logprobs.map((one) => one.token_id)).size, 3);
        }
      },
    ],
    [
      "n siblings",
      body({}, { n: 3, temperature: 1, seed: 1 }),
      ({ choices, usage }) => {
        assert.deepEqual(
          choices.map(({ index }) => index),
          [0, 1, 2],
        );
        assert.equal(usage?.["completion_tokens"], 12);
        assert.ok(new Set(choices.map(({ token_ids: ids }) => ids.join())).size > 1);
      },
    ],
    [
      "usage counts the cache",
      body(),
      ({ usage }) => {
        assert.deepEqual(
          { ...usage, prompt_tokens_details: null },
          {
            prompt_tokens: 6,
            completion_tokens: 4,
            total_tokens: 10,
            prompt_tokens_details: null,
          },
        );
      },
    ],
    [
      "its id is the client's, with vLLM's prefix",
      body({ request_id: "mine-1" }),
      ({ request_id }) => assert.equal(request_id, "generate-tokens-mine-1"),
    ],
    [
      "the prompt's ids, where they are asked for",
      body({ return_token_ids: true }),
      (reply) => assert.deepEqual(reply.prompt_token_ids, PROMPT),
    ],
    [
      "no prompt ids, where they are not",
      body(),
      (reply) => assert.equal(reply.prompt_token_ids, null),
    ],
    [
      "prompt logprobs: null, then each token of the prompt by its own id",
      body({}, { prompt_logprobs: 1, max_tokens: 1 }),
      ({ prompt_logprobs }) => {
        assert.equal(prompt_logprobs?.[0], null);
        assert.deepEqual(
          prompt_logprobs?.slice(1).map((row) => Object.keys(row ?? {})),
          PROMPT.slice(1).map((id) => [String(id)]),
        );
        for (const row of prompt_logprobs?.slice(1) ?? [])
          assert.ok(Object.values(row ?? {}).every(({ logprob }) => logprob < 0));
      },
    ],
    [
      "versions under the trainer's name: default before it named any",
      body(),
      (reply) => {
        assert.deepEqual(only(reply).weight_versions, [{ version: "default", start: 0, end: 4 }]);
      },
    ],
    [
      "max_tokens absent: as far as the context goes",
      body({ token_ids: Array.from({ length: 2044 }, () => 50) }, { max_tokens: undefined }),
      (reply) => {
        assert.deepEqual([only(reply).finish_reason, only(reply).token_ids.length], ["length", 4]);
      },
    ],
    [
      "max_tokens beyond the context is cut to it",
      body({ token_ids: Array.from({ length: 2044 }, () => 50) }, { max_tokens: 9_000 }),
      (reply) => {
        assert.equal(only(reply).token_ids.length, 4);
      },
    ],
    [
      "a model by the policy's id",
      body({ model: "default" }),
      ({ model }) => assert.equal(model, "default"),
    ],
    [
      "cache_salt at the top and among the parameters",
      body({ cache_salt: "3" }, { cache_salt: "3" }),
      (reply) => assert.equal(only(reply).token_ids.length, 4),
    ],
    ["priority", body({ priority: -3 }), (reply) => assert.equal(only(reply).token_ids.length, 4)],
  ];
  for (const [name, given, check] of rows) {
    test(name, async () => check(await generated(given)));
  }

  test("tells what stopped it", async () => {
    const [, second] = only(await generated(body())).token_ids;
    const stopped = only(await generated(body({}, { stop_token_ids: [second] })));
    assert.deepEqual(
      [stopped.finish_reason, stopped.stop_reason, stopped.token_ids.length],
      ["stop", second, 2],
    );
  });

  test("is compact JSON", async () => {
    const { text } = await generate(body());
    assert.equal(text, JSON.stringify(JSON.parse(text)));
  });

  test("greedy tokens are those of the native call", async () => {
    const native = await server.call<{ output_token_ids: number[]; logprobs: number[] }>(
      "POST",
      "/v1/rollouts",
      {
        prompt_token_ids: PROMPT,
        sampling: { max_new_tokens: 4, temperature: 0, ignore_eos: true },
      },
    );
    const choice = only(await generated(body()));
    assert.deepEqual(choice.token_ids, native.body.output_token_ids);
    assert.deepEqual(
      choice.logprobs?.content.map(({ logprob }) => logprob),
      native.body.logprobs,
    );
  });

  test("the same request id and body is the same request", async () => {
    const given = body({ request_id: "retried" }, { temperature: 1, max_tokens: 24 });
    const headers = { "x-session-id": "trace-r" };
    const [first, second] = await Promise.all([
      generated(given, headers),
      generated(given, headers),
    ]);
    assert.deepEqual(only(first).token_ids, only(second).token_ids);
    const other = await generate(body({ request_id: "retried" }, { max_tokens: 5 }));
    assert.deepEqual([other.status, (other.json() as Refusal).error.type], [409, "ConflictError"]);
  });

  test("a request id is minted where none is given, and unknown fields are told", async () => {
    const reply = await generate(body({ warp: 1 }, { warp: 2 }));
    assert.equal(reply.headers["paceline-ignored-fields"], "warp,sampling_params.warp");
    assert.match((reply.json() as Generated).request_id, /^generate-tokens-r-/);
  });

  test("turns of one X-Session-ID follow each other, beside each other too", async () => {
    const headers = { "x-session-id": "trace-1" };
    const turn = () => generated(body(), headers);
    await turn();
    await Promise.all([turn(), turn(), turn()]);
    await turn();
    const finish = () => client.call("POST", "/finish_session?session_id=trace-1");
    assert.deepEqual((await finish()).json(), { status: "ok", finished: true });
    const odd = "trace/2 é".repeat(30);
    // What cannot be sent in a header as it is comes as its bytes.
    const bytes = Buffer.from(odd).toString("latin1");
    await generated(body(), { "x-session-id": bytes });
    const ended = await client.call(
      "POST",
      `/finish_session?session_id=${encodeURIComponent(bytes)}`,
    );
    assert.deepEqual(ended.json(), { status: "ok", finished: true });
    const unknown = await client.call("POST", "/finish_session?session_id=other");
    assert.deepEqual(unknown.json(), { status: "ok", finished: false });
    assert.equal((await client.call("POST", "/finish_session")).status, 200);
  });
});

suite("a stream", () => {
  test("deltas, the prompt's ids in the first chunk, versions in the last, usage, [DONE]", async () => {
    const { chunks: all, done } = await chunks(
      body({ stream: true, return_token_ids: true, stream_options: { include_usage: true } }),
    );
    assert.ok(done);
    assert.deepEqual(all[0]?.prompt_token_ids, PROMPT);
    assert.ok(all.slice(1).every((chunk) => chunk.prompt_token_ids === undefined));
    const usage = all.at(-1);
    assert.deepEqual([usage?.choices, usage?.usage?.["total_tokens"]], [[], 10]);
    const choices = all.slice(0, -1).map(only);
    const unary = only(await generated(body()));
    assert.deepEqual(
      choices.flatMap(({ token_ids: ids }) => ids),
      unary.token_ids,
    );
    assert.deepEqual(
      choices.flatMap(({ logprobs }) => logprobs?.content ?? []),
      unary.logprobs?.content,
    );
    assert.deepEqual(choices.map(({ finish_reason }) => finish_reason).filter(Boolean), ["length"]);
    assert.deepEqual(choices.at(-1)?.weight_versions, unary.weight_versions);
    assert.ok(choices.slice(0, -1).every(({ weight_versions }) => weight_versions === null));
  });

  test("of n siblings: each choice whole", async () => {
    const { chunks: all } = await chunks(body({ stream: true }, { n: 2, temperature: 1 }));
    for (const index of [0, 1]) {
      const own = all.map(only).filter((choice) => choice.index === index);
      assert.equal(own.flatMap(({ token_ids: ids }) => ids).length, 4);
      assert.equal(own.at(-1)?.finish_reason, "length");
    }
  });

  test("continuous usage", async () => {
    const { chunks: all } = await chunks(
      body({ stream: true, stream_options: { continuous_usage_stats: true } }),
    );
    assert.ok(all.every(({ usage }) => usage !== null));
  });
});

suite("what is refused, before any engine is touched", () => {
  const many = Array.from({ length: 3_000 }, () => 50);
  for (const [name, given, status, type, param] of [
    ["no token_ids", { sampling_params: { max_tokens: 1 } }, 400, "BadRequestError", "token_ids"],
    ["no sampling_params", { token_ids: PROMPT }, 400, "BadRequestError", "sampling_params"],
    ["empty token_ids", body({ token_ids: [] }), 400, "BadRequestError", "token_ids"],
    ["an id that is none", body({ token_ids: [1, -2] }), 400, "BadRequestError", "token_ids[1]"],
    [
      "an id out of vocabulary",
      body({ token_ids: [5_000] }),
      400,
      "BadRequestError",
      "token_ids[0]",
    ],
    ["a prompt beyond the context", body({ token_ids: many }), 400, "BadRequestError", "token_ids"],
    [
      "a parameter out of range",
      body({}, { top_p: 2 }),
      400,
      "BadRequestError",
      "sampling_params.top_p",
    ],
    ["an unknown model", body({ model: "gpt" }), 404, "NotFoundError", "model"],
    ["text", body({ output_mode: "text" }), 422, "UnprocessableEntityError", "output_mode"],
    ["media", body({ features: {} }), 422, "UnprocessableEntityError", "features"],
    ["raw media", body({ content_parts: [] }), 422, "UnprocessableEntityError", "content_parts"],
    [
      "foreign KV",
      body({ kv_transfer_params: {} }),
      422,
      "UnprocessableEntityError",
      "kv_transfer_params",
    ],
    ["an empty salt", body({ cache_salt: "" }), 400, "BadRequestError", "cache_salt"],
    [
      "alternatives in a stream",
      body({ stream: true }, { logprobs: 2 }),
      422,
      "UnprocessableEntityError",
      "sampling_params.logprobs",
    ],
    [
      "prompt logprobs in a stream",
      body({ stream: true }, { prompt_logprobs: 0 }),
      422,
      "UnprocessableEntityError",
      "sampling_params.prompt_logprobs",
    ],
    [
      "a request id that is none",
      body({ request_id: "a b" }),
      400,
      "BadRequestError",
      "request_id",
    ],
    ["a stream that is neither", body({ stream: "yes" }), 400, "BadRequestError", "stream"],
  ] as const) {
    test(name, async () => {
      const reply = await generate(given);
      const { error } = reply.json() as Refusal;
      assert.deepEqual(
        [reply.status, error.code, error.type, error.param],
        [status, status, type, param],
      );
    });
  }

  test("the words by which clients know a context that is too long", async () => {
    const { error } = (await generate(body({ token_ids: many }))).json() as Refusal;
    assert.match(error.message, /maximum context length is 2048 tokens/);
  });
});

suite("an abort ends requests with what they have", () => {
  for (const [name, path, ids, answer] of [
    [
      "by the reply's id",
      "/abort_requests",
      ["generate-tokens-x"],
      { status: "aborted", aborted: 1 },
    ],
    ["by the client's own", "/abort_requests", ["x"], { status: "aborted", aborted: 1 }],
    ["all of the job", "/abort_requests", null, { status: "aborted", aborted: 1 }],
    ["scale-out's route", "/inference/v1/abort_requests", ["generate-tokens-x"], null],
  ] as const) {
    test(name, async () => {
      const id = name.replaceAll(/\W/g, "");
      const given = body({ request_id: id }, { max_tokens: 2_000 });
      const reader = await streaming({ ...given, stream: true });
      await reader.read();
      // The same request: it is under way.
      const request = generated(given);
      const request_ids = ids?.map((one) => one.replace("x", id));
      const reply = await client.call("POST", path, { body: request_ids ? { request_ids } : {} });
      assert.equal(reply.status, 200, reply.text);
      if (answer !== null) assert.deepEqual(reply.json(), answer);
      const { finish_reason, token_ids: tokens, logprobs, weight_versions } = only(await request);
      assert.equal(finish_reason, "abort");
      assert.equal(logprobs?.content.length, tokens.length);
      assert.equal(weight_versions?.at(-1)?.end ?? 0, tokens.length);
    });
  }

  test("an id that is not under way aborts nothing", async () => {
    const reply = await client.call("POST", "/abort_requests", {
      body: { request_ids: ["nobody"] },
    });
    assert.deepEqual(reply.json(), { status: "aborted", aborted: 0 });
  });

  test("scale-out's route asks for ids", async () => {
    assert.equal(
      (await client.call("POST", "/inference/v1/abort_requests", { body: {} })).status,
      400,
    );
  });
});
