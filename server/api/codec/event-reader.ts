/**
 * A stream's events in a client's hands. `finished` comes without the arrays already sent, so a reader
 * keeps what it has seen and hands out a whole Result.
 */
import { PacelineError } from "../../contract/errors.ts";
import { createEventSchemas } from "../../contract/schema-result.ts";
import { assertAligned, type TokenChunk } from "../../contract/tokens.ts";
import { LIMITS } from "../../limits.ts";
import type { RolloutEvent } from "../../rollouts/service.ts";
import { decodeError } from "./error.ts";
import { check } from "./invalid.ts";
import { fromReply, resultFromWire } from "./result.ts";
import { encodingOfReply } from "./side-data.ts";

const EVENTS = {
  json: createEventSchemas("json", LIMITS),
  b64: createEventSchemas("b64", LIMITS),
} as const;
const JSON_EVENTS = EVENTS.json;

export interface EventReader {
  /** Reads one event by its name and parsed data. Throws `internal` for what is none of ours. */
  read(name: string, data: unknown): RolloutEvent;
}

/** For one stream, from its first event. */
export function createEventReader(): EventReader {
  const ids: number[] = [];
  const logprobs: number[] = [];

  const assertSent = (tokens: number): void => {
    if (tokens <= ids.length) return;
    throw new PacelineError("internal", `tokens ${ids.length} to ${tokens} never came`);
  };
  const keep = (chunk: TokenChunk): void => {
    assertSent(chunk.start);
    ids.length = chunk.start;
    logprobs.length = chunk.start;
    for (const id of chunk.ids) ids.push(id);
    for (const logprob of chunk.logprobs) logprobs.push(logprob);
  };

  const decode = (name: string, data: unknown): RolloutEvent => {
    switch (name) {
      case "accepted":
        return { type: name, ...check(JSON_EVENTS.accepted, data) };
      case "placed":
        return { type: name, ...check(JSON_EVENTS.placed, data) };
      case "held":
        return { type: name, ...check(JSON_EVENTS.held, data) };
      case "tokens": {
        const chunk = chunkOf(data);
        keep(chunk);
        return { type: name, chunk };
      }
      case "moved": {
        const { kept_tokens: keptTokens, resume, ...moved } = check(JSON_EVENTS.moved, data);
        // The server's log knows no other way of going on yet.
        return {
          type: name,
          ...moved,
          resume: resume === "none" ? "none" : "prefill",
          keptTokens,
        };
      }
      case "finished": {
        const head = check(EVENTS[encodingOfReply(data)].finished, data);
        // Too old at the end, or over before a restart made tokens anew: what was sent beyond these is void.
        const kept = head.usage.output_tokens;
        assertSent(kept);
        ids.length = kept;
        logprobs.length = kept;
        const result = resultFromWire({
          ...head,
          output_token_ids: Uint32Array.from(ids),
          logprobs: Float32Array.from(logprobs),
        });
        return { type: name, result };
      }
      case "error":
        return { type: name, error: decodeError(data) };
      default:
        throw new PacelineError("internal", `the server sent an unknown event "${name}"`);
    }
  };
  return { read: (name, data) => fromReply("event", () => decode(name, data)) };
}

function chunkOf(data: unknown): TokenChunk {
  const wire = check(EVENTS[encodingOfReply(data)].tokens, data);
  assertAligned(wire.output_token_ids, wire.logprobs);
  return {
    start: wire.start,
    ids: wire.output_token_ids,
    logprobs: wire.logprobs,
    version: wire.version ?? null,
    mixed: wire.mixed ?? null,
  };
}
