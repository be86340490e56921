/** The sockets to one SGLang server: streams of tokens with paced reads, unary scores, control calls. */

import { errorFromSignal } from "../../server/contract/abort.ts";
import { PacelineError } from "../../server/contract/errors.ts";
import { LIMITS } from "../../server/limits.ts";
import type { EngineEvent, EngineFinish, EngineOptions, EngineRequest } from "../engine.ts";
import { type Calls, createCalls } from "../http/calls.ts";
import { createConnections } from "../http/connections.ts";
import { EventStream } from "../http/event-stream.ts";
import { weightsPolicyOf } from "../lora/name.ts";
import { errorFromReply } from "./errors.ts";
import type { EngineState, Facts } from "./facts.ts";
import { keyed } from "./keys.ts";
import { checkRequest, generateBody, scoreBody, scoreId, tokensLeft } from "./request.ts";
import { ReplyReader } from "./response.ts";
import { ScoreReader } from "./score.ts";

const CONNECT_MS = 5_000;
/** Below uvicorn's 5 s, so that it never closes a connection that we are about to use. */
const KEEP_ALIVE_MS = 4_000;
/** A closed socket ends a request too, but within seconds where it has no token yet; so this is tried first. */
const ABORT_MS = 5_000;
/** Chunks of a server that repeats all it has said: so many at most, since each costs as much as all before it. */
const CUMULATIVE_CHUNKS = 32;

const STREAM_LIMITS = {
  tokensUnread: LIMITS.engineTokensUnread,
  refusalBytes: LIMITS.engineControlBytes,
};

export interface Client {
  generate(request: EngineRequest, signal: AbortSignal): AsyncIterable<EngineEvent>;
  /** Control calls. Answers of at most LIMITS.engineControlBytes. */
  readonly calls: Calls;
  /** Replies as large as LIMITS.engineReplyBytes. */
  readonly replies: Calls;
  close(): Promise<void>;
}

export function createClient(url: string, state: EngineState, options: EngineOptions): Client {
  const plain = createConnections(url, {
    connectMs: CONNECT_MS,
    keepAliveMs: KEEP_ALIVE_MS,
    headBytes: LIMITS.engineHeadBytes,
  });
  const connections = options.keys === undefined ? plain : keyed(plain, options.keys);
  const callsOf = (answerBytes: number): Calls =>
    createCalls(connections, { answerBytes, refused: errorFromReply });
  const calls = callsOf(LIMITS.engineControlBytes);
  const replies = callsOf(LIMITS.engineReplyBytes);

  function abort(rid: string): void {
    const call = { method: "POST", path: "/abort_request", body: { rid } } as const;
    calls.text(call, AbortSignal.timeout(ABORT_MS)).catch(() => {
      // The closed socket tells the engine too, and a dead engine needs no telling.
    });
  }

  function stream(request: EngineRequest, facts: Facts, signal: AbortSignal): EventStream {
    const { pacing = null } = options;
    const end = (): void => abort(request.requestId);
    const events = new EventStream(
      { request, signal, pacing, left: end, limits: STREAM_LIMITS, refused: errorFromReply },
      (emit) => new ReplyReader({ request, facts, abort: end }, emit),
    );
    const streamInterval = intervalOf(request, facts, options.streamInterval ?? null);
    const { traceparent } = request;
    return events.reads(
      connections.send(
        {
          method: "POST",
          path: "/generate",
          body: generateBody({ request, facts, streamInterval }),
          ...(traceparent === null ? {} : { headers: { traceparent } }),
        },
        events,
      ),
    );
  }

  /** Scores are computed first and answered at once: streamed, each chunk would repeat them all. */
  async function* scored(
    request: EngineRequest,
    facts: Facts,
    start: number,
    signal: AbortSignal,
  ): AsyncGenerator<EngineEvent, undefined> {
    const body = scoreBody(request, facts, start);
    const reader = new ScoreReader(request, facts, start);
    let reply: unknown;
    try {
      reply = await replies.json({ method: "POST", path: "/generate", body }, signal, reader.lift);
    } catch (error) {
      if (signal.aborted) abort(scoreId(request));
      throw error;
    }
    const { prompt, cachedTokens } = reader.end(reply);
    yield { type: "started", cachedTokens };
    yield { type: "prompt", prompt };
    if (tokensLeft(request, facts) === 0) {
      yield finishOf(request, cachedTokens);
      return;
    }
    for await (const event of stream(request, facts, signal)) {
      if (event.type === "finished") yield { ...event, cachedTokens };
      else if (event.type !== "started") yield event;
    }
  }

  return {
    generate(request, signal) {
      if (signal.aborted) throw errorFromSignal(signal, "the attempt");
      const { facts } = state;
      if (facts === null) {
        throw new PacelineError("engine_error", "the engine has not been probed yet");
      }
      checkRequest(request, facts);
      const policy = weightsPolicyOf(request);
      if (state.label?.policy !== policy) {
        throw new PacelineError("version_unavailable", `the engine holds no ${policy}`, {
          details: { policy, held: state.label?.policy ?? null },
        });
      }
      const scores = request.side?.promptLogprobs ?? null;
      if (scores !== null) return scored(request, facts, scores.start, signal);
      if (tokensLeft(request, facts) > 0) return stream(request, facts, signal);
      return only({ type: "started", cachedTokens: 0 }, finishOf(request, 0));
    },
    calls,
    replies,
    close() {
      connections.close();
      return Promise.resolve();
    },
  };
}

/** Tokens a chunk; null: the server's own. */
function intervalOf(request: EngineRequest, facts: Facts, wanted: number | null): number | null {
  if (facts.incremental) return wanted;
  return Math.max(wanted ?? 1, Math.ceil(tokensLeft(request, facts) / CUMULATIVE_CHUNKS));
}

/** Where there is nothing left to make. */
function finishOf({ sampling, outputTokenIds }: EngineRequest, cachedTokens: number): EngineFinish {
  const full = outputTokenIds.length < sampling.maxNewTokens;
  const cause = full ? "context" : "max_new";
  const reason = { type: "length", cause, matched: null } as const;
  return { type: "finished", reason, cachedTokens, versions: null };
}

async function* only(...events: EngineEvent[]): AsyncGenerator<EngineEvent, undefined> {
  yield* events;
}
