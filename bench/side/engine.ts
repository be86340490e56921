/**
 * A vLLM whose side data costs it nothing: rollouts are the fake's, but what a bench's rollout is answered was written
 * beforehand. `node engine.ts MEBIBYTES`, of each kind's reply.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { Pool } from "undici";
import { expertRows, npyFile } from "../../test/fakes/core/experts.ts";
import { startFakeVllm } from "../../test/fakes/vllm/fake-vllm.ts";
import { listenAsEngine } from "../gateway/engine-server.ts";
import { rolloutOf, WIDTH } from "./rollout.ts";

const MEBIBYTES = Number(process.argv[2]);
/** Tokens of one event. */
const INTERVAL = 16;

const fake = await startFakeVllm({ experts: { layers: 1, perToken: 1, dtype: "uint8" } });
const behind = new Pool(fake.url);
const experts = expertsText();
const tails = topTails();
const scores = scoresText();

interface Asked {
  readonly request_id?: string;
  readonly token_ids: readonly number[];
  readonly sampling_params: {
    readonly max_tokens: number;
    readonly logprobs?: number;
    readonly prompt_logprobs?: number | null;
  };
}

async function serve(request: IncomingMessage, body: Buffer, response: ServerResponse) {
  const asked =
    request.url === "/inference/v1/generate" ? (JSON.parse(body.toString()) as Asked) : null;
  const id = String(request.headers["x-request-id"] ?? asked?.request_id);
  if (asked !== null && isLong(asked) && asked.sampling_params.prompt_logprobs != null) {
    response.writeHead(200, { "content-type": "application/json" });
    response.write(`{"request_id":"generate-tokens-${id}","prompt_logprobs":`);
    response.write(scores);
    response.end(
      `,"choices":[{"index":0,"finish_reason":"length","token_ids":[48],"weight_versions":${await versions(1)}}]}`,
    );
    return;
  }
  if (asked !== null && (asked.sampling_params.logprobs ?? 0) >= WIDTH) {
    await topReply(id, asked.sampling_params.max_tokens, response);
    return;
  }
  if (asked !== null && isLong(asked)) {
    // Of the token behind a scored prompt.
    const short = { ...asked, token_ids: asked.token_ids.slice(0, 8) };
    await passed(request, Buffer.from(JSON.stringify(short)), response);
    return;
  }
  await passed(request, body, response);
}

/** Longer than the fake's context: a bench's prompt to be scored. */
const isLong = ({ token_ids: prompt }: Asked): boolean => prompt.length > 2_000;

/** By the fake; its experts are replaced where they are the bench's, and its context is as wide as need be. */
async function passed(request: IncomingMessage, body: Buffer, response: ServerResponse) {
  const reply = await behind.request({
    method: request.method === "POST" ? "POST" : "GET",
    path: request.url ?? "/",
    headers: { ...ID(request), "content-type": "application/json" },
    ...(body.length > 0 ? { body } : {}),
  });
  response.writeHead(reply.statusCode, { "content-type": String(reply.headers["content-type"]) });
  const text = widened(await reply.body.text());
  const place = /"routed_experts":"([^"]+)"/.exec(text);
  // Of probes and canaries it stays as it is: they have other rows.
  const rows = Buffer.from(place?.[1] ?? "", "base64").length - 128;
  if (place === null || rows !== experts.rows) {
    response.end(text);
    return;
  }
  const at = place.index + '"routed_experts":"'.length;
  response.write(text.slice(0, at));
  response.write(experts.base64);
  response.end(text.slice(at + (place[1] as string).length));
}

/** Its context and its KV, as the server is told of them. */
const widened = (text: string): string =>
  text
    .replaceAll('"max_model_len":2048', '"max_model_len":2000000')
    .replace(/num_gpu_blocks="\d+"/, 'num_gpu_blocks="200000"')
    .replace(/"num_gpu_blocks":\d+/, '"num_gpu_blocks":200000');

const ID = ({ headers }: IncomingMessage): Record<string, string> => {
  const id = headers["x-request-id"];
  return typeof id === "string" ? { "x-request-id": id } : {};
};

/** A server may ask for them in segments. */
async function topReply(id: string, tokens: number, response: ServerResponse): Promise<void> {
  const head = Buffer.from(`data: {"request_id":"generate-tokens-${id}",`);
  const whole = tails.slice(0, Math.floor(tokens / INTERVAL));
  const counts = `{"prompt_tokens":64,"total_tokens":${64 + tokens},"completion_tokens":${tokens}}`;
  const last = topTail(tokens % INTERVAL, `"length"`, await versions(tokens));
  const usage = `"usage":${counts},"output_mode":"tokens","choices":[]}\n\n`;
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write(Buffer.concat(whole.flatMap((tail) => [head, tail])));
  response.end(`${head}${last}${head}${usage}data: [DONE]\n\n`);
}

/** Under the label that the fake has now. */
async function versions(tokens: number): Promise<string> {
  const asked = { token_ids: [48], sampling_params: { max_tokens: 1 } };
  const { body } = await behind.request({
    ...{ method: "POST", path: "/inference/v1/generate", body: JSON.stringify(asked) },
    headers: { "content-type": "application/json" },
  });
  const [, label] = /"weight_versions":\[\{"version":("[^"]*")/.exec(await body.text()) ?? [];
  return `[{"version":${label},"start":0,"end":${tokens}}]`;
}

function expertsText() {
  const { prompt, tokens } = rolloutOf("experts", MEBIBYTES);
  const ids = Array.from({ length: prompt.length + tokens - 1 }, (_, at) => at);
  const bytes = (MEBIBYTES * 1024 * 1024 * 3) / 4;
  const perToken = 8;
  const layers = Math.floor(bytes / ids.length / perToken);
  const shape = { layers, perToken, dtype: "uint8" } as const;
  const base64 = npyFile(expertRows(ids, shape), shape).toString("base64");
  return { rows: ids.length, base64: Buffer.from(base64, "latin1") };
}

function entryText(id: number, rank: number): string {
  const logprob = -0.03370843827724457 - rank * 0.3712358474731445;
  return `{"token_id":${id},"logprob":${logprob},"rank":${rank + 1}}`;
}

/** Of the longest reply, each behind its request's id. */
function topTails(): Buffer[] {
  const { tokens } = rolloutOf("top", MEBIBYTES);
  return Array.from({ length: Math.ceil(tokens / INTERVAL) }, () =>
    Buffer.from(topTail(INTERVAL, "null", "null")),
  );
}

function topTail(tokens: number, reason: string, versions: string): string {
  const ids = Array.from({ length: tokens }, (_, at) => 40 + at);
  const content = ids.map((id) => {
    const entries = Array.from({ length: WIDTH + 1 }, (_, rank) => entryText(id + rank, rank));
    return `${entries[0]?.slice(0, -1)},"top_logprobs":[${entries}]}`;
  });
  return `"usage":null,"output_mode":"tokens","choices":[{"index":0,"finish_reason":${reason},"stop_reason":null,"token_ids":[${ids}],"routed_experts":null,"sampling_mask":null,"weight_versions":${versions},"logprobs":{"content":[${content}]}}]}\n\n`;
}

function scoresText(): Buffer {
  const { prompt } = rolloutOf("scores", MEBIBYTES);
  const told = prompt.map((id, at) =>
    at === 0
      ? "null"
      : `{"${id}":{"logprob":${-2.6974637508392334 - (at % 7)},"rank":1,"decoded_token":"${id - 48}"}}`,
  );
  return Buffer.from(`[${told}]`);
}

listenAsEngine(serve);
