/**
 * Groups over HTTP: siblings of one prompt, answered together, or all their events in one stream. A caller that leaves
 * ends them: at once, or, where it streamed, after `detach_ms`.
 */
import type { FastifyReply } from "fastify";
import { PacelineError } from "../../contract/errors.ts";
import { type GroupParts, type Member, type Siblings, startGroup } from "../../rollouts/group.ts";
import { encodeError } from "../codec/error.ts";
import { groupFrame } from "../codec/event.ts";
import { type DecodedGroup, decodeGroup, encodeGroup, encodeGroupHead } from "../codec/group.ts";
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
  /** Told of the errors of single siblings, which do not fail the call, and of one that ends a stream. */
  readonly failed: (error: PacelineError) => void;
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
      const group = decodeGroup(request.body, context.mint, traceparent);
      // A parsed body is several times its token ids: not kept while the siblings wait.
      request.body = undefined;
      if (wants === "sse") {
        const siblings = startGroup(group.siblings, group.need, context, "stream");
        return streamGroup(context, group, siblings, reply);
      }
      const siblings = startGroup(group.siblings, group.need, context, "unary");
      onDisconnect(reply.raw, siblings.leave);
      const members = await siblings.members();
      if (reply.raw.destroyed) return reply.hijack();
      const failure = failureOf(members, context.failed);
      if (failure !== null) throw failure;
      return wants === "arrow"
        ? sendArrow(reply, members, { group: encodeGroupHead(group, members) })
        : sendJson(reply, encodeGroup(group, members));
    },
  };
}

/** Without a single Result the call itself has failed. */
function failureOf(
  members: readonly Member[],
  failed: GroupRoutes["failed"],
): PacelineError | null {
  const errors = members.flatMap((member) => ("error" in member ? [member.error] : []));
  const [first] = errors;
  if (first !== undefined && errors.length === members.length) return first;
  for (const error of errors) failed(error);
  return null;
}

async function streamGroup(
  { streams, failed }: GroupRoutes,
  group: DecodedGroup,
  siblings: Siblings,
  reply: FastifyReply,
): Promise<void> {
  const stream = streams.open(reply, "text/event-stream", "rollout");
  try {
    await passEvents(siblings, group, stream);
    if (stream.signal.aborted) return;
    const members = await siblings.members();
    const failure = failureOf(members, failed);
    if (failure !== null) throw failure;
    const data = `{"group":${encodeGroupHead(group, members)}}`;
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

/** One write at a time, and at most one waiting for each sibling: what a slow reader misses is joined in its log. */
async function passEvents(
  { handles }: Siblings,
  { encoding }: DecodedGroup,
  stream: LiveStream,
): Promise<void> {
  let written = Promise.resolve(true);
  const pass = async (handle: Siblings["handles"][number], index: number): Promise<void> => {
    for await (const batch of handle.events(0, stream.signal)) {
      let text = "";
      for (const logged of batch) text += groupFrame(handle.id, index, logged, encoding);
      written = written.then((open) => open && stream.write(text));
      if (!(await written)) return;
    }
  };
  await Promise.all(handles.map(pass));
}
