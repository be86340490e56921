/** `/generate` of the SGLang dialect: what becomes of each field, and what each reply holds. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { PacelineError } from "../../../../../server/contract/errors.ts";
import type { Rollout } from "../../../../../server/contract/rollout.ts";
import { createTokenizers } from "../../../../../server/text/tokenizer.ts";
import { STEP_1 } from "../../../../support/live-server.ts";
import {
  createScriptedRollouts,
  type Script,
  type Step,
  scriptedId,
  scriptedLogprob,
} from "../../../../support/scripted-rollouts.ts";
import {
  chunksOf,
  JOB,
  type SglangError,
  type SglangMount,
  type SglangReply,
  serveSglang,
} from "./sglang-mount.ts";

const IDS = [1, 2, 3];
const ask = (over: object = {}, params: object = {}) => ({
  input_ids: IDS,
  sampling_params: { max_new_tokens: 4, ...params },
  return_logprob: true,
  ...over,
});
const wait = new Promise<never>(() => {});

/** By the first token of its prompt. */
const SCRIPTS: Readonly<Record<number, readonly Step[]>> = {
  90: [
    { do: "tokens", count: 2, version: 7 },
    { do: "wait", until: wait },
  ],
  91: [
    { do: "tokens", count: 1, version: 7 },
    { do: "move" },
    { do: "tokens", count: 3, version: 9 },
  ],
  92: [{ do: "fail", error: new PacelineError("prompt_too_long", "no room") }],
  93: [{ do: "fail", error: new PacelineError("engine_error", "broken") }],
  94: [{ do: "tokens", count: 3, version: 8 }],
};
const script: Script = ({ promptTokenIds, sampling }: Rollout) =>
  SCRIPTS[promptTokenIds[0] as number] ?? [
    { do: "tokens", count: Math.ceil(sampling.maxNewTokens / 2), version: 7 },
    { do: "tokens", count: Math.floor(sampling.maxNewTokens / 2), version: 7 },
  ];

suite("POST /generate", () => {
  let mount: SglangMount;
  before(async () => {
    mount = await serveSglang({ rollouts: createScriptedRollouts(script) });
  });
  after(() => mount.close());

  const reply = async (body: unknown): Promise<SglangReply> => {
    const { status, json, text } = await mount.post("/generate", body);
    assert.equal(status, 200, text);
    return json() as SglangReply;
  };
  const last = (): Rollout => mount.rollouts.submitted.at(-1) as Rollout;

  test("ids and logprobs come aligned, the version by its label", async () => {
    const { output_ids, meta_info, text } = await reply(ask());
    assert.deepEqual(output_ids, [0, 1, 2, 3].map(scriptedId));
    assert.deepEqual(
      meta_info.output_token_logprobs?.map(([logprob, id]) => [Math.fround(logprob), id]),
      [0, 1, 2, 3].map((at) => [scriptedLogprob(at), scriptedId(at)]),
    );
    assert.deepEqual(meta_info.finish_reason, { type: "length", length: 4 });
    assert.equal(text, "");
    assert.equal(meta_info.prompt_tokens, 3);
    assert.equal(meta_info.completion_tokens, 4);
    assert.equal(meta_info.weight_version, "7");
    assert.deepEqual([meta_info["weight_version_start"], meta_info["weight_version_end"]], [7, 7]);
    assert.equal(last().job, JOB);
  });

  test("spans over an update, by labels; a version without one is `default`", async () => {
    const moved = await reply(ask({ input_ids: [91] }));
    assert.equal(moved.meta_info.weight_version, "9");
    assert.deepEqual(moved.meta_info.weight_versions, [
      { version: "7", start: 0, end: 1 },
      { version: "9", start: 1, end: 4 },
    ]);
    const unnamed = await reply(ask({ input_ids: [94] }));
    assert.equal(unnamed.meta_info.weight_version, "default");
    assert.equal(unnamed.meta_info["weight_version_start"], undefined);
  });

  for (const [params, sampling] of [
    [
      { temperature: 0.5, top_p: 0.9, top_k: 7 },
      { temperature: 0.5, topP: 0.9, topK: 7 },
    ],
    [{ top_k: -1 }, { topK: 0 }],
    [
      { min_p: 0.1, min_new_tokens: 2 },
      { minP: 0.1, minNewTokens: 2 },
    ],
    [
      { stop: null, stop_token_ids: null, temperature: null },
      { stop: [], temperature: 1 },
    ],
    [{ stop: "x" }, { stop: ["x"] }],
    [
      { stop: ["x", "y"], stop_token_ids: [5] },
      { stop: ["x", "y"], stopTokenIds: [5] },
    ],
    [{ max_new_tokens: undefined }, { maxNewTokens: 128 }],
    [
      { frequency_penalty: 0.5, presence_penalty: 0.25 },
      { frequencyPenalty: 0.5, presencePenalty: 0.25 },
    ],
    [
      { repetition_penalty: 1.5, ignore_eos: true },
      { repetitionPenalty: 1.5, ignoreEos: true },
    ],
    [{ logit_bias: { 5: -1 } }, { logitBias: new Map([[5, -1]]) }],
    [{ regex: "a+" }, { structured: { regex: "a+" } }],
    [{ json_schema: "{}" }, { structured: { json_schema: "{}" } }],
    [{ no_stop_trim: true, skip_special_tokens: false }, { engine: {} }],
    [
      { custom_params: { mine: 1 }, later_param: 2 },
      { engine: { custom_params: { mine: 1 }, later_param: 2 } },
    ],
  ] as const) {
    test(`sampling_params ${JSON.stringify(params)}`, async () => {
      await reply(ask({}, params));
      const got = last().sampling;
      for (const [name, value] of Object.entries(sampling)) {
        assert.deepEqual(Reflect.get(got, name), value, name);
      }
    });
  }

  test("a seed, a priority, a rid", async () => {
    const { meta_info } = await reply(ask({ rid: "r-1", priority: 3 }, { sampling_seed: 42 }));
    assert.deepEqual(
      [last().seed, last().priority, last().id, meta_info.id],
      [42, -3, "r-1", "r-1"],
    );
  });

  for (const [what, headers, body] of [
    ["x-smg-routing-key", { "x-smg-routing-key": "s-1" }, {}],
    ["x-session-id", { "x-session-id": "s-2" }, {}],
    ["session_id", {}, { session_id: "s-3" }],
  ] as const) {
    test(`${what} makes a session`, async () => {
      await mount.post("/generate", ask(body), headers);
      const { id = "", turn } = last().session ?? {};
      assert.match(id, /^s-\d$/);
      assert.equal(turn, 0);
    });
  }

  test("return_logprob: false leaves them out", async () => {
    const { meta_info, output_ids } = await reply(ask({ return_logprob: false }));
    assert.equal(meta_info.output_token_logprobs, undefined);
    assert.equal(output_ids.length, 4);
  });

  test("logprob_start_len scores the prompt; its first entry is null", async () => {
    for (const start of [0, 1]) {
      const { meta_info } = await reply(ask({ logprob_start_len: start }, { max_new_tokens: 0 }));
      const input = meta_info.input_token_logprobs ?? [];
      assert.deepEqual(
        input.map(([, id]) => id),
        IDS.slice(start),
      );
      assert.equal(input[0]?.[0], null);
      assert.equal(Math.fround(input[1]?.[0] ?? 0), scriptedLogprob(start + 1));
      assert.equal(meta_info.completion_tokens, 0);
    }
  });

  test("top_logprobs_num and slime's top-p replay", async () => {
    const custom_params = { return_top_p_token_ids: true };
    const { meta_info } = await reply(ask({ top_logprobs_num: 2 }, { top_p: 0.5, custom_params }));
    assert.deepEqual(
      meta_info.output_top_logprobs?.map(({ length }) => length),
      [1, 2, 1, 2],
    );
    const offsets = int32(meta_info["top_p_token_offsets"]);
    const ids = int32(meta_info["top_p_token_ids"]);
    assert.deepEqual([offsets.length, offsets[0], offsets.at(-1)], [5, 0, ids.length]);
  });

  test("return_prompt_token_ids", async () => {
    const { prompt_token_ids } = await reply(ask({ return_prompt_token_ids: true }));
    assert.deepEqual(prompt_token_ids, IDS);
  });

  test("a batch is a list in order, with one entry each of what is given by prompt", async () => {
    const body = {
      input_ids: [[1], [2, 3]],
      sampling_params: [{ max_new_tokens: 2 }, { max_new_tokens: 4 }],
      return_logprob: [true, false],
      rid: "b",
    };
    const { status, json } = await mount.post("/generate", body);
    assert.equal(status, 200);
    const replies = json() as SglangReply[];
    assert.deepEqual(
      replies.map(({ meta_info: meta, output_ids }) => [
        meta.id,
        meta.prompt_tokens,
        output_ids.length,
        meta.output_token_logprobs?.length,
      ]),
      [
        ["b_0", 1, 2, 2],
        ["b_1", 2, 4, undefined],
      ],
    );
  });

  test("n samples of a prompt are siblings of one group and seed", async () => {
    const { json } = await mount.post("/generate", ask({ rid: "n" }, { n: 3 }));
    assert.deepEqual(
      (json() as SglangReply[]).map(({ meta_info }) => meta_info.id),
      ["n_0", "n_1", "n_2"],
    );
    const three = mount.rollouts.submitted.slice(-3);
    assert.deepEqual(
      three.map(({ group }) => [group?.size, group?.index]),
      [
        [3, 0],
        [3, 1],
        [3, 2],
      ],
    );
    assert.equal(new Set(three.map(({ group, seed }) => `${group?.id} ${seed}`)).size, 1);
  });

  test("a prompt that is too long is a 200 that ends as length", async () => {
    const { meta_info, output_ids } = await reply(ask({ input_ids: [92] }));
    assert.deepEqual([meta_info.finish_reason, output_ids], [{ type: "length", length: 0 }, []]);
    assert.deepEqual(meta_info.output_token_logprobs, []);
  });

  test("what asks for nothing passes, whatever its name", async () => {
    await reply(
      ask({ return_indexer_topk: false, image_data: null, audio_data: [], lora_path: null }),
    );
  });

  for (const [what, body, status, code, path] of [
    ["no prompt", { sampling_params: {} }, 400, "invalid_argument", "input_ids"],
    ["two prompts", ask({ text: "x" }), 400, "invalid_argument", "text"],
    ["no ids", ask({ input_ids: [] }), 400, "invalid_argument", "input_ids"],
    ["a bad id", ask({ input_ids: [1, -1] }), 400, "invalid_argument", "input_ids[1]"],
    [
      "a bad id in a batch",
      ask({ input_ids: [[1], [1, 2.5]] }),
      400,
      "invalid_argument",
      "input_ids[1][1]",
    ],
    ["a body that is a list", [1], 400, "invalid_argument", ""],
    [
      "a temperature below 0",
      ask({}, { temperature: -1 }),
      400,
      "invalid_argument",
      "sampling_params.temperature",
    ],
    [
      "two structures",
      ask({}, { regex: "a", ebnf: "b" }),
      400,
      "invalid_argument",
      "sampling_params.ebnf",
    ],
    ["n of 0", ask({}, { n: 0 }), 400, "invalid_argument", "sampling_params.n"],
    [
      "a list of another length",
      ask({ input_ids: [[1], [2]], rid: ["a"] }),
      400,
      "invalid_argument",
      "rid",
    ],
    ["a rid that is no id", ask({ rid: "a/b" }), 400, "invalid_argument", "rid"],
    ["text without a tokenizer", ask({ input_ids: null, text: "x" }), 400, "unsupported", "text"],
    ["images", ask({ image_data: ["x"] }), 400, "unsupported", "image_data"],
    [
      "an unknown wish",
      ask({ return_hidden_states: true }),
      400,
      "unsupported",
      "return_hidden_states",
    ],
    [
      "top logprobs of the prompt",
      ask({ logprob_start_len: 0, top_logprobs_num: 1 }),
      400,
      "unsupported",
      "top_logprobs_num",
    ],
    [
      "a wrong weight_version",
      ask({ weight_version: 3 }),
      400,
      "invalid_argument",
      "weight_version",
    ],
    ["an engine's error", ask({ input_ids: [93] }), 502, "engine_error", undefined],
    ["one of a batch fails", ask({ input_ids: [[1], [93]] }), 502, "engine_error", undefined],
  ] as const) {
    test(`refused: ${what}`, async () => {
      const answer = await mount.post("/generate", body);
      assert.equal(answer.status, status, answer.text);
      const { error } = answer.json() as SglangError;
      assert.deepEqual([error.code, error.paceline.code], [status, code]);
      assert.equal(error.paceline.details["path"], path);
      assert.equal(error.type, status < 500 ? "BadRequestError" : "InternalServerError");
    });
  }

  for (const [wish, status] of [
    [{ min_version: 6 }, 200],
    [{ min_version: 7 }, 200],
    [{ min_version: 8 }, 409],
    [{ exact_version: 7 }, 200],
    [{ exact_version: 6 }, 409],
    [{ exact_version: 7, min_version: 7 }, 400],
    [{}, 200],
  ] as const) {
    test(`weight_version ${JSON.stringify(wish)}: ${status}`, async () => {
      const answer = await mount.post("/generate", ask({ weight_version: wish }));
      assert.equal(answer.status, status, answer.text);
      if (status === 409) assert.equal(answer.headers["retry-after"], "1");
    });
  }

  for (const [what, body] of [
    ["by its rid", { rid: "gone" }],
    ["with all of its job", { abort_all: true }],
  ] as const) {
    test(`abort ${what}: 200 with what there is`, async () => {
      const pending = mount.post("/generate", ask({ input_ids: [90], rid: "gone" }));
      const life = await mount.rollouts.arrival(JOB, "gone");
      await life.until(() => life.eventCount > 2);
      assert.equal((await mount.post("/abort_request", body)).status, 200);
      const { meta_info, output_ids } = (await pending).json() as SglangReply;
      assert.equal(meta_info.finish_reason?.type, "abort");
      assert.equal(output_ids.length, 2);
      // The id is free for another request only once its Result is forgotten.
      mount.rollouts.forget(JOB, "gone");
    });
  }

  test("abort of nobody, of a batch, and of nothing", async () => {
    assert.equal((await mount.post("/abort_request", { rid: "nobody" })).status, 200);
    assert.equal((await mount.post("/abort_request", {})).status, 400);
    const pending = mount.post("/generate", { ...ask(), input_ids: [[90], [90]], rid: "two" });
    for (const rid of ["two_0", "two_1"]) await mount.rollouts.arrival(JOB, rid);
    await mount.post("/abort_request", { rid: "two" });
    const types = ((await pending).json() as SglangReply[]).map(
      ({ meta_info }) => meta_info.finish_reason?.type,
    );
    assert.deepEqual(types, ["abort", "abort"]);
  });

  test("a caller that leaves ends its rollout", async () => {
    const away = new AbortController();
    const body = ask({ input_ids: [90], rid: "left" });
    const pending = mount.client.call("POST", "/generate", { body, signal: away.signal });
    const life = await mount.rollouts.arrival(JOB, "left");
    away.abort();
    await assert.rejects(pending);
    await life.until(() => life.ended);
  });
});

suite("POST /generate, streamed", () => {
  let mount: SglangMount;
  before(async () => {
    const codec = createTokenizers().beside(STEP_1);
    mount = await serveSglang({
      rollouts: createScriptedRollouts(script),
      tokenizerOf: () => codec,
    });
  });
  after(() => mount.close());

  const stream = async (body: object) => {
    const { status, text } = await mount.post("/generate", { ...body, stream: true });
    assert.equal(status, 200, text);
    return chunksOf(text);
  };
  const idsOf = ({ meta_info }: SglangReply) =>
    (meta_info.output_token_logprobs ?? []).map(([, id]) => id);

  test("cumulative chunks, the last one as the unary reply", async () => {
    const chunks = await stream(ask({ input_ids: [91] }));
    for (const chunk of chunks.slice(0, -1)) {
      assert.equal(chunk.meta_info.finish_reason, null);
      assert.deepEqual(idsOf(chunk), chunk.output_ids);
      assert.deepEqual(
        chunk.output_ids,
        [0, 1, 2, 3].slice(0, chunk.output_ids.length).map(scriptedId),
      );
    }
    const { json } = await mount.post("/generate", ask({ input_ids: [91] }));
    const unary = json() as SglangReply;
    const end = chunks.at(-1) as SglangReply;
    assert.deepEqual(
      { ...end, meta_info: { ...end.meta_info, id: "" } },
      { ...unary, meta_info: { ...unary.meta_info, id: "" } },
    );
  });

  test("incremental chunks join to the unary reply", async () => {
    const chunks = await stream(ask({ incremental_streaming_output: true }));
    assert.deepEqual(chunks.flatMap(idsOf), [0, 1, 2, 3].map(scriptedId));
    assert.deepEqual(
      chunks.flatMap(({ output_ids }) => [...output_ids]),
      [0, 1, 2, 3].map(scriptedId),
    );
    assert.equal(chunks.at(-1)?.meta_info.finish_reason?.type, "length");
  });

  test("chunks of a batch name their index", async () => {
    const chunks = await stream(ask({ input_ids: [[1], [2]] }));
    for (const index of [0, 1]) {
      const own = chunks.filter((chunk) => chunk.index === index);
      assert.equal(own.at(-1)?.output_ids.length, 4);
    }
  });

  test("an error after the first byte is a chunk of SGLang's shape", async () => {
    const chunks = await stream(ask({ input_ids: [93] }));
    const { error } = chunks.at(-1) as unknown as SglangError;
    assert.deepEqual([error.code, error.paceline.code], [502, "engine_error"]);
  });

  test("an abort ends the stream with what there is", async () => {
    const pending = stream(ask({ input_ids: [90], rid: "streamed" }));
    const life = await mount.rollouts.arrival(JOB, "streamed");
    await life.until(() => life.eventCount > 2);
    await mount.post("/abort_request", { abort_all: true });
    const end = (await pending).at(-1);
    assert.deepEqual([end?.meta_info.finish_reason?.type, end?.output_ids.length], ["abort", 2]);
  });

  test("text: prompts are encoded, outputs decoded, stops trimmed unless they are to stay", async () => {
    const { json } = await mount.post("/generate", {
      text: "17+25=",
      sampling_params: { max_new_tokens: 2 },
    });
    assert.equal(typeof (json() as SglangReply).text, "string");
    const { promptTokenIds } = mount.rollouts.submitted.at(-1) as Rollout;
    assert.deepEqual([...promptTokenIds], [49, 55, 43, 50, 53, 61]);
  });
});

const int32 = (text: unknown): Int32Array => {
  const bytes = Buffer.from(String(text), "base64");
  return new Int32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length));
};
