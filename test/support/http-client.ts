/** A client of the HTTP front: the conformance suite's calls, and plain ones for everything else. */
import { Agent, request } from "undici";
import { decodeError } from "../../server/api/codec/error.ts";
import { createEventReader } from "../../server/api/codec/event-reader.ts";
import { check } from "../../server/api/codec/invalid.ts";
import { decodeResult } from "../../server/api/codec/result.ts";
import { progress } from "../../server/contract/schema-result.ts";
import type { RolloutEvent } from "../../server/rollouts/service.ts";
import type { FrontClient } from "../conformance/fronts/front-conformance.ts";

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Uint8Array;
  readonly text: string;
  /** The body as JSON; throws where it is none. */
  json(): unknown;
}

export interface SseEvent {
  readonly id: string | null;
  readonly event: string;
  readonly data: unknown;
}

export interface HttpClient extends FrontClient {
  readonly url: string;
  /** Text bodies go out as they are, all else as JSON. */
  call(
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal },
  ): Promise<Reply>;
  /** Throws the error of a refused stream; ends when the stream does. */
  sse(
    method: string,
    path: string,
    options?: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal },
  ): AsyncGenerator<SseEvent>;
}

const PROGRESS = progress();

type Method = "GET" | "POST" | "PUT" | "DELETE";

export function createHttpClient(port: number): HttpClient {
  const url = `http://127.0.0.1:${port}`;
  const dispatcher = new Agent({ headersTimeout: 0, bodyTimeout: 0 });
  const open = (
    method: string,
    path: string,
    accept: string,
    { body, headers, signal }: Parameters<HttpClient["call"]>[2] = {},
  ) =>
    request(url + path, {
      method: method as Method,
      dispatcher,
      headers: {
        accept,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: asText(body) }),
      ...(signal === undefined ? {} : { signal }),
    });

  const call: HttpClient["call"] = async (method, path, options) => {
    const reply = await open(method, path, "application/json", options);
    const bytes = await reply.body.bytes();
    const text = Buffer.from(bytes).toString();
    const json = (): unknown => JSON.parse(text);
    return { status: reply.statusCode, headers: reply.headers, bytes, text, json };
  };

  async function* sse(
    method: string,
    path: string,
    options?: Parameters<HttpClient["call"]>[2],
  ): AsyncGenerator<SseEvent> {
    const reply = await open(method, path, "text/event-stream", options);
    if (reply.statusCode !== 200) throw decodeError(await reply.body.json());
    reply.body.setEncoding("utf8");
    yield* parseSse(reply.body);
  }

  const ok = async (method: string, path: string, options?: Parameters<typeof call>[2]) => {
    const reply = await call(method, path, options);
    if (reply.status >= 400) throw decodeError(reply.json());
    return reply.json();
  };
  const at = (job: string, id: string): string => `/v1/rollouts/${id}?job=${job}`;

  return {
    url,
    call,
    sse,
    // A string is a JSON body here, not text.
    generate: async (body, signal) =>
      decodeResult(await ok("POST", "/v1/rollouts", withSignal(JSON.stringify(body), signal))),
    async *stream(body, signal) {
      const reader = createEventReader();
      for await (const { id, event, data } of sse(
        "POST",
        "/v1/rollouts",
        withSignal(JSON.stringify(body), signal),
      )) {
        const read: RolloutEvent = reader.read(event, data);
        if (read.type === "error") throw read.error;
        yield { seq: Number(id), event: read };
      }
    },
    async get(job, id) {
      const body = await ok("GET", at(job, id));
      if (typeof body === "object" && body !== null && "state" in body) {
        const { output_tokens, worker, ...rest } = check(PROGRESS, body);
        return { progress: { ...rest, outputTokens: output_tokens, worker: worker ?? null } };
      }
      return { result: decodeResult(body) };
    },
    timeline: (job, id) => ok("GET", `${at(job, id)}&timeline=1`),
    abort: async (job, id) => decodeResult(await ok("DELETE", at(job, id))),
    close: () => dispatcher.destroy(),
  };
}

const asText = (body: unknown): string => (typeof body === "string" ? body : JSON.stringify(body));

const withSignal = (body: string, signal: AbortSignal | undefined) => ({
  body,
  ...(signal === undefined ? {} : { signal }),
});

/** Comments come out as events of the name `:`. */
async function* parseSse(chunks: AsyncIterable<string>): AsyncGenerator<SseEvent> {
  let buffered = "";
  for await (const chunk of chunks) {
    buffered += chunk;
    const blocks = buffered.split("\n\n");
    buffered = blocks.pop() ?? "";
    for (const block of blocks) yield parseBlock(block);
  }
  if (buffered !== "") throw new Error(`the stream ended within an event: ${buffered}`);
}

function parseBlock(block: string): SseEvent {
  let id: string | null = null;
  let event = "message";
  let data: unknown = null;
  for (const line of block.split("\n")) {
    if (line.startsWith(":")) event = ":";
    else if (line.startsWith("id: ")) id = line.slice(4);
    else if (line.startsWith("event: ")) event = line.slice(7);
    else if (line.startsWith("data: ")) data = JSON.parse(line.slice(6));
    else throw new Error(`not a line of an event: ${line}`);
  }
  return { id, event, data };
}
