/**
 * From the stream of `/v1/completions` to engine events, each checked before anyone sees it: ids and logprobs from one
 * payload and of one length (I1), no more tokens than were asked for, one finish. An engine says how its chunks are read.
 */

import { PacelineError } from "../../server/contract/errors.ts";
import type { FinishReason } from "../../server/contract/rollout.ts";
import type { EngineEvent, EngineRequest } from "../engine.ts";
import type { ReplyDecoder } from "../http/event-stream.ts";
import { shown } from "../http/shown.ts";
import { SseCutter } from "../http/sse.ts";

export interface Chunk {
  /** Deltas; empty where a chunk only tells usage or the end. */
  readonly ids: readonly unknown[];
  readonly logprobs: readonly unknown[];
  readonly finishReason: string | null;
  /** The id or string that stopped it; null: an end-of-sequence token, or not told. */
  readonly stopReason: number | string | null;
  /** Null: not told in this chunk. */
  readonly cachedTokens: number | null;
  /** Tokens that the engine counts in all; null: not told in this chunk. */
  readonly made: number | null;
}

export interface ChunkWire {
  /** As errors name the engine. */
  readonly engine: string;
  /** Throws typed errors for what is no chunk; what the engine itself says went wrong among them. */
  read(body: unknown, event: string): Chunk;
  /** How the engine names a request that it was told, or decided, to end; any other unknown reason is an error. */
  readonly aborted: readonly string[];
  /** Most bytes of one event. */
  readonly eventBytes: number;
}

export const brokenBy = (engine: string, what: string): PacelineError =>
  new PacelineError("engine_error", `${engine} broke its protocol: ${what}`);

/** Takes chunks as they come, whatever they came in. */
export interface ChunkTaker {
  take(chunk: Chunk): void;
  /** The reply is over. Throws where it had no finish. */
  done(): void;
}

export function chunkTaker(
  request: EngineRequest,
  wire: Pick<ChunkWire, "engine" | "aborted">,
  emit: (event: EngineEvent) => void,
): ChunkTaker {
  const given = request.outputTokenIds.length;
  let at = given;
  let last: number | null = null;
  let finish: FinishReason | null = null;
  let cachedTokens = 0;
  let started = false;

  const broken = (what: string): PacelineError => brokenBy(wire.engine, what);

  /** Deltas carry no position: which of them is missing or came twice nobody can say. */
  const doubtful = (code: "engine_error" | "misaligned", what: string): PacelineError =>
    new PacelineError(code, `${wire.engine}: ${what}`, { details: { doubtful: true } });

  function take(chunk: Chunk): void {
    cachedTokens = chunk.cachedTokens ?? cachedTokens;
    const { ids, logprobs } = tokensOf(chunk);
    if (ids.length > 0) {
      if (finish !== null) throw broken("tokens behind the finish");
      if (at + ids.length > request.sampling.maxNewTokens) {
        throw doubtful("engine_error", "more tokens than were asked for");
      }
      if (!started) emit({ type: "started", cachedTokens });
      started = true;
      const tokens = { start: at, ids, logprobs, version: null, mixed: null };
      emit({ type: "tokens", chunk: tokens });
      at += ids.length;
      last = ids.at(-1) as number;
    }
    if (chunk.finishReason !== null) {
      if (finish !== null) throw broken("a second finish");
      finish = reasonOf(chunk, chunk.finishReason);
    }
    if (chunk.made !== null && finish !== null && chunk.made !== at - given) {
      throw doubtful("misaligned", `${chunk.made} tokens counted, ${at - given} told`);
    }
  }

  function tokensOf(chunk: Chunk): { ids: Uint32Array; logprobs: Float32Array } {
    const ids = Uint32Array.from(chunk.ids, (id) => {
      if (Number.isInteger(id) && (id as number) >= 0 && (id as number) <= 0xffff_ffff) {
        return id as number;
      }
      throw broken(`${shown(id)} for a token's id`);
    });
    const logprobs = Float32Array.from(chunk.logprobs, (logprob) => {
      if (typeof logprob === "number") return logprob;
      throw new PacelineError("misaligned", `${shown(logprob)} for a logprob`);
    });
    // Values are looked at where they are kept.
    if (ids.length === logprobs.length) return { ids, logprobs };
    throw new PacelineError("misaligned", `${ids.length} tokens but ${logprobs.length} logprobs`);
  }

  function reasonOf({ stopReason }: Chunk, told: string): FinishReason {
    if (wire.aborted.includes(told)) return { type: "abort", cause: "drain", matched: null };
    switch (told) {
      case "stop":
        if (typeof stopReason === "string") throw broken("a stop string that nobody asked for");
        if (last === null) throw broken("a stop without a token");
        return stopOf(stopReason, last);
      case "length": {
        const cause = at >= request.sampling.maxNewTokens ? "max_new" : "context";
        return { type: "length", cause, matched: null };
      }
      default:
        throw broken(`a finish reason ${told}`);
    }
  }

  /** An engine that does not tell what stopped it has told its last token. */
  function stopOf(stopReason: number | null, token: number): FinishReason {
    const named = request.sampling.stopTokenIds.includes(stopReason ?? token);
    return named
      ? { type: "stop", cause: "stop_id", matched: stopReason ?? token }
      : { type: "stop", cause: "eos", matched: token };
  }

  return {
    take,
    done() {
      if (finish === null) throw broken("its stream ended without a finish");
      emit({ type: "finished", reason: finish, cachedTokens, versions: null });
    },
  };
}

export function completionDecoder(
  request: EngineRequest,
  wire: ChunkWire,
  emit: (event: EngineEvent) => void,
): ReplyDecoder {
  const taker = chunkTaker(request, wire, emit);
  const broken = (what: string): PacelineError => brokenBy(wire.engine, what);
  const cutter = new SseCutter(
    {
      data(bytes, start, end, event) {
        const text = bytes.toString("utf8", start, end);
        let body: unknown;
        try {
          body = text === "" ? null : JSON.parse(text);
        } catch {
          throw broken(`an event that is no JSON: ${text.slice(0, 100)}`);
        }
        taker.take(wire.read(body, event));
      },
      done: () => taker.done(),
    },
    wire.eventBytes,
  );
  return {
    push: (bytes) => cutter.push(bytes),
    end() {
      cutter.end();
      throw broken("its stream ended without [DONE]");
    },
  };
}
