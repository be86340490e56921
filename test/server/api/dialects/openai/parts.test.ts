/** What OpenAI's routes are made of, without engines: errors toward clients, text as it comes, kept tokens, refusals without a tokenizer. */
import assert from "node:assert/strict";
import { after, before, suite, test } from "node:test";
import { openaiError, vllmError } from "../../../../../server/api/dialects/openai/error.ts";
import { TextDeltas } from "../../../../../server/api/dialects/openai/output-text.ts";
import { spliced } from "../../../../../server/api/dialects/openai/prior-tokens.ts";
import { ERRORS, type ErrorCode, PacelineError } from "../../../../../server/contract/errors.ts";
import { openTokenizer } from "../../../../../server/text/tokenizer.ts";
import type { Reply } from "../../../../support/http-client.ts";
import { STEP_1 } from "../../../../support/live-server.ts";
import { type ServingDialect, serveDialect } from "../../../../support/serve-dialect.ts";

suite("statuses toward clients", () => {
  for (const [code, openai, vllm] of [
    ["invalid_argument", 400, 400],
    ["prompt_too_long", 400, 400],
    ["unsupported", 422, 422],
    ["unauthenticated", 401, 401],
    ["not_found", 404, 404],
    ["no_eligible_worker", 409, 503],
    ["version_unavailable", 409, 503],
    ["shutting_down", 409, 503],
    ["overloaded", 500, 429],
    ["quota_exceeded", 500, 429],
    ["engine_error", 500, 500],
    ["engine_unreachable", 500, 503],
    ["misaligned", 500, 500],
    ["not_resumable", 500, 500],
    ["deadline_exceeded", 500, 500],
    ["store_unavailable", 500, 503],
    ["internal", 500, 500],
    ["unimplemented", 501, 501],
  ] as const) {
    test(code, () => {
      const error = new PacelineError(code, "why", { details: { path: "a.b" } });
      for (const [shape, status] of [
        [openaiError, openai],
        [vllmError, vllm],
      ] as const) {
        const answer = shape(error);
        const body = JSON.parse(answer.body) as { error: Record<string, unknown> };
        assert.deepEqual(
          [answer.status, body.error["code"], body.error["param"]],
          [status, status, "a.b"],
        );
        assert.equal((body.error["paceline"] as { code: string }).code, code);
      }
    });
  }

  test("none that NeMo Gym would send again without end", () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const { status } = openaiError(new PacelineError(code, "why"));
      assert.ok(![429, 502, 503, 504, 520].includes(status), `${code} is ${status}`);
    }
  });
});

suite("text as its tokens come", () => {
  const codec = openTokenizer(STEP_1);
  assert.ok(codec);
  const rule = { skipSpecial: true, includeStop: false };
  for (const [text, sizes] of [
    ["17+25=42", [1, 1, 1, 1, 1, 1, 1, 1]],
    ["→🚀 é", [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]],
    ["→🚀 é", [2, 4, 4]],
    ["→🚀 é", [10]],
  ] as const) {
    test(`${text} in ${sizes}`, () => {
      const deltas = new TextDeltas(codec, rule, []);
      const ids = codec.encode(text);
      let at = 0;
      let out = "";
      for (const size of sizes) {
        const part = deltas.add(Uint32Array.from(ids.slice(at, at + size)));
        at += size;
        assert.ok(!part.includes("\uFFFD"));
        out += part;
      }
      assert.equal(out, text);
    });
  }

  test("nothing of a stop string goes out before it is known to be none", () => {
    const deltas = new TextDeltas(codec, rule, ["+25"]);
    const out = [..."17+2+25x"].map((one) => deltas.add(Uint32Array.from(codec.encode(one))));
    assert.equal(out.join(""), "17+2");
  });
});

suite("tokens that were sampled are kept", () => {
  const EOS = 2;
  const of = (over: Partial<Parameters<typeof spliced>[0]>) =>
    spliced({
      priorRendered: [],
      rendered: [],
      prior: [],
      eosTokenId: EOS,
      path: "messages[1]",
      ...over,
    });
  for (const [name, given, expected] of [
    [
      "up to the token that ended the turn",
      { prior: [1, 8, EOS], priorRendered: [1, 9, EOS, 3], rendered: [1, 9, EOS, 3, 4] },
      [1, 8, EOS, 3, 4],
    ],
    [
      "a turn that was cut gets its end",
      { prior: [1, 8], priorRendered: [1, 9, EOS, 3], rendered: [1, 9, EOS, 3, 4] },
      [1, 8, EOS, 3, 4],
    ],
    [
      "the text was tokenised to another length",
      { prior: [1, 7, 8, EOS], priorRendered: [1, 9, EOS], rendered: [1, 9, EOS, 4] },
      [1, 7, 8, EOS, 4],
    ],
    [
      "no end-of-sequence token, the same beginning",
      { eosTokenId: null, prior: [1, 8], priorRendered: [1, 9], rendered: [1, 9, 4] },
      [1, 8, 4],
    ],
  ] as const) {
    test(name, () => assert.deepEqual(of(given), expected));
  }
  for (const [name, given] of [
    [
      "nothing ends the turns, and the beginning differs",
      { prior: [1], priorRendered: [1, 9], rendered: [1, 8, 4] },
    ],
    ["fewer tokens than the turns have", { prior: [1], priorRendered: [1, 9, 9], rendered: [1] }],
  ] as const) {
    test(`refused: ${name}`, () => {
      assert.throws(() => of(given), {
        code: "invalid_argument",
        details: { path: "messages[1]" },
      });
    });
  }
});

suite("without a tokenizer", () => {
  let serving: ServingDialect;
  before(async () => {
    serving = await serveDialect([{ name: "openai", port: 0, job: "a" }]);
  });
  after(() => serving.close());
  const post = (path: string, body: object): Promise<Reply> => {
    const [client] = serving.clients;
    assert.ok(client);
    return client.call("POST", path, { body });
  };

  test("ids need none: text is empty, tokens are named by id", async () => {
    const reply = await post("/v1/completions", { prompt: [1, 2], max_tokens: 2, logprobs: 0 });
    const { choices } = reply.json() as {
      choices: { text: string; logprobs: { tokens: string[] } }[];
    };
    assert.deepEqual([reply.status, choices[0]?.text], [200, ""]);
    assert.match(choices[0]?.logprobs.tokens[0] ?? "", /^token_id:\d+$/);
  });

  for (const [path, body, param] of [
    ["/v1/completions", { prompt: "text" }, "prompt"],
    ["/v1/completions", { prompt: [[1], "text"] }, "prompt[1]"],
    ["/v1/chat/completions", { messages: [{ role: "user", content: "x" }] }, "messages"],
    ["/tokenize", { prompt: "text" }, "prompt"],
    ["/detokenize", { tokens: [1] }, "tokens"],
  ] as const) {
    test(`refused: ${path} ${JSON.stringify(body)}`, async () => {
      const reply = await post(path, body);
      const { error } = reply.json() as { error: { param: string; paceline: { code: string } } };
      assert.deepEqual(
        [reply.status, error.param, error.paceline.code],
        [422, param, "unsupported"],
      );
    });
  }
});
