/** `/v1/completions`, `/v1/chat/completions` and `/tokenize`. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { PacelineError } from "../../../contract/errors.ts";
import { invalid } from "../../codec/invalid.ts";
import { sendJson } from "../../http/request.ts";
import type { DialectContext, DialectError, DialectRoute } from "../dialect.ts";
import type { MountState } from "../mount-state.ts";
import { IGNORED_HEADER } from "../vllm/generate.ts";
import { type Asked, askedOf, type Body, needCodec, type Prompt, type Reading } from "./asked.ts";
import { chatPrompt } from "./chat.ts";
import { contextLength, policyNamed } from "./models.ts";
import { encodeReply, ReplyChunks } from "./reply.ts";
import { objectBody } from "./token-ask.ts";
import { giveUp, runAll, streamAll } from "./token-run.ts";

/** OpenAI's own default of `/v1/completions`, where nothing is said. */
const COMPLETION_TOKENS = 16;

export function completionRoutes(
  context: DialectContext,
  state: MountState,
  error: (error: PacelineError) => DialectError,
): DialectRoute[] {
  const reading = ({ body, headers }: FastifyRequest): Reading => {
    const given = objectBody(body);
    const policy = policyNamed(context, given["model"]);
    return { context, state, body: given, headers, policy, codec: context.tokenizer() };
  };

  const answered =
    (read: (reading: Reading) => Asked): DialectRoute["handler"] =>
    async (request, reply) => {
      const asked = read(reading(request));
      // A parsed body is several times its token ids: not kept while the rollout waits.
      request.body = undefined;
      const passage = await state.hold.passes([asked.id], reply);
      if (passage === "gone") return reply.hijack();
      if (asked.ignored.length > 0) reply.header(IGNORED_HEADER, asked.ignored.join(","));
      const done = state.live.add(asked.id, asked.rollouts);
      try {
        const answer = asked.stream ? streamed(asked, reply) : unary(asked, reply);
        if (passage === "abort") giveUp(context, asked);
        return await answer;
      } finally {
        done();
      }
    };

  async function unary(asked: Asked, reply: FastifyReply): Promise<unknown> {
    const results = await runAll(context, asked, reply);
    return results === null
      ? reply.hijack()
      : sendJson(reply, encodeReply(asked, state.names, results));
  }

  function streamed(asked: Asked, reply: FastifyReply): Promise<void> {
    const chunks = new ReplyChunks(asked, state.names);
    return streamAll(context, asked, reply, {
      tokens: (index, chunk) => chunks.tokens(index, chunk),
      finished: (index, result) => chunks.finished(index, result),
      end: (results) => chunks.end(results),
      error,
    });
  }

  const post = (path: string, handler: DialectRoute["handler"]): DialectRoute => ({
    method: "POST",
    path,
    scope: "generate",
    touches: "job",
    handler,
  });
  const chat = (read: Reading, ids: unknown, path: string): Asked =>
    askedOf(read, "chat", [{ ids, path }], null);
  return [
    post(
      "/v1/completions",
      answered((read) => askedOf(read, "completion", promptsOf(read), COMPLETION_TOKENS)),
    ),
    post(
      "/v1/chat/completions",
      answered((read) => {
        const { body, codec, policy } = read;
        const data = tokenData(body);
        if (data !== null) return chat(read, data, "nvext.token_data");
        return chat(read, chatPrompt(body, codec, policy), "messages");
      }),
    ),
    // Of the interleaved clients: the prompt's tokens are the caller's.
    post(
      "/v1/chat/completions/tokens",
      answered((read) => chat(read, read.body["tokens"], "tokens")),
    ),
    post("/tokenize", (request, reply) => {
      const { body, codec, policy } = reading(request);
      const tokens = tokenized(body, needCodec(codec, "prompt", policy), policy);
      const most = contextLength(context, policy);
      return sendJson(
        reply,
        JSON.stringify({ count: tokens.length, max_model_len: most, tokens, token_strs: null }),
      );
    }),
    post("/detokenize", (request, reply) => {
      const { body, codec, policy } = reading(request);
      const tokens = body["tokens"];
      const whole = (id: unknown): id is number => typeof id === "number" && id >>> 0 === id;
      if (!Array.isArray(tokens) || !tokens.every(whole)) {
        throw invalid("tokens", "must be an array of token ids");
      }
      const prompt = needCodec(codec, "tokens", policy).decodeAll(tokens);
      return sendJson(reply, JSON.stringify({ prompt }));
    }),
  ];
}

const tokenData = (body: Body): unknown => {
  const nvext = body["nvext"] ?? null;
  return typeof nvext === "object" && nvext !== null
    ? (Reflect.get(nvext, "token_data") ?? null)
    : null;
};

/** Ids, a list of them, text, or a list of texts. */
function promptsOf({ body, codec, policy }: Reading): readonly Prompt[] {
  const data = tokenData(body);
  if (data !== null) return [{ ids: data, path: "nvext.token_data" }];
  const { prompt } = body;
  if (!Array.isArray(prompt) || prompt.length === 0 || typeof prompt[0] === "number") {
    return [{ ids: ids(prompt, "prompt"), path: "prompt" }];
  }
  return prompt.map((one: unknown, at) => {
    const path = `prompt[${at}]`;
    return { ids: ids(one, path), path };
  });

  function ids(given: unknown, path: string): unknown {
    if (typeof given !== "string") return given;
    if (given === "") throw invalid(path, "must not be empty");
    const text = needCodec(codec, path, policy);
    return body["add_special_tokens"] === false ? text.encode(given) : text.encodePrompt(given);
  }
}

function tokenized(body: Body, codec: Parameters<typeof chatPrompt>[1] & object, policy: string) {
  if ((body["messages"] ?? null) !== null) return chatPrompt(body, codec, policy);
  const { prompt } = body;
  if (typeof prompt !== "string") throw invalid("prompt", "must be text, or messages be given");
  return body["add_special_tokens"] === false ? codec.encode(prompt) : codec.encodePrompt(prompt);
}
