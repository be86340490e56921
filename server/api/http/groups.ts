/**
 * Groups over HTTP: siblings of one prompt, answered together, or all their events in one stream. A caller that leaves
 * ends them: at once, or, where it streamed, after `detach_ms`.
 */
import type { FastifyReply } from "fastify";
import { PacelineError } from "../../contract/errors.ts";
import type { Encoding } from "../../contract/schema.ts";
import { assertAny, type GroupParts, type Siblings, startGroup } from "../../rollouts/group.ts";
import type { RolloutHandle } from "../../rollouts/service.ts";
import { encodeError } from "../codec/error.ts";
import { groupFrame } from "../codec/event.ts";
import { type DecodedGroup, decodeGroup, encodeGroup, groupToWire } from "../codec/group.ts";
import type { Mint } from "../codec/rollout.ts";
import { traceparentOf } from "../traceparent.ts";
import { sendArrow } from "./arrow.ts";
import { onDisconnect } from "./disconnect.ts";
import { toPacelineError } from "./errors.ts";
import { accepts, type Handler, sendJson } from "./request.ts";
import type { LiveStream, Streams } from "./streams.ts";

export interface GroupRoutes extends GroupParts {
  readonly mint: Mint;
  readonly streams: Streams;
}

export function groupRoutes(context: GroupRoutes): Record<"submitGroup", Handler> {
  return {
    async submitGroup(request, reply) {
      const wants = accepts(request);
      if (wants === "ndjson") {
        throw new PacelineError("unimplemented", "a group's events are answered as SSE", {
          details: { header: "accept" },
        });
      }
      const traceparent = traceparentOf(request.headers["traceparent"]);
      const order = decodeGroup(request.body, context.mint, traceparent);
      // A parsed body is several times its token ids: not kept while the siblings wait.
      request.body = undefined;
      if (wants === "sse") {
        return streamGroup(context, order, startGroup(order, context, "stream"), reply);
      }
      const siblings = startGroup(order, context, "unary");
      onDisconnect(reply.raw, siblings.leave);
      const ended = await siblings.ended();
      if (reply.raw.destroyed) return reply.hijack();
      assertAny(ended, context.failed);
      const group = JSON.stringify(groupToWire(ended.summary));
      return wants === "arrow"
        ? sendArrow(reply, ended.members, { group })
        : sendJson(reply, encodeGroup(ended, order.encoding));
    },
  };
}

async function streamGroup(
  { streams, failed }: GroupRoutes,
  { encoding }: DecodedGroup,
  siblings: Siblings,
  reply: FastifyReply,
): Promise<void> {
  const stream = streams.open(reply, "text/event-stream", "rollout");
  stream.signal.addEventListener("abort", siblings.leave, { once: true });
  try {
    const passed = passEvents(siblings, encoding, stream);
    const ended = await siblings.ended();
    await passed();
    if (stream.signal.aborted) return;
    assertAny(ended, failed);
    const data = JSON.stringify({ group: groupToWire(ended.summary) });
    await stream.write(`event: finished\ndata: ${data}\n\n`);
  } catch (thrown) {
    if (stream.signal.aborted) return;
    const error = toPacelineError(thrown);
    failed(error);
    await stream.write(`event: error\ndata: ${encodeError(error)}\n\n`);
  } finally {
    siblings.leave();
    stream.end();
  }
}

/**
 * One write at a time, and at most one waiting for each sibling: what a slow reader misses is joined in its log. What it
 * returns resolves when all that were there by then are passed.
 */
function passEvents(
  siblings: Siblings,
  encoding: Encoding,
  stream: LiveStream,
): () => Promise<unknown> {
  let written = Promise.resolve(true);
  const pass = async (handle: RolloutHandle, index: number): Promise<void> => {
    for await (const batch of handle.events(0, stream.signal)) {
      let text = "";
      for (const logged of batch) text += groupFrame(handle.id, index, logged, encoding);
      written = written.then((open) => open && stream.write(text));
      if (!(await written)) return;
    }
  };
  const passes: Promise<void>[] = [];
  siblings.follow((handle, index) => {
    const passing = pass(handle, index);
    // Told where all are waited for.
    passing.catch(() => {});
    passes.push(passing);
  });
  return () => Promise.all(passes);
}
