/**
 * `/generate` as server-sent events: `data: {…}` and `data: [DONE]` last. Chunks are cumulative, as SGLang's are by
 * default (ids, logprobs and text from the start each time), or, with `incremental_streaming_output`, what is new. A
 * slow reader gets fewer and larger ones. Of several rollouts each chunk names its `index`.
 */
import type { FastifyReply } from "fastify";
import { PacelineError } from "../../../contract/errors.ts";
import type { Result } from "../../../contract/result.ts";
import type { RolloutHandle } from "../../../rollouts/service.ts";
import type { TextCodec } from "../../../text/tokenizer.ts";
import { onDisconnect } from "../../http/disconnect.ts";
import { toPacelineError } from "../../http/errors.ts";
import type { LiveStream } from "../../http/streams.ts";
import type { DialectContext } from "../dialect.ts";
import { sglangError } from "./errors.ts";
import type { GenerateOrder, Member } from "./generate-request.ts";
import { OutputSoFar } from "./output-so-far.ts";
import { endWithoutResult, type MemberReply, replyText } from "./reply.ts";
import { committedText, versionText } from "./weight-version.ts";

/** Writes all chunks and the end. Errors that come after the first byte are chunks of their own. */
export async function streamReplies(
  order: GenerateOrder,
  sources: readonly (RolloutHandle | MemberReply)[],
  reply: FastifyReply,
  context: DialectContext,
): Promise<readonly MemberReply[]> {
  const { streams, rollouts, job } = context;
  const leaves = sources.map((source) => ("attach" in source ? source.attach("stream") : () => {}));
  const stream = streams.open(reply, "text/event-stream", "rollout");
  onDisconnect(reply.raw, () => {
    // A caller that leaves aborts its request: nobody can come back to it.
    for (const source of sources) {
      if ("attach" in source) rollouts.abort(job, source.id, "client").catch(() => {});
    }
  });
  let written = Promise.resolve(true);
  const write = (data: string): Promise<boolean> => {
    written = written.then((open) => open && stream.write(`data: ${data}\n\n`));
    return written;
  };
  try {
    const ended = await Promise.all(
      sources.map(async (source, index) => {
        const put = (text: string): Promise<boolean> =>
          write(order.list ? `{"index":${index},${text.slice(1)}` : text);
        if ("attach" in source) return follow(source, order, index, { put, stream, context });
        await put(source.text);
        return false;
      }),
    );
    await write("[DONE]");
    return ended.map((endedByItself) => ({ text: "", endedByItself }));
  } finally {
    for (const leave of leaves) leave();
    stream.end();
  }
}

interface Sink {
  readonly put: (text: string) => Promise<boolean>;
  readonly stream: LiveStream;
  readonly context: DialectContext;
}

/** Whether it ended by itself. */
async function follow(
  handle: RolloutHandle,
  { members, incremental }: GenerateOrder,
  index: number,
  { put, stream, context }: Sink,
): Promise<boolean> {
  const member = members[index] as Member;
  const codec = context.tokenizer();
  const output = new OutputSoFar(member, codec, incremental);
  try {
    for await (const batch of handle.events(0, stream.signal)) {
      let fresh = false;
      for (const { event } of batch) {
        if (event.type === "tokens") {
          output.add(event.chunk);
          fresh = true;
        } else if (event.type === "moved" && event.keptTokens < output.length) {
          if (incremental) throw takenBack(event.keptTokens);
          output.cut(event.keptTokens);
        } else if (event.type === "finished") {
          await put(lastChunk(event.result, member, codec, output, context));
          return event.result.finishReason.type !== "abort";
        } else if (event.type === "error") throw event.error;
      }
      if (!fresh) continue;
      if (!(await put(output.chunk(versionText(output.version, context))))) return false;
    }
  } catch (thrown) {
    if (stream.signal.aborted) return false;
    const ended = endWithoutResult(thrown, member, context);
    if (ended !== null) await put(ended);
    else {
      const error = toPacelineError(thrown);
      context.failed(error);
      await put(sglangError(error).body);
    }
  }
  return false;
}

const takenBack = (kept: number): PacelineError =>
  new PacelineError(
    "not_resumable",
    "the rollout began anew; an incremental stream cannot take tokens back",
    { kept: { output_tokens: kept } },
  );

function lastChunk(
  result: Result,
  member: Member,
  codec: TextCodec | null,
  output: OutputSoFar,
  context: DialectContext,
): string {
  const whole = replyText(result, member, codec, committedText(context));
  return output.incremental ? output.rest(result, whole) : whole;
}
