/** A rollout's events as stream records: SSE frames for HTTP, JSON data for either. */
import type { Encoding } from "../../contract/schema.ts";
import type { LoggedEvent } from "../../rollouts/event-log.ts";
import type { RolloutEvent } from "../../rollouts/service.ts";
import { encodeError } from "./error.ts";
import { floatsText, idsText } from "./number-arrays.ts";
import { encodeResultHead } from "./result.ts";

/** JSON text of an event's data; its name is `event.type`, its SSE id the sequence number. One line. */
export function encodeEvent(event: RolloutEvent, encoding: Encoding): string {
  switch (event.type) {
    case "tokens": {
      const { start, ids, logprobs, version, mixed } = event.chunk;
      return `{"start":${start},"output_token_ids":${idsText(ids, encoding)},"logprobs":${floatsText(logprobs, encoding)},"version":${version},"mixed":${mixed}}`;
    }
    case "moved": {
      const { from, to, reason, resume, keptTokens } = event;
      return JSON.stringify({ from, to, reason, resume, kept_tokens: keptTokens });
    }
    case "finished":
      return encodeResultHead(event.result, encoding);
    case "error":
      return encodeError(event.error);
    default: {
      const { type: _, ...data } = event;
      return JSON.stringify(data);
    }
  }
}

/**
 * One server-sent event of a group: a sibling's, with whose it is. Its end is called `member`, since `finished` is
 * the group's. Without an SSE id: siblings are resumed one by one, by their `seq`.
 */
export function groupFrame(
  rollout: string,
  index: number,
  { seq, event }: LoggedEvent,
  encoding: Encoding,
): string {
  const ends = event.type === "finished" || event.type === "error";
  const whose = `"rollout":${JSON.stringify(rollout)},"index":${index},"seq":${seq}`;
  const data = `{${whose},${encodeEvent(event, encoding).slice(1)}`;
  return `event: ${ends ? "member" : event.type}\ndata: ${data}\n\n`;
}

/** One server-sent event. */
export const sseFrame = (seq: number, event: RolloutEvent, encoding: Encoding): string =>
  `id: ${seq}\nevent: ${event.type}\ndata: ${encodeEvent(event, encoding)}\n\n`;
