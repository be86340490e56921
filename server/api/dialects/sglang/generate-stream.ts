/**
 * `/generate` as server-sent events: `data: {…}` and `data: [DONE]` last. Chunks are cumulative, as SGLang's are by
 * default (ids, logprobs and text from the start each time), or, with `incremental_streaming_output`, what is new. A
 * slow reader gets fewer and larger ones. Of several rollouts each chunk names its `index`.
 */
import type { FastifyReply } from "fastify";
import { PacelineError } from "../../../contract/errors.ts";
import type { Result } from "../../../contract/result.ts";
import type { RoutedExperts } from "../../../contract/routed-experts.ts";
import { abandon } from "../../../rollouts/abandon.ts";
import type { RolloutHandle } from "../../../rollouts/service.ts";
import { wholeResult } from "../../../rollouts/whole-result.ts";
import type { TextCodec } from "../../../text/tokenizer.ts";
import { onDisconnect } from "../../http/disconnect.ts";
import { toPacelineError } from "../../http/errors.ts";
import type { LiveStream } from "../../http/streams.ts";
import type { DialectContext } from "../dialect.ts";
import { writeMarked } from "../marked-body.ts";
import { sglangError } from "./errors.ts";
import type { GenerateOrder, Member } from "./generate-request.ts";
import { OutputSoFar } from "./output-so-far.ts";
import { endWithoutResult, replyText } from "./reply.ts";
import { committedText, versionText } from "./weight-version.ts";

/** Writes all chunks (a string is the only one) and the end. Errors that come after the first byte are chunks of their own. */
export async function streamReplies(
  order: GenerateOrder,
  sources: readonly (RolloutHandle | string)[],
  reply: FastifyReply,
  context: DialectContext,
): Promise<null> {
  const { streams, rollouts, job } = context;
  const leaves = sources.map((source) =>
    typeof source === "string" ? () => {} : source.attach("stream"),
  );
  const stream = streams.open(reply, "text/event-stream", "rollout");
  onDisconnect(reply.raw, () => {
    // A caller that leaves aborts its request: nobody can come back to it.
    for (const source of sources) {
      if (typeof source !== "string") abandon(rollouts, { job, id: source.id }, "client");
    }
  });
  let written = Promise.resolve(true);
  const write = (data: string, experts: readonly RoutedExperts[] = []): Promise<boolean> => {
    const text = `data: ${data}\n\n`;
    written = written.then((open) => open && writeMarked(stream, text, experts, "int32", context));
    return written;
  };
  try {
    await Promise.all(
      sources.map((source, index) => {
        const put: Sink["put"] = (text, experts) =>
          write(order.list ? `{"index":${index},${text.slice(1)}` : text, experts);
        if (typeof source === "string") return put(source);
        return follow(source, order, index, { put, stream, context });
      }),
    );
    await write("[DONE]");
    return null;
  } finally {
    for (const leave of leaves) leave();
    stream.end();
  }
}

interface Sink {
  /** `experts`: of the text's mark. */
  readonly put: (text: string, experts?: readonly RoutedExperts[]) => Promise<boolean>;
  readonly stream: LiveStream;
  readonly context: DialectContext;
}

async function follow(
  handle: RolloutHandle,
  { members, incremental }: GenerateOrder,
  index: number,
  { put, stream, context }: Sink,
): Promise<void> {
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
          const result = await wholeResult(event.result, context.rollouts);
          const { experts } = result.side ?? {};
          await put(lastChunk(result, member, codec, output, context), experts ? [experts] : []);
          return;
        } else if (event.type === "error") throw event.error;
      }
      if (!fresh) continue;
      if (!(await put(output.chunk(versionText(output.version, context))))) return;
    }
  } catch (thrown) {
    if (stream.signal.aborted) return;
    const ended = endWithoutResult(thrown, member, context);
    if (ended !== null) await put(ended);
    else {
      const error = toPacelineError(thrown);
      context.failed(error);
      await put(sglangError(error).body);
    }
  }
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
