/** The sockets to one `trtllm-serve`: streams of completions, and calls. Aborting a request is closing its socket. */
import { createHmac } from "node:crypto";
import { errorFromSignal } from "../../server/contract/abort.ts";
import { LIMITS } from "../../server/limits.ts";
import {
  type BodyFacts,
  checkRequest,
  completionBody,
  nothingLeft,
  tokensLeft,
} from "../completions/body.ts";
import type { Life } from "../completions/life.ts";
import { completionDecoder } from "../completions/response.ts";
import type { EngineEvent, EngineOptions, EngineRequest } from "../engine.ts";
import { type Calls, createCalls } from "../http/calls.ts";
import { createConnections } from "../http/connections.ts";
import { EventStream } from "../http/event-stream.ts";
import { TRTLLM_CHUNKS } from "./chunk.ts";
import { errorFromReply } from "./errors.ts";

const CONNECT_MS = 5_000;
/** Uvicorn closes what was idle for 5 s. */
const KEEP_ALIVE_MS = 4_000;
const CONTROL_AUTH = "x-trtllm-rl-control-auth";

const STREAM_LIMITS = {
  tokensUnread: LIMITS.engineTokensUnread,
  refusalBytes: LIMITS.engineControlBytes,
};

export interface Served extends BodyFacts {
  readonly model: string;
}

export interface Client extends Calls {
  generate(request: EngineRequest, served: Served, signal: AbortSignal): AsyncIterable<EngineEvent>;
  /** A call of the routes that trainers control the engine by, signed where there is a key. */
  control(path: string, body: unknown, signal: AbortSignal): Promise<void>;
  close(): void;
}

/** `life` is told of lost sockets; `made` of tokens. */
export function createClient(
  url: string,
  { pacing, controlKey }: EngineOptions,
  life: Life,
): Client {
  const connections = createConnections(url, {
    connectMs: CONNECT_MS,
    keepAliveMs: KEEP_ALIVE_MS,
    headBytes: LIMITS.engineHeadBytes,
  });
  const calls = createCalls(connections, {
    answerBytes: LIMITS.engineControlBytes,
    refused: errorFromReply,
  });
  const watched = <T>(promise: Promise<T>): Promise<T> => {
    promise.catch((error: unknown) => life.lost(error));
    return promise;
  };

  return {
    // Not repeated: a connection that the engine closed is the only sign of its restart.
    text: (call, signal) => watched(calls.text({ ...call, repeatable: false }, signal)),
    json: (call, signal) => watched(calls.json({ ...call, repeatable: false }, signal)),
    async control(path, body, signal) {
      const text = JSON.stringify(body);
      const headers = controlKey === undefined ? {} : { [CONTROL_AUTH]: signed(controlKey, text) };
      await watched(calls.text({ method: "POST", path, headers, body: text }, signal));
    },
    generate(request, served, signal) {
      if (signal.aborted) throw errorFromSignal(signal, "the attempt");
      checkRequest(request, served);
      if (tokensLeft(request, served) === 0) return nothingLeft(request);
      const body = generateBody(request, served);
      const stream = new EventStream(
        {
          request,
          signal,
          pacing: pacing ?? null,
          // The socket that closes ends the request: there is no other way.
          left: () => {},
          limits: STREAM_LIMITS,
          refused: errorFromReply,
          lost: (error) => life.lost(error),
        },
        (emit) => completionDecoder(request, TRTLLM_CHUNKS, emit),
      );
      const { traceparent } = request;
      const headers = traceparent === null ? {} : { headers: { traceparent } };
      const call = { method: "POST", path: "/v1/completions", body } as const;
      return stream.reads(connections.send({ ...call, ...headers }, stream));
    },
    close: () => connections.close(),
  };
}

/** Of the exact bytes of the body, in lower-case hex. */
export const signed = (key: string, body: string): string =>
  `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;

/** Unknown fields are refused there, so nothing else is sent. */
function generateBody(request: EngineRequest, served: Served): string {
  return JSON.stringify({
    model: served.model,
    ...completionBody(request, served),
    n: 1,
    // 0 gives none at all by HTTP.
    logprobs: 1,
    // With text, no ids.
    detokenize: false,
    add_special_tokens: false,
    skip_special_tokens: false,
    // Else the token that stopped it is cut off, its logprob with it.
    include_stop_str_in_output: true,
  });
}
