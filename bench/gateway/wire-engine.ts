/**
 * An SGLang server that costs next to nothing: rollouts are answered with replies written beforehand, a stream one
 * event a turn of the loop. All else (probes, weights, canaries) is the fake's, which computes.
 * `POST /bench/interval {"tokens": 16}`: of the streams that begin from here on.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { setImmediate as turn } from "node:timers/promises";
import { Pool } from "undici";
import { z } from "zod";
import { startFakeSglang } from "../../test/fakes/sglang/fake-sglang.ts";
import { listenAsEngine } from "./engine-server.ts";
import { createReplies } from "./prepared-replies.ts";

/** Shorter ones are probes and canaries. */
const ROLLOUT_TOKENS = 64;
const SEED = 7;
/** Room that the fake's small model does not have. */
const ROOM = {
  context_length: 16_384,
  max_req_input_len: 16_378,
  max_running_requests: 256,
  max_total_num_tokens: 4_000_000,
  internal_states: [],
};

const generate = z.looseObject({
  rid: z.string(),
  stream: z.boolean().nullish(),
  sampling_params: z.looseObject({ max_new_tokens: z.int() }),
});
const setting = z.object({ tokens: z.int().min(1) });

const fake = await startFakeSglang({ incremental: true });
const behind = new Pool(fake.url);
const replies = createReplies(SEED);
let interval = 16;

async function serve(
  request: IncomingMessage,
  body: Buffer,
  response: ServerResponse,
): Promise<void> {
  if (request.url === "/bench/interval") {
    interval = setting.parse(JSON.parse(body.toString())).tokens;
    response.end();
    return;
  }
  const order =
    request.url === "/generate" ? generate.safeParse(JSON.parse(body.toString())).data : undefined;
  if (order === undefined || order.sampling_params.max_new_tokens < ROLLOUT_TOKENS) {
    await handOn(request, body, response);
  } else if (order.stream === true) {
    await stream(order, response);
  } else {
    const { rid, sampling_params: params } = order;
    const text = replies.whole(rid, fake.model.label, params.max_new_tokens);
    const head = { "content-type": "application/json", "content-length": text.length };
    response.writeHead(200, head).end(text, "latin1");
  }
}

async function stream(
  { rid, sampling_params: params }: z.infer<typeof generate>,
  response: ServerResponse,
): Promise<void> {
  response.writeHead(200, { "content-type": "text/event-stream; charset=utf-8" });
  for (const event of replies.events(rid, fake.model.label, params.max_new_tokens, interval)) {
    if (response.destroyed) return;
    response.write(event, "latin1");
    await turn();
  }
  response.end();
}

async function handOn(request: IncomingMessage, body: Buffer, response: ServerResponse) {
  const {
    statusCode,
    headers,
    body: answer,
  } = await behind.request({
    method: request.method === "POST" ? "POST" : "GET",
    path: request.url ?? "/",
    ...(body.length > 0 ? { body } : {}),
  });
  const text = await answer.text();
  response.writeHead(statusCode, { "content-type": String(headers["content-type"]) });
  response.end(/^\/(get_)?server_info$/.test(request.url ?? "") ? roomier(text) : text);
}

const roomier = (text: string): string =>
  JSON.stringify({ ...(JSON.parse(text) as object), ...ROOM });

listenAsEngine(serve);
