/** The sockets to one engine: generate's replies with paced reads, and control calls. */

import { errorFromSignal } from "../../server/contract/abort.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineRequest } from "../engine.ts";
import { createCalls } from "../http/calls.ts";
import { createConnections } from "../http/connections.ts";
import { EventStream } from "../http/event-stream.ts";
import type { ReadPacing } from "../read-pacing.ts";
import { errorFromReply } from "./errors.ts";
import { encodeRequest } from "./request.ts";
import { eventSink } from "./response.ts";
import { FrameReader } from "./wire/frame-reader.ts";

const CONNECT_MS = 5_000;
/** Below the engine's own, so that it never closes a connection that we are about to use. */
const KEEP_ALIVE_MS = 4_000;
/** The engine ends an aborted request when its socket closes; the call only makes sure, so it may fail. */
const ABORT_MS = 5_000;

const STREAM_LIMITS = {
  tokensUnread: LIMITS.engineTokensUnread,
  refusalBytes: LIMITS.engineControlBytes,
};

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
  const connections = createConnections(url, {
    connectMs: CONNECT_MS,
    keepAliveMs: KEEP_ALIVE_MS,
    headBytes: LIMITS.engineHeadBytes,
  });
  const calls = createCalls(connections, {
    answerBytes: LIMITS.engineControlBytes,
    refused: errorFromReply,
  });
  const call: Client["call"] = (method, path, body, signal) =>
    calls.json({ method, path, body }, signal);

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
      const left = (): void => abort(request.requestId);
      const expected = request.sampling.maxNewTokens - request.outputTokenIds.length;
      const stream = new EventStream(
        { request, signal, pacing, left, limits: STREAM_LIMITS, refused: errorFromReply },
        (emit) => new FrameReader(eventSink(request, emit), expected),
      );
      const { traceparent } = request;
      const headers = traceparent === null ? {} : { headers: { traceparent } };
      return stream.reads(
        connections.send({ method: "POST", path: "/generate", body, ...headers }, stream),
      );
    },
    call,
    close() {
      connections.close();
      return Promise.resolve();
    },
  };
}
