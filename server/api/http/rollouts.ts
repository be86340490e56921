/**
 * Rollouts over HTTP: one Result, or its events as they happen. A unary caller that leaves ends its
 * rollout; a stream's may come back within `detach_ms` with `Last-Event-ID`.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import { PacelineError } from "../../contract/errors.ts";
import type { Result } from "../../contract/result.ts";
import type { Encoding } from "../../contract/schema.ts";
import type { RolloutHandle, RolloutService } from "../../rollouts/service.ts";
import { encodeError } from "../codec/error.ts";
import { sseFrame } from "../codec/event.ts";
import { encodeProgress } from "../codec/progress.ts";
import { encodeResultBody } from "../codec/result.ts";
import { decodeRollout, type Mint } from "../codec/rollout.ts";
import { traceparentOf } from "../traceparent.ts";
import { sendArrow } from "./arrow.ts";
import { onDisconnect } from "./disconnect.ts";
import { toPacelineError } from "./errors.ts";
import {
  accepts,
  encodingOf,
  type Handler,
  lastEventId,
  noBody,
  oneOf,
  param,
  query,
  sendJson,
} from "./request.ts";
import type { Streams } from "./streams.ts";

type RolloutCall = "submitRollout" | "getRollout" | "abortRollout";

export interface RolloutRoutes {
  readonly rollouts: RolloutService;
  readonly mint: Mint;
  readonly streams: Streams;
  /** Told of an error that ends a stream after its first byte. */
  readonly failed: (error: PacelineError) => void;
}

const DEFAULT_JOB = "default";

export function rolloutRoutes(context: RolloutRoutes): Record<RolloutCall, Handler> {
  const { rollouts, mint } = context;
  return {
    submitRollout(request, reply) {
      const wants = accepts(request);
      const { rollout, encoding } = decodeRollout(request.body, mint, {
        traceparent: traceparentOf(request.headers["traceparent"]),
      });
      // A parsed body is several times its token ids: not kept while the rollout waits.
      request.body = undefined;
      const handle = rollouts.submit(rollout);
      return wants === "sse"
        ? streamEvents(context, handle, 0, encoding, reply)
        : answerResult(handle, wants === "arrow" ? "arrow" : encoding, reply);
    },

    async getRollout(request, reply) {
      const {
        job = DEFAULT_JOB,
        encoding: asked,
        timeline = "0",
      } = query(request, ["job", "encoding", "timeline"]);
      const encoding = encodingOf(asked);
      const handle = rollouts.get(job, param(request, "id"));
      if (oneOf("timeline", timeline, ["0", "1"]) === "1") {
        const shown = encodeProgress(handle.progress(), handle.moments());
        return sendJson(reply, JSON.stringify(shown));
      }
      const wants = accepts(request);
      if (wants === "sse") {
        return streamEvents(context, handle, firstUnread(request, handle), encoding, reply);
      }
      const form = wants === "arrow" ? "arrow" : encoding;
      const progress = handle.progress();
      if (progress.state === "finished") return sendResult(await handle.result(), form, reply);
      const text = JSON.stringify(encodeProgress(progress));
      // No row before there is a Result.
      return form === "arrow" ? sendArrow(reply, [], { progress: text }) : sendJson(reply, text);
    },

    async abortRollout(request, reply) {
      noBody(request);
      const { job = DEFAULT_JOB, encoding } = query(request, ["job", "encoding"]);
      const as = accepts(request) === "arrow" ? "arrow" : encodingOf(encoding);
      return sendResult(await rollouts.abort(job, param(request, "id"), "client"), as, reply);
    },
  };
}

/** Throws `conflict` for an event that has not been: the reader saw a former life under this id. */
function firstUnread(request: FastifyRequest, { eventCount }: RolloutHandle): number {
  const last = lastEventId(request);
  if (last === null) return 0;
  if (last < eventCount) return last + 1;
  throw new PacelineError("conflict", `event ${last} of this rollout has not been: read from 0`, {
    details: { path: "last-event-id", events: eventCount },
  });
}

type Form = Encoding | "arrow";

const sendResult = (result: Result, form: Form, reply: FastifyReply) =>
  form === "arrow"
    ? sendArrow(reply, [{ result }])
    : sendJson(reply, encodeResultBody(result, form));

async function answerResult(
  handle: RolloutHandle,
  form: Form,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const leave = handle.attach("unary");
  onDisconnect(reply.raw, leave);
  try {
    const result = await handle.result();
    // Nobody is there to read it: the rollout ended because its caller left.
    if (reply.raw.destroyed) return reply.hijack();
    return sendResult(result, form, reply);
  } finally {
    leave();
  }
}

async function streamEvents(
  { streams, failed }: RolloutRoutes,
  handle: RolloutHandle,
  from: number,
  encoding: Encoding,
  reply: FastifyReply,
): Promise<void> {
  const leave = handle.attach("stream");
  const stream = streams.open(reply, "text/event-stream", "rollout");
  let ended = false;
  try {
    for await (const batch of handle.events(from, stream.signal)) {
      let text = "";
      for (const { seq, event } of batch) {
        text += sseFrame(seq, event, encoding);
        ended = event.type === "finished" || event.type === "error";
        if (event.type === "error") failed(event.error);
      }
      if (!(await stream.write(text))) return;
    }
  } catch (thrown) {
    // A log may end its reading by throwing when the reader is gone.
    if (stream.signal.aborted) return;
    const error = toPacelineError(thrown);
    failed(error);
    // After the first byte an error is one terminal record, and nothing follows a terminal record.
    if (!ended) await stream.write(`event: error\ndata: ${encodeError(error)}\n\n`);
  } finally {
    leave();
    stream.end();
  }
}
