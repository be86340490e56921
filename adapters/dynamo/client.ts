/** The sockets to one Dynamo frontend: streams of tokens, and calls. Aborting a request is closing its socket. */

import { errorFromSignal } from "../../server/contract/abort.ts";
import type { ExpertsHead } from "../../server/contract/routed-experts.ts";
import { LIMITS } from "../../server/limits.ts";
import { type BodyFacts, checkRequest, nothingLeft, tokensLeft } from "../completions/body.ts";
import { completionDecoder } from "../completions/response.ts";
import type { EngineEvent, EngineOptions, EngineRequest } from "../engine.ts";
import { type Calls, createCalls } from "../http/calls.ts";
import { createConnections } from "../http/connections.ts";
import { EventStream, type ReplyDecoder } from "../http/event-stream.ts";
import { errorFromReply } from "./errors.ts";
import { takeExperts } from "./experts.ts";
import { nativeBody, nativeChunks } from "./native.ts";
import { openaiBody, openaiChunks } from "./openai.ts";

const LIMITS_OF_SOCKETS = {
  connectMs: 5_000,
  keepAliveMs: 4_000,
  headBytes: LIMITS.engineHeadBytes,
};

const STREAM_LIMITS = {
  tokensUnread: LIMITS.engineTokensUnread,
  refusalBytes: LIMITS.engineControlBytes,
};

export interface Served extends BodyFacts {
  readonly model: string;
  /** `/generate` is there; else completions. */
  readonly native: boolean;
  /** Null: it tells none. */
  readonly experts: ExpertsHead | null;
}

export interface Client extends Calls {
  generate(request: EngineRequest, served: Served, signal: AbortSignal): AsyncIterable<EngineEvent>;
  close(): void;
}

export function createClient(url: string, { pacing }: EngineOptions): Client {
  const connections = createConnections(url, LIMITS_OF_SOCKETS);
  const limits = { answerBytes: LIMITS.engineControlBytes, refused: errorFromReply };
  const calls = createCalls(connections, limits);
  return {
    ...calls,
    generate(request, served, signal) {
      if (signal.aborted) throw errorFromSignal(signal, "the attempt");
      checkRequest(request, served);
      if (tokensLeft(request, served) === 0) return nothingLeft(request);
      const { native, model, experts } = served;
      const body = native ? nativeBody(request, served) : openaiBody(request, served, model);
      const decoderOf = (emit: (event: EngineEvent) => void): ReplyDecoder => {
        if (native) return completionDecoder(request, nativeChunks(request.requestId), emit);
        const decoder = (take: (given: unknown) => void): ReplyDecoder =>
          completionDecoder(request, openaiChunks(take), emit);
        return experts === null || request.side?.routedExperts == null
          ? decoder(() => {})
          : takeExperts(request, experts, emit, decoder);
      };
      const stream = new EventStream(
        {
          request,
          signal,
          pacing: pacing ?? null,
          // The frontend ends the request at the worker when the socket closes.
          left: () => {},
          limits: STREAM_LIMITS,
          refused: errorFromReply,
        },
        decoderOf,
      );
      const { traceparent } = request;
      const headers = traceparent === null ? {} : { headers: { traceparent } };
      const path = native ? "/generate" : "/v1/completions";
      return stream.reads(connections.send({ method: "POST", path, body, ...headers }, stream));
    },
    close: () => connections.close(),
  };
}
