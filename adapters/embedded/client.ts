/**
 * The sockets to one engine: undici's for control calls, our own for replies, whose reads are paced. Our
 * deadlines are the callers' signals; undici's own are off.
 */
import { type Dispatcher, Pool } from "undici";
import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineRequest } from "../engine.ts";
import type { ReadPacing } from "../read-pacing.ts";
import { errorFromReply, errorFromSignal, errorFromSocket } from "./errors.ts";
import { EventStream } from "./event-stream.ts";
import { createConnections } from "./http/connections.ts";
import { encodeRequest } from "./request.ts";

const CONNECT_MS = 5_000;
/** Below the engine's own, so that it never closes a connection that we are about to use. */
const KEEP_ALIVE_MS = 4_000;
/** The engine ends an aborted request when its socket closes; the call only makes sure, so it may fail. */
const ABORT_MS = 5_000;

const JSON_HEADERS = ["content-type", "application/json"];

export interface Client {
  generate(request: EngineRequest, signal: AbortSignal): EventStream;
  /** The parsed JSON of a 200; throws a typed error otherwise. */
  call(method: "GET" | "POST", path: string, body: unknown, signal: AbortSignal): Promise<unknown>;
  close(): Promise<void>;
}

export interface ClientOptions {
  /** Tokens per event after the first; null: the engine's own. */
  readonly streamInterval: number | null;
  /** Null: replies are read as they come. */
  readonly pacing: ReadPacing | null;
}

export function createClient(url: string, { streamInterval, pacing }: ClientOptions): Client {
  const replies = createConnections(url, { connectMs: CONNECT_MS, keepAliveMs: KEEP_ALIVE_MS });
  const pool = new Pool(url, {
    headersTimeout: 0,
    bodyTimeout: 0,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connectTimeout: CONNECT_MS,
    maxResponseSize: -1,
  });

  async function call(
    method: "GET" | "POST",
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<unknown> {
    let reply: Dispatcher.ResponseData;
    let text: string;
    try {
      reply = await pool.request({
        method,
        path,
        signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body), headers: JSON_HEADERS }),
      });
      text = await boundedText(reply.body);
    } catch (error) {
      if (signal.aborted) throw errorFromSignal(signal, `${method} ${path}`);
      throw error instanceof Error ? errorFromSocket(error) : PacelineError.from(error);
    }
    if (reply.statusCode !== 200) throw errorFromReply(reply.statusCode, text);
    try {
      return JSON.parse(text);
    } catch (error) {
      throw new PacelineError("engine_error", `${path} answered JSON that is none`, {
        cause: error,
      });
    }
  }

  function abort(requestId: string): void {
    const body = { request_id: requestId };
    call("POST", "/abort", body, AbortSignal.timeout(ABORT_MS)).catch(() => {
      // The closed socket has told the engine already, and a dead engine needs no telling.
    });
  }

  return {
    generate(request, signal) {
      if (signal.aborted) throw errorFromSignal(signal, "the attempt");
      const body = encodeRequest(request, streamInterval);
      const stream = new EventStream({
        request,
        signal,
        pacing,
        left: () => abort(request.requestId),
      });
      return stream.reads(replies.post("/generate", body, request.traceparent, stream));
    },
    call,
    close() {
      replies.close();
      return pool.destroy();
    },
  };
}

async function boundedText(body: Dispatcher.ResponseData["body"]): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of body as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > LIMITS.engineControlBytes) {
      throw new PacelineError("engine_error", "the engine's answer exceeds the limit");
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
