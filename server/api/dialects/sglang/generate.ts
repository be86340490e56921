/**
 * `/generate`: unary, a list, or a stream of server-sent events. Any answer that a trainer would only retry is
 * avoided: an abort and a prompt that is too long are 200 with what there is, and updates hold requests.
 */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { FinishReason } from "../../../contract/rollout.ts";
import type { RoutedExperts } from "../../../contract/routed-experts.ts";
import { abandon } from "../../../rollouts/abandon.ts";
import type { RolloutHandle } from "../../../rollouts/service.ts";
import { wholeResult } from "../../../rollouts/whole-result.ts";
import { onDisconnect } from "../../http/disconnect.ts";
import type { Handler } from "../../http/request.ts";
import { traceparentOf } from "../../traceparent.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { MARK, sendMarked } from "../marked-body.ts";
import type { MountState } from "../mount-state.ts";
import { renamed } from "./field-names.ts";
import { decodeGenerate, type GenerateOrder, type Member } from "./generate-request.ts";
import { streamReplies } from "./generate-stream.ts";
import { emptyReply, endWithoutResult, replyText } from "./reply.ts";
import { committedText } from "./weight-version.ts";

export function generateRoutes(context: DialectContext, state: MountState): DialectRoute[] {
  const handler: Handler = (request, reply) => generate(request, reply, context, state);
  const route = { path: "/generate", scope: "generate", touches: "job", handler } as const;
  return [
    { ...route, method: "POST" },
    { ...route, method: "PUT" },
  ];
}

async function generate(
  request: FastifyRequest,
  reply: FastifyReply,
  context: DialectContext,
  state: MountState,
): Promise<unknown> {
  const traceparent = traceparentOf(request.headers["traceparent"]);
  const headers = { traceparent, routingKey: routingKey(request) };
  const order = decodeGenerate(request.body, context, headers, state.turns);
  // A parsed body is several times its token ids: not kept while the rollouts wait.
  request.body = undefined;
  const texts = await serve(order, reply, context, state);
  if (texts === null) return reply;
  const text = order.list ? `[${texts.join()}]` : (texts[0] as string);
  return sendReply(reply, text, order, context);
}

/** With the routed experts of its members in the text's marks' places. */
export async function sendReply(
  reply: FastifyReply,
  text: string,
  order: GenerateOrder,
  context: DialectContext,
): Promise<unknown> {
  const experts = text.includes(MARK) ? await expertsOf(order, context) : [];
  return sendMarked(reply, text, experts, "int32", context);
}

/** Of those members that have any. */
async function expertsOf(
  { members }: GenerateOrder,
  { rollouts, job }: DialectContext,
): Promise<readonly RoutedExperts[]> {
  const wanting = members.filter(({ rollout }) => rollout.want.routedExperts !== null);
  const found = wanting.map(async ({ rollout: { id } }) => {
    // What ended otherwise has its own text, without a mark.
    const ended = await rollouts
      .get(job, id)
      .result()
      .catch(() => null);
    return ended?.side?.experts ?? [];
  });
  return (await Promise.all(found)).flat();
}

/** Which requests are of one trajectory. Routers of both trainers and vime name it so. */
export function routingKey({ headers, body }: FastifyRequest): string | null {
  const named = ["x-smg-routing-key", "x-session-id"]
    .map((name) => headers[name])
    .find((value) => typeof value === "string");
  if (typeof named === "string" && named !== "") return named;
  const field: unknown =
    typeof body === "object" && body !== null ? Reflect.get(body, "session_id") : null;
  return typeof field === "string" && field !== "" ? field : null;
}

export const ABORTED: FinishReason = { type: "abort", cause: "client", matched: null };

/** Texts of the replies. Null: the caller has gone, or has been streamed all of them. */
export async function serve(
  order: GenerateOrder,
  reply: FastifyReply,
  context: DialectContext,
  state: MountState,
): Promise<readonly string[] | null> {
  const { members } = order;
  const rids = members.map(({ wish }) => wish.rid);
  const passage = await state.hold.passes(rids, reply);
  if (passage === "gone") return hijacked(reply);
  if (passage === "abort") {
    const version = committedText(context);
    const texts = members.map((member) => emptyReply(member, ABORTED, version));
    return order.stream ? streamReplies(order, texts, reply, context) : texts;
  }
  const handles = submitAll(members, context);
  const ended = members.map(({ wish, rollout }) => state.live.add(wish.rid, [rollout]));
  try {
    return order.stream
      ? await streamReplies(order, handles, reply, context)
      : await unaryReplies(members, handles, reply, context);
  } finally {
    for (const end of ended) end();
  }
}

function hijacked(reply: FastifyReply): null {
  reply.hijack();
  return null;
}

/** All of them, or none. */
function submitAll(members: readonly Member[], { rollouts, job }: DialectContext): RolloutHandle[] {
  const handles: RolloutHandle[] = [];
  for (const { rollout } of members) {
    try {
      handles.push(rollouts.submit(rollout));
    } catch (thrown) {
      for (const { id } of handles) abandon(rollouts, { job, id }, "client");
      throw renamed(thrown, members.length > 1 ? `input_ids[${handles.length}]` : "input_ids");
    }
  }
  return handles;
}

async function unaryReplies(
  members: readonly Member[],
  handles: readonly RolloutHandle[],
  reply: FastifyReply,
  context: DialectContext,
): Promise<readonly string[] | null> {
  const leaves = handles.map((handle) => handle.attach("unary"));
  const leave = (): void => {
    for (const left of leaves) left();
  };
  onDisconnect(reply.raw, leave);
  try {
    const texts = await Promise.all(
      handles.map((handle, index) => replyOf(handle, members[index] as Member, context)),
    );
    return reply.raw.destroyed ? hijacked(reply) : texts;
  } catch (thrown) {
    if (reply.raw.destroyed) return hijacked(reply);
    throw renamed(thrown, "input_ids");
  } finally {
    leave();
  }
}

async function replyOf(
  handle: RolloutHandle,
  member: Member,
  context: DialectContext,
): Promise<string> {
  try {
    const result = await wholeResult(await handle.result(), context.rollouts);
    return replyText(result, member, context.tokenizer(), committedText(context));
  } catch (thrown) {
    const text = endWithoutResult(thrown, member, context);
    if (text === null) throw thrown;
    return text;
  }
}
