/**
 * Life-cycle events over HTTP, from an offset: server-sent events (`id` = offset) or NDJSON, both
 * endless unless `follow=false`. A reader is a cursor; one that falls behind the ring is told of the
 * gap, and one that comes with an offset of a former process (offsets start anew) of the reset.
 */
import type { FastifyReply } from "fastify";
import type { PacelineError } from "../../contract/errors.ts";
import { LIMITS } from "../../limits.ts";
import { type Caller, mayTouch } from "../auth/caller.ts";
import { encodeError } from "../codec/error.ts";
import { toPacelineError } from "./errors.ts";
import { callerOf } from "./guard.ts";
import { accepts, type Handler, lastEventId, oneOf, query, wholeNumber } from "./request.ts";
import type { LiveStream, Streams } from "./streams.ts";

/** One entry of the life-cycle ring. */
export interface LifeCycleRecord {
  /** Grows by one at each event, from 0 at the start of this process. */
  readonly offset: number;
  /** What happened, as a JSON object with a `type`. */
  readonly event: { readonly type: string };
}

/** What this front needs of the life-cycle ring. */
export interface LifeCycleSource {
  /** Offset of the oldest event that is still kept. */
  readonly oldest: number;
  /** Offset that the next event will get. */
  readonly next: number;
  /** Kept events from offset `from` on, at most `most`. */
  read(from: number, most: number): readonly LifeCycleRecord[];
  /** Calls back after each event that is added. */
  listen(added: () => void): () => void;
}

export interface EventRoutes {
  readonly lifeCycle: LifeCycleSource;
  readonly streams: Streams;
  readonly failed: (error: PacelineError) => void;
}

type Frame = (offset: number, type: string, data: string) => string;

const sse: Frame = (offset, type, data) => `id: ${offset}\nevent: ${type}\ndata: ${data}\n\n`;
const ndjson: Frame = (_offset, _type, data) => `${data}\n`;

export function eventRoutes(context: EventRoutes): Record<"readEvents", Handler> {
  return {
    readEvents(request, reply) {
      const { from, follow } = query(request, ["from", "follow"]);
      const endless = follow === undefined || oneOf("follow", follow, ["true", "false"]) === "true";
      const last = lastEventId(request);
      const start = last !== null ? last + 1 : from === undefined ? 0 : wholeNumber("from", from);
      const type = accepts(request) === "sse" ? "text/event-stream" : "application/x-ndjson";
      const caller = callerOf(request);
      return serveEvents(context, reply, type, start, endless, (event) => isFor(caller, event));
    },
  };
}

async function serveEvents(
  { lifeCycle, streams, failed }: EventRoutes,
  reply: FastifyReply,
  type: "text/event-stream" | "application/x-ndjson",
  from: number,
  endless: boolean,
  shown: (event: LifeCycleRecord["event"]) => boolean,
): Promise<void> {
  const frame = type === "text/event-stream" ? sse : ndjson;
  const stream = streams.open(reply, type, "control");
  try {
    let cursor = from;
    if (cursor > lifeCycle.next) {
      cursor = lifeCycle.oldest;
      const reset = JSON.stringify({ offset: cursor - 1, type: "reset" });
      if (!(await stream.write(frame(cursor - 1, "reset", reset)))) return;
    }
    while (!stream.signal.aborted) {
      if (cursor < lifeCycle.oldest) {
        const lost = lifeCycle.oldest - cursor;
        cursor = lifeCycle.oldest;
        const gap = JSON.stringify({ offset: cursor - 1, type: "gap", lost });
        if (!(await stream.write(frame(cursor - 1, "gap", gap)))) return;
      }
      const batch = lifeCycle.read(cursor, LIMITS.eventBatch);
      if (batch.length > 0) {
        cursor = (batch[batch.length - 1] as LifeCycleRecord).offset + 1;
        const text = framed(batch, frame, shown);
        if (text !== "" && !(await stream.write(text))) return;
      } else if (endless) {
        await added(lifeCycle, stream);
      } else {
        return;
      }
    }
  } catch (thrown) {
    const error = toPacelineError(thrown);
    failed(error);
    const data = encodeError(error);
    await stream.write(
      type === "text/event-stream" ? `event: error\ndata: ${data}\n\n` : `${data}\n`,
    );
  } finally {
    stream.end();
  }
}

/** A token bound to jobs sees those jobs' events and the fleet's, not others' and not who controls it. */
function isFor(caller: Caller, event: LifeCycleRecord["event"]): boolean {
  if (caller.jobs === null) return true;
  const job: unknown = Reflect.get(event, "job");
  return typeof job === "string" ? mayTouch(caller, job) : event.type !== "control";
}

function framed(
  batch: readonly LifeCycleRecord[],
  frame: Frame,
  shown: (event: LifeCycleRecord["event"]) => boolean,
): string {
  let text = "";
  for (const { offset, event } of batch) {
    if (shown(event)) text += frame(offset, event.type, JSON.stringify({ offset, ...event }));
  }
  return text;
}

/** Resolves after the next event, or when the reader has gone. */
function added(lifeCycle: LifeCycleSource, stream: LiveStream): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      forget();
      stream.signal.removeEventListener("abort", settle);
      resolve();
    };
    const forget = lifeCycle.listen(settle);
    stream.signal.addEventListener("abort", settle, { once: true });
  });
}
