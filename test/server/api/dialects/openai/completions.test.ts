/** OpenAI's routes with the token fields of vLLM, NeMo Gym and Dynamo, a test for each row of the table, on real embedded engines. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { openTokenizer } from "../../../../../server/text/tokenizer.ts";
import { createHttpClient, type HttpClient, type Reply } from "../../../../support/http-client.ts";
import {
  type LiveServer,
  STEP_1,
  startLiveServer,
  workersReady,
} from "../../../../support/live-server.ts";

const codec = openTokenizer(STEP_1);
assert.ok(codec);
const TEXT = "17+25=";
const PROMPT = codec.encode(TEXT);
const MESSAGES = [{ role: "user", content: TEXT }];
const RENDERED = codec.encode(`<|bos|>user\n${TEXT}<|eos|>\n<|bos|>assistant\n`);

interface Choice {
  readonly index: number;
  readonly text?: string;
  readonly message?: {
    readonly role: string;
    readonly content: string;
    readonly prompt_token_ids?: readonly number[];
    readonly generation_token_ids?: readonly number[];
    readonly generation_log_probs?: readonly number[];
  };
  readonly delta?: { readonly role?: string; readonly content: string };
  readonly finish_reason: string | null;
  readonly stop_reason: unknown;
  readonly token_ids?: readonly number[];
  readonly prompt_token_ids?: readonly number[] | null;
  readonly prompt_logprobs?: readonly unknown[] | null;
  readonly logprobs: {
    readonly tokens?: readonly string[];
    readonly token_logprobs?: readonly (number | null)[];
    readonly text_offset?: readonly number[];
    readonly top_logprobs?: readonly (Record<string, number> | null)[];
    readonly content?: readonly {
      token: string;
      logprob: number;
      top_logprobs: readonly object[];
    }[];
  } | null;
  readonly weight_versions?: readonly { version: string }[];
}

interface Answer {
  readonly id: string;
  readonly object: string;
  readonly model: string;
  readonly choices: readonly Choice[];
  readonly usage: Record<string, number> | null;
  readonly prompt_token_ids?: readonly number[];
  readonly nvext?: Record<string, unknown>;
}

let server: LiveServer;
let client: HttpClient;
before(async () => {
  server = await startLiveServer({
    workers: 1,
    dialects: [{ name: "openai", port: 0, job: "gym" }],
  });
  client = createHttpClient(server.dialects[0]?.port ?? 0);
  await workersReady(server, 1);
});
after(async () => {
  await client.close();
  await server.stop();
});

const RULE = { max_tokens: 4, temperature: 0, ignore_eos: true };
const post = (path: string, body: object, headers: Record<string, string> = {}): Promise<Reply> =>
  client.call("POST", path, { body, headers });

async function answer(
  path: string,
  body: object,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const reply = await post(path, body, headers);
  assert.equal(reply.status, 200, reply.text);
  return reply.json() as Answer;
}
const complete = (over: object) => answer("/v1/completions", { ...RULE, ...over });
const chat = (over: object, headers: Record<string, string> = {}) =>
  answer("/v1/chat/completions", { ...RULE, messages: MESSAGES, ...over }, headers);
const only = ({ choices: [choice] }: Answer): Choice => choice as Choice;

async function chunks(path: string, body: object): Promise<Answer[]> {
  const { text, status } = await post(path, { ...RULE, stream: true, ...body });
  assert.equal(status, 200, text);
  const data = text
    .split("\n\n")
    .flatMap((frame) => (frame.startsWith("data: ") ? [frame.slice(6)] : []));
  assert.equal(data.at(-1), "[DONE]");
  return data.slice(0, -1).map((one) => JSON.parse(one) as Answer);
}

suite("/v1/completions", () => {
  test("a prompt as ids: text, finish, usage, versions", async () => {
    const reply = await complete({ prompt: PROMPT, return_token_ids: true });
    const {
      text,
      token_ids: ids = [],
      prompt_token_ids,
      finish_reason,
      weight_versions,
    } = only(reply);
    assert.equal(text, codec.decode(ids));
    assert.deepEqual([ids.length, prompt_token_ids, finish_reason], [4, PROMPT, "length"]);
    assert.deepEqual(
      weight_versions?.map(({ version }) => version),
      ["default"],
    );
    assert.deepEqual(
      [reply.object, reply.usage?.["prompt_tokens"], reply.usage?.["total_tokens"]],
      ["text_completion", 6, 10],
    );
    assert.match(reply.id, /^cmpl-/);
  });

  test("a prompt as text is the same", async () => {
    const [ids, text] = await Promise.all([
      complete({ prompt: PROMPT }),
      complete({ prompt: TEXT }),
    ]);
    assert.equal(only(text).text, only(ids).text);
  });

  test("several prompts, n siblings each: choices in order", async () => {
    const reply = await complete({
      prompt: [PROMPT, [49], TEXT],
      n: 2,
      temperature: 1,
      return_token_ids: true,
    });
    assert.deepEqual(
      reply.choices.map(({ index }) => index),
      [0, 1, 2, 3, 4, 5],
    );
    assert.deepEqual(
      reply.choices.map(({ prompt_token_ids: ids }) => ids?.length),
      [6, 6, 1, 1, 6, 6],
    );
    assert.equal(reply.usage?.["prompt_tokens"], 13);
  });

  for (const logprobs of [0, 2]) {
    test(`logprobs ${logprobs}`, async () => {
      const wish = { temperature: 1, seed: 3, skip_special_tokens: false, return_token_ids: true };
      const {
        token_ids: ids = [],
        logprobs: entries,
        text,
      } = only(await complete({ prompt: PROMPT, logprobs, ...wish }));
      assert.deepEqual(
        entries?.tokens,
        ids.map((id) => codec.decodeAll([id])),
      );
      assert.equal(entries?.tokens?.join(""), text);
      assert.equal(entries?.token_logprobs?.length, 4);
      assert.ok(entries?.token_logprobs?.every((value) => value !== null && value <= 0));
      for (const [at, row] of (entries?.top_logprobs ?? []).entries()) {
        const names = Object.keys(row ?? {});
        assert.ok(names.includes(entries?.tokens?.[at] as string));
        // The sampled one may be among the alternatives.
        assert.ok(names.length >= Math.max(1, logprobs) && names.length <= logprobs + 1);
      }
    });
  }

  test("tokens as ids", async () => {
    const reply = await complete({
      prompt: PROMPT,
      logprobs: 0,
      return_tokens_as_token_ids: true,
      return_token_ids: true,
    });
    const { token_ids: ids, logprobs } = only(reply);
    assert.deepEqual(
      logprobs?.tokens,
      ids?.map((id) => `token_id:${id}`),
    );
  });

  test("echo: the prompt's text and its logprobs before the output's", async () => {
    const { text, logprobs } = only(await complete({ prompt: PROMPT, logprobs: 0, echo: true }));
    assert.ok(text?.startsWith(TEXT));
    assert.equal(logprobs?.token_logprobs?.length, 10);
    assert.equal(logprobs?.token_logprobs?.[0], null);
    const { prompt_logprobs } = only(await complete({ prompt: PROMPT, prompt_logprobs: 0 }));
    const scores = prompt_logprobs
      ?.slice(1)
      .map((row) => Object.values(row as Record<string, { logprob: number }>)[0]?.logprob);
    assert.deepEqual(logprobs?.token_logprobs?.slice(1, 6), scores);
  });

  test("a stop string ends the text before itself, or behind it where asked", async () => {
    const whole = only(await complete({ prompt: PROMPT, max_tokens: 12 })).text ?? "";
    const stop = whole.slice(3, 5);
    const cut = whole.indexOf(stop);
    for (const [include, expected] of [
      [false, whole.slice(0, cut)],
      [true, whole.slice(0, cut + 2)],
    ] as const) {
      const given = { prompt: PROMPT, max_tokens: 12, stop, include_stop_str_in_output: include };
      const choice = only(await complete(given));
      assert.deepEqual(
        [choice.text, choice.finish_reason, choice.stop_reason],
        [expected, "stop", stop],
      );
      const streamed = (await chunks("/v1/completions", given))
        .map((one) => only(one).text)
        .join("");
      assert.equal(streamed, expected);
    }
  });

  test("a stream is the unary reply in parts", async () => {
    const given = {
      prompt: PROMPT,
      logprobs: 0,
      return_token_ids: true,
      stream_options: { include_usage: true },
    };
    const all = await chunks("/v1/completions", given);
    const unary = await complete(given);
    const parts = all.slice(0, -1).map(only);
    assert.equal(parts.map(({ text }) => text).join(""), only(unary).text);
    assert.deepEqual(
      parts.flatMap(({ token_ids: ids }) => ids),
      only(unary).token_ids,
    );
    assert.deepEqual(
      parts.flatMap(({ logprobs }) => logprobs?.token_logprobs ?? []),
      only(unary).logprobs?.token_logprobs,
    );
    assert.deepEqual(parts[0]?.prompt_token_ids, PROMPT);
    assert.equal(parts.at(-1)?.finish_reason, "length");
    assert.deepEqual([all.at(-1)?.choices, all.at(-1)?.usage], [[], unary.usage]);
  });

  test("16 tokens where nothing is said, as OpenAI has it", async () => {
    const { max_tokens: _, ...rest } = RULE;
    const reply = await answer("/v1/completions", { ...rest, prompt: PROMPT });
    assert.equal(reply.usage?.["completion_tokens"], 16);
  });

  test("Dynamo's wire, as NeMo RL sends and reads it", async () => {
    const reply = await complete({
      model: "default",
      prompt: PROMPT,
      temperature: 1,
      top_p: 1,
      top_k: -1,
      n: 1,
      logprobs: 0,
      include_stop_str_in_output: true,
      nvext: { extra_fields: ["completion_token_ids"] },
      stop_token_ids: [257],
    });
    const ids = reply.nvext?.["completion_token_ids"] as number[];
    assert.equal(only(reply).logprobs?.token_logprobs?.length, ids.length);
    assert.deepEqual(Object.keys(reply.nvext ?? {}), ["completion_token_ids"]);
  });

  test("all of nvext that can be told; what cannot is named in a header", async () => {
    const body = {
      ...RULE,
      prompt: "",
      nvext: {
        token_data: PROMPT,
        extra_fields: ["engine_data", "prompt_token_ids", "stop_reason", "timing", "worker_id"],
        agent_hints: { priority: -1 },
      },
    };
    const reply = await post("/v1/completions", body);
    assert.equal(reply.headers["paceline-ignored-fields"], "nvext.extra_fields.worker_id");
    const { nvext = {} } = reply.json() as Answer;
    const data = nvext["engine_data"] as Record<string, number[]>;
    assert.deepEqual(nvext["prompt_token_ids"], PROMPT);
    assert.deepEqual(data["prompt_token_ids"], PROMPT);
    assert.equal(data["completion_token_ids"]?.length, data["completion_logprobs"]?.length);
    assert.equal(nvext["stop_reason"], null);
  });
});

suite("/v1/chat/completions", () => {
  test("renders the conversation by the policy's template", async () => {
    const reply = await chat({ return_token_ids: true });
    assert.deepEqual(reply.prompt_token_ids, RENDERED);
    const { message, token_ids: ids = [] } = only(reply);
    assert.deepEqual(
      [message?.role, message?.content, ids.length],
      ["assistant", codec.decode(ids), 4],
    );
    assert.deepEqual(
      [reply.object, reply.usage?.["prompt_tokens"]],
      ["chat.completion", RENDERED.length],
    );
  });

  test("as far as the context goes where no limit is given", async () => {
    const prompt = "1".repeat(2048 - RENDERED.length - 4);
    const reply = await answer("/v1/chat/completions", {
      messages: [{ role: "user", content: TEXT + prompt }],
      ignore_eos: true,
    });
    assert.deepEqual([reply.usage?.["total_tokens"], only(reply).finish_reason], [2048, "length"]);
  });

  test("max_completion_tokens, parts of text, sessions", async () => {
    const reply = await chat(
      {
        max_completion_tokens: 2,
        messages: [{ role: "user", content: [{ type: "text", text: TEXT }] }],
      },
      { "x-session-id": "t-1" },
    );
    assert.deepEqual(
      [reply.usage?.["completion_tokens"], reply.usage?.["prompt_tokens"]],
      [2, RENDERED.length],
    );
  });

  test("logprobs with text and with ids", async () => {
    const text = only(
      await chat({
        logprobs: true,
        top_logprobs: 2,
        temperature: 1,
        seed: 5,
        skip_special_tokens: false,
      }),
    );
    assert.deepEqual(
      text.logprobs?.content?.map(({ top_logprobs }) => top_logprobs.length),
      [2, 2, 2, 2],
    );
    assert.equal(text.logprobs?.content?.map(({ token }) => token).join(""), text.message?.content);
    assert.equal(text.message?.generation_token_ids, undefined);
    const ids = only(
      await chat({
        logprobs: true,
        top_logprobs: 0,
        return_tokens_as_token_ids: true,
        return_token_ids: true,
      }),
    );
    assert.deepEqual(
      ids.logprobs?.content?.map(({ token }) => token),
      ids.token_ids?.map((id) => `token_id:${id}`),
    );
  });

  test("NeMo Gym: the message's three fields, and the next turn goes on from exactly these tokens", async () => {
    const wish = {
      logprobs: true,
      top_logprobs: 0,
      return_tokens_as_token_ids: true,
      temperature: 1,
      seed: 9,
    };
    const { message: first } = only(await chat(wish));
    assert.deepEqual(first?.prompt_token_ids, RENDERED);
    assert.equal(first?.generation_token_ids?.length, first?.generation_log_probs?.length);
    const sampled = [...RENDERED, ...(first?.generation_token_ids ?? [])];
    const next = [...MESSAGES, first, { role: "user", content: "1+1=" }];
    const { message: second } = only(await chat({ ...wish, messages: next }));
    assert.deepEqual(second?.prompt_token_ids?.slice(0, sampled.length), sampled);
    assert.deepEqual(
      second?.prompt_token_ids?.slice(sampled.length),
      codec.encode("<|eos|>\n<|bos|>user\n1+1=<|eos|>\n<|bos|>assistant\n"),
    );
    const tokens = await post("/tokenize", { messages: next });
    assert.deepEqual((tokens.json() as { tokens: number[] }).tokens, second?.prompt_token_ids);
  });

  test("required_prefix_token_ids", async () => {
    const prior = [...RENDERED, 52, 50, 257];
    const messages = [
      ...MESSAGES,
      { role: "assistant", content: "anything" },
      { role: "user", content: "1" },
    ];
    const reply = await chat({
      messages,
      required_prefix_token_ids: prior,
      return_token_ids: true,
    });
    assert.deepEqual(reply.prompt_token_ids?.slice(0, prior.length), prior);
  });

  test("nvext.token_data and /v1/chat/completions/tokens need no template", async () => {
    const given = await chat({ nvext: { token_data: PROMPT }, return_token_ids: true });
    assert.deepEqual(given.prompt_token_ids, PROMPT);
    const tokens = await answer("/v1/chat/completions/tokens", {
      ...RULE,
      messages: MESSAGES,
      tokens: PROMPT,
      return_token_ids: true,
    });
    assert.deepEqual(
      [tokens.prompt_token_ids, only(tokens).token_ids],
      [PROMPT, only(given).token_ids],
    );
  });

  test("a stream: role and prompt ids first, then deltas", async () => {
    const given = { return_token_ids: true, logprobs: true, messages: MESSAGES };
    const all = await chunks("/v1/chat/completions", given);
    const unary = await chat(given);
    assert.equal(only(all[0] as Answer).delta?.role, "assistant");
    assert.deepEqual(all[0]?.prompt_token_ids, RENDERED);
    assert.equal(all.map((one) => only(one).delta?.content).join(""), only(unary).message?.content);
    assert.deepEqual(
      all.flatMap((one) => only(one).token_ids),
      only(unary).token_ids,
    );
    assert.deepEqual(
      all.flatMap((one) => only(one).logprobs?.content ?? []),
      only(unary).logprobs?.content,
    );
    assert.equal(all[0]?.object, "chat.completion.chunk");
  });
});

suite("text and ids", () => {
  test("/tokenize text, and a conversation", async () => {
    const text = await post("/tokenize", { model: "default", prompt: TEXT });
    assert.deepEqual(text.json(), {
      count: 6,
      max_model_len: 2048,
      tokens: PROMPT,
      token_strs: null,
    });
    const talk = await post("/tokenize", { messages: MESSAGES });
    assert.deepEqual((talk.json() as { tokens: number[] }).tokens, RENDERED);
    const open = await post("/tokenize", { messages: MESSAGES, add_generation_prompt: false });
    assert.deepEqual(
      (open.json() as { tokens: number[] }).tokens,
      codec.encode(`<|bos|>user\n${TEXT}<|eos|>\n`),
    );
  });

  test("/detokenize", async () => {
    assert.deepEqual((await post("/detokenize", { tokens: [...PROMPT, 257] })).json(), {
      prompt: `${TEXT}<|eos|>`,
    });
  });

  test("/v1/models", async () => {
    const { data } = (await client.call("GET", "/v1/models")).json() as {
      data: { id: string; max_model_len: number }[];
    };
    assert.deepEqual([data[0]?.id, data[0]?.max_model_len], ["default", 2048]);
  });
});

suite("what is refused, in OpenAI's shape", () => {
  const long = "1".repeat(3_000);
  for (const [name, path, body, status, param] of [
    ["a prompt beyond the context", "/v1/completions", { prompt: long }, 400, "prompt"],
    [
      "a conversation beyond the context",
      "/v1/chat/completions",
      { messages: [{ role: "user", content: long }] },
      400,
      "messages",
    ],
    ["no prompt", "/v1/completions", {}, 400, "prompt"],
    ["an empty prompt", "/v1/completions", { prompt: "" }, 400, "prompt"],
    [
      "one that is none among several",
      "/v1/completions",
      { prompt: [[1], ["x"]] },
      400,
      "prompt[1][0]",
    ],
    ["an id out of vocabulary", "/v1/completions", { prompt: [999] }, 400, "prompt[0]"],
    [
      "a parameter out of range",
      "/v1/completions",
      { prompt: [1], temperature: -1 },
      400,
      "temperature",
    ],
    ["a limit out of range", "/v1/completions", { prompt: [1], max_tokens: -1 }, 400, "max_tokens"],
    [
      "logprobs that are no number",
      "/v1/completions",
      { prompt: [1], logprobs: true },
      400,
      "logprobs",
    ],
    [
      "logprobs that are no flag",
      "/v1/chat/completions",
      { messages: MESSAGES, logprobs: 1 },
      400,
      "logprobs",
    ],
    ["no messages", "/v1/chat/completions", {}, 400, "messages"],
    [
      "a message without a role",
      "/v1/chat/completions",
      { messages: [{ content: "x" }] },
      400,
      "messages[0].role",
    ],
    [
      "media",
      "/v1/chat/completions",
      { messages: [{ role: "user", content: [{ type: "image_url" }] }] },
      422,
      "messages[0].content[0]",
    ],
    [
      "a forced tool",
      "/v1/chat/completions",
      { messages: MESSAGES, tool_choice: "required" },
      422,
      "tool_choice",
    ],
    [
      "alternatives in a stream",
      "/v1/completions",
      { prompt: [1], logprobs: 1, stream: true },
      422,
      "logprobs",
    ],
    ["a suffix", "/v1/completions", { prompt: [1], suffix: "x" }, 422, "suffix"],
    [
      "nvext fields of two choices",
      "/v1/completions",
      { prompt: [1], n: 2, nvext: { extra_fields: ["stop_reason"] } },
      422,
      "n",
    ],
    [
      "nvext fields without names, however deep",
      "/v1/completions",
      {
        prompt: [1],
        nvext: { extra_fields: JSON.parse(`${"[".repeat(9_000)}${"]".repeat(9_000)}`) },
      },
      400,
      "nvext.extra_fields",
    ],
    [
      "a prior turn that is not there",
      "/v1/chat/completions",
      { messages: MESSAGES, required_prefix_token_ids: [1] },
      400,
      "required_prefix_token_ids",
    ],
    ["another model", "/v1/completions", { model: "gpt", prompt: [1] }, 404, "model"],
    ["tokens that are none", "/detokenize", { tokens: "x" }, 400, "tokens"],
    ["text that is none", "/tokenize", {}, 400, "prompt"],
  ] as const) {
    test(name, async () => {
      const reply = await post(path, body);
      const { error } = reply.json() as {
        error: { code: number; param: string; type: string; message: string };
      };
      assert.deepEqual(
        [reply.status, error.code, error.param],
        [status, status, param],
        reply.text,
      );
      if (status === 400) assert.equal(error.type, "invalid_request_error");
      if (name.includes("context"))
        assert.match(error.message, /maximum context length is 2048 tokens/);
    });
  }
});
