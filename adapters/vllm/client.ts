/** The sockets to one vLLM: streams of tokens, and calls. */

import { errorFromSignal } from "../../server/contract/abort.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineEvent, EngineRequest } from "../engine.ts";
import { type Call, createCalls } from "../http/calls.ts";
import { createConnections } from "../http/connections.ts";
import { EventStream } from "../http/event-stream.ts";
import type { ReadPacing } from "../read-pacing.ts";
import { errorFromReply } from "./errors.ts";
import { engineId, generateBody, type Served, scoreBody, scoreId } from "./request.ts";
import { streamDecoder } from "./response.ts";
import { ScoreReader } from "./score.ts";

const CONNECT_MS = 5_000;
/** Uvicorn closes what was idle for 5 s. */
const KEEP_ALIVE_MS = 4_000;
/** A closed socket ends a request too; the call only makes sure, so it may fail. */
const ABORT_MS = 5_000;
const GENERATE = "/inference/v1/generate";

const STREAM_LIMITS = {
  tokensUnread: LIMITS.engineTokensUnread,
  refusalBytes: LIMITS.engineControlBytes,
};

/** What generation needs to know of the server, from its probe. */
export interface Known extends Served {
  readonly slots: number;
}

export interface Client {
  generate(request: EngineRequest, known: Known, signal: AbortSignal): AsyncIterable<EngineEvent>;
  /** A 2xx as JSON; an empty body is null. Throws typed errors. */
  call(call: Call, signal: AbortSignal): Promise<unknown>;
  text(call: Call, signal: AbortSignal): Promise<string>;
  close(): Promise<void>;
}

export function createClient(url: string, pacing: ReadPacing | null): Client {
  const connections = createConnections(url, {
    connectMs: CONNECT_MS,
    keepAliveMs: KEEP_ALIVE_MS,
    headBytes: LIMITS.engineHeadBytes,
  });
  const calls = createCalls(connections, {
    answerBytes: LIMITS.engineControlBytes,
    refused: errorFromReply,
  });
  const scores = createCalls(connections, {
    answerBytes: LIMITS.engineScoreBytes,
    refused: errorFromReply,
  });

  function abort(requestId: string): void {
    const body = { request_ids: [engineId(requestId)] };
    calls
      .text(
        { method: "POST", path: "/inference/v1/abort_requests", body },
        AbortSignal.timeout(ABORT_MS),
      )
      .catch(() => {
        // The closed socket has told the engine already, and a dead engine needs no telling.
      });
  }

  /** Headers of one attempt. */
  function headersOf({ traceparent, slot }: EngineRequest, { slots }: Known) {
    if (slot >= slots) {
      throw new PacelineError(
        "invalid_argument",
        `the engine has ${slots} slots, not slot ${slot}`,
        {
          details: { path: "slot" },
        },
      );
    }
    return {
      ...(traceparent === null ? {} : { traceparent }),
      ...(slots === 1 ? {} : { "x-data-parallel-rank": String(slot) }),
    };
  }

  function stream(request: EngineRequest, known: Known, signal: AbortSignal): EventStream {
    const body = generateBody(request, known);
    const left = (): void => abort(request.requestId);
    const events = new EventStream(
      { request, signal, pacing, left, limits: STREAM_LIMITS, refused: errorFromReply },
      (emit) => streamDecoder(request, emit, known.experts),
    );
    const headers = headersOf(request, known);
    return events.reads(
      connections.send({ method: "POST", path: GENERATE, headers, body }, events),
    );
  }

  async function* scored(
    request: EngineRequest,
    start: number,
    known: Known,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent> {
    const { sampling, outputTokenIds } = request;
    const headers = headersOf(request, known);
    const body = scoreBody(request, known);
    const reader = new ScoreReader(request, start);
    let json: unknown;
    try {
      json = await scores.json(
        { method: "POST", path: GENERATE, headers, body },
        signal,
        reader.lift,
      );
    } catch (thrown) {
      if (signal.aborted) abort(scoreId(request.requestId));
      throw thrown;
    }
    yield { type: "started", cachedTokens: 0 };
    yield { type: "prompt", prompt: reader.end(json) };
    if (sampling.maxNewTokens <= outputTokenIds.length) {
      yield nothingToMake();
      return;
    }
    for await (const event of stream(request, known, signal)) {
      if (event.type !== "started") yield event;
    }
  }

  return {
    generate(request, known, signal) {
      if (signal.aborted) throw errorFromSignal(signal, "the attempt");
      const start = request.side?.promptLogprobs?.start ?? null;
      if (start !== null) {
        // Refused before anything is asked, as without a score.
        generateBody(request, known);
        return scored(request, start, known, signal);
      }
      if (request.sampling.maxNewTokens <= request.outputTokenIds.length)
        return once(nothingToMake());
      return stream(request, known, signal);
    },
    async call(call, signal) {
      const answer = await calls.text(call, signal);
      if (answer === "") return null;
      try {
        return JSON.parse(answer);
      } catch (error) {
        throw new PacelineError("engine_error", `${call.path} answered JSON that is none`, {
          details: { excerpt: answer.slice(0, 200) },
          cause: error,
        });
      }
    },
    text: (call, signal) => calls.text(call, signal),
    close() {
      connections.close();
      return Promise.resolve();
    },
  };
}

/** vLLM makes one token at least. */
const nothingToMake = (): EngineEvent => ({
  type: "finished",
  reason: { type: "length", cause: "max_new", matched: null },
  cachedTokens: 0,
  versions: null,
});

async function* once(event: EngineEvent): AsyncGenerator<EngineEvent> {
  yield event;
}
