/** Rollouts of one dialect call, run to their Results or followed as their tokens come. */
import type { FastifyReply } from "fastify";
import { PacelineError } from "../../../contract/errors.ts";
import type { Result } from "../../../contract/result.ts";
import type { Rollout } from "../../../contract/rollout.ts";
import type { RoutedExperts } from "../../../contract/routed-experts.ts";
import type { TokenChunk } from "../../../contract/tokens.ts";
import { abandon } from "../../../rollouts/abandon.ts";
import { type Siblings, startGroup } from "../../../rollouts/group.ts";
import type { RolloutEvent, RolloutHandle } from "../../../rollouts/service.ts";
import { wholeResult } from "../../../rollouts/whole-result.ts";
import { onDisconnect } from "../../http/disconnect.ts";
import { toPacelineError } from "../../http/errors.ts";
import type { LiveStream } from "../../http/streams.ts";
import type { DialectContext, DialectError } from "../dialect.ts";
import type { ExpertsForm } from "../experts-base64.ts";
import { writeMarked } from "../marked-body.ts";
import { errorChunk } from "./error.ts";
import { type BodyPaths, inDialectPaths } from "./token-ask.ts";

export interface TokenCall {
  readonly rollouts: readonly Rollout[];
  /** Of the body that they come from. */
  readonly paths: BodyPaths;
}

/** All of them or none. Throws what admission says, with the path in the dialect's body. */
function start(context: DialectContext, rollouts: readonly Rollout[], paths: BodyPaths): Siblings {
  try {
    const count = rollouts.length;
    const counts = { size: count, need: count, issued: count, backfill: 0 };
    const sibling = (index: number): Rollout => rollouts[index] as Rollout;
    return startGroup({ id: rollouts[0]?.id ?? "", ...counts, sibling }, context, "unary");
  } catch (thrown) {
    throw inDialectPaths(thrown, paths);
  }
}

/**
 * Their Results in order; null where the caller left meanwhile, which ends them. Throws what the first one that failed
 * ended in: what the others made is of no use to a caller who asked for all.
 */
export async function runAll(
  context: DialectContext,
  { rollouts, paths }: TokenCall,
  reply: FastifyReply,
): Promise<readonly Result[] | null> {
  const siblings = start(context, rollouts, paths);
  const forget = onDisconnect(reply.raw, siblings.leave);
  try {
    const { members } = await siblings.ended();
    if (reply.raw.destroyed) return null;
    const results = members.map((member) => {
      if ("error" in member) throw member.error;
      return wholeResult(member.result, context.rollouts);
    });
    return await Promise.all(results);
  } finally {
    forget();
  }
}

/** Ends them with what they have: who waits for them is answered that. */
export function giveUp(
  { rollouts: service }: Pick<DialectContext, "rollouts">,
  { rollouts }: Pick<TokenCall, "rollouts">,
): void {
  for (const { job, id } of rollouts) abandon(service, { job, id }, "client");
}

/** How a dialect writes a stream: each gives SSE text, empty where there is nothing to say. */
export interface StreamShape {
  tokens(index: number, chunk: TokenChunk): string;
  finished(index: number, result: Result): string;
  /** After all have finished: usage, and `[DONE]`. */
  end(results: readonly Result[]): string;
  error(error: PacelineError): DialectError;
  /** Of routed experts, each a mark in what `finished` gives; absent: there are none. */
  readonly experts?: ExpertsForm;
}

/**
 * Tokens go out once: where a lost worker makes a rollout begin anew, what its reader has cannot be taken back in these
 * wires, so that the stream ends in an error.
 */
export async function streamAll(
  context: DialectContext,
  { rollouts, paths }: TokenCall,
  reply: FastifyReply,
  shape: StreamShape,
): Promise<void> {
  const siblings = start(context, rollouts, paths);
  const stream = context.streams.open(reply, "text/event-stream", "rollout");
  stream.signal.addEventListener("abort", siblings.leave, { once: true });
  try {
    const results = await followAll(siblings.handles, stream, shape, context);
    if (results !== null) await stream.write(shape.end(results));
  } catch (thrown) {
    if (stream.signal.aborted) return;
    const error = toPacelineError(thrown);
    context.failed(error);
    await stream.write(errorChunk(shape.error(error)));
  } finally {
    siblings.leave();
    stream.end();
  }
}

/** One write at a time; null where the reader has left. */
async function followAll(
  handles: readonly RolloutHandle[],
  stream: LiveStream,
  shape: StreamShape,
  context: DialectContext,
): Promise<readonly Result[] | null> {
  let written = Promise.resolve(true);
  const results: Result[] = [];
  const follow = async (handle: RolloutHandle, index: number): Promise<void> => {
    const shown = new Shown(index, shape);
    for await (const batch of handle.events(0, stream.signal)) {
      let text = "";
      const experts: RoutedExperts[] = [];
      for (const { event } of batch) {
        if (event.type !== "finished") {
          text += shown.take(event);
          continue;
        }
        const result = await wholeResult(event.result, context.rollouts);
        text += shown.take({ ...event, result });
        results[index] = result;
        if (result.side?.experts) experts.push(result.side.experts);
      }
      if (text === "") continue;
      const { experts: form } = shape;
      written = written.then(
        (open) =>
          open &&
          (form === undefined
            ? stream.write(text)
            : writeMarked(stream, text, experts, form, context)),
      );
      if (!(await written)) return;
    }
  };
  await Promise.all(handles.map(follow));
  return stream.signal.aborted || results.length < handles.length ? null : results;
}

/** What of one rollout its reader has. */
class Shown {
  readonly #index: number;
  readonly #shape: StreamShape;
  #tokens = 0;

  constructor(index: number, shape: StreamShape) {
    this.#index = index;
    this.#shape = shape;
  }

  take(event: RolloutEvent): string {
    switch (event.type) {
      case "tokens":
        this.#tokens = event.chunk.start + event.chunk.ids.length;
        return this.#shape.tokens(this.#index, event.chunk);
      case "moved":
        this.#assertKept(event.keptTokens);
        return "";
      case "finished":
        this.#assertKept(event.result.outputTokenIds.length);
        return this.#shape.finished(this.#index, event.result);
      case "error":
        throw event.error;
      default:
        return "";
    }
  }

  #assertKept(kept: number): void {
    if (kept >= this.#tokens) return;
    throw new PacelineError(
      "not_resumable",
      `${this.#tokens} tokens were sent and ${kept} of them hold: the rollout began anew`,
      { details: { sent: this.#tokens, kept } },
    );
  }
}
