/** `POST /inference/v1/generate` and the calls that end what it began. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { SessionRef } from "../../../contract/rollout.ts";
import { invalid } from "../../codec/invalid.ts";
import { sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import type { ExpertsForm } from "../experts-base64.ts";
import { type Fill, sendMarked } from "../marked-body.ts";
import type { MountState } from "../mount-state.ts";
import { vllmError } from "../openai/error.ts";
import { objectBody } from "../openai/token-ask.ts";
import { giveUp, runAll, streamAll } from "../openai/token-run.ts";
import { encodeGenerated, GenerateChunks, type Shaped } from "./generate-reply.ts";
import { decodeGenerate, ID_PREFIX } from "./generate-request.ts";

/** Where a request's unknown fields are told. */
export const IGNORED_HEADER = "paceline-ignored-fields";

export function generateRoutes(context: DialectContext, state: MountState): DialectRoute[] {
  const { live, names, hold, turns } = state;
  const turnOf = (session: string, request: string | null): SessionRef =>
    turns.of(context.job, session, request);

  async function generate(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    const asked = decodeGenerate(request.body, request.headers, context, turnOf);
    // A parsed body is several times its token ids: not kept while the rollout waits.
    request.body = undefined;
    const passage = await hold.passes([asked.requestId], reply);
    if (passage === "gone") return reply.hijack();
    if (asked.ignored.length > 0) reply.header(IGNORED_HEADER, asked.ignored.join(","));
    const shaped = { asked, names, created: Math.floor(context.clock.wall() / 1000) };
    const done = live.add(asked.requestId, asked.rollouts);
    try {
      const answered = asked.stream ? streamed(shaped, reply) : unary(shaped, reply);
      if (passage === "abort") giveUp(context, asked);
      return await answered;
    } finally {
      done();
    }
  }

  async function unary(shaped: Shaped, reply: FastifyReply): Promise<unknown> {
    const results = await runAll(context, shaped.asked, reply);
    if (results === null) return reply.hijack();
    const fills: Fill[] = [];
    const text = encodeGenerated(shaped, results, fills);
    return sendMarked(reply, text, fills, formOf(shaped), context);
  }

  function streamed(shaped: Shaped, reply: FastifyReply): Promise<void> {
    const chunks = new GenerateChunks(shaped);
    return streamAll(context, shaped.asked, reply, {
      tokens: (index, chunk) => chunks.tokens(index, chunk),
      finished: (index, result) => chunks.finished(index, result),
      end: (results) => chunks.end(results),
      error: vllmError,
      ...(shaped.asked.experts === null ? {} : { experts: formOf(shaped) }),
    });
  }

  /** Ends them with what they have, as `abort`; answers how many requests that were. */
  function abort(ids: readonly string[]): number {
    // The client's own id, without the prefix, means the same.
    const named = new Set(ids.flatMap((id) => [id, ID_PREFIX + id]));
    const found = [...named].map((id) => live.find(id)).filter(({ length }) => length > 0);
    giveUp(context, { rollouts: found.flat() });
    return found.length + hold.abort((id) => named.has(id));
  }

  const abortAll = async (): Promise<number> =>
    hold.abortAll() + (await context.rollouts.abortJob(context.job, "client"));

  const post = (path: string, handler: DialectRoute["handler"]): DialectRoute => ({
    method: "POST",
    path,
    scope: "generate",
    touches: "job",
    handler,
  });
  return [
    post("/inference/v1/generate", generate),
    post("/inference/v1/abort_requests", (request, reply) => {
      const ids = idsIn(request.body);
      if (ids === null) throw invalid("request_ids", "is required");
      abort(ids);
      return reply.code(200).send();
    }),
    post("/abort_requests", async (request, reply) => {
      const ids = idsIn(request.body ?? {});
      const aborted = ids === null ? await abortAll() : abort(ids);
      return sendJson(reply, JSON.stringify({ status: "aborted", aborted }));
    }),
  ];
}

const formOf = ({ asked }: Shaped): ExpertsForm => (asked.experts === "npy" ? "npy" : "values");

/** Null: none are named, which means all. */
function idsIn(given: unknown): readonly string[] | null {
  const ids = objectBody(given)["request_ids"] ?? null;
  if (ids === null) return null;
  if (!Array.isArray(ids)) throw invalid("request_ids", "must be an array of request ids");
  return ids.map((id: unknown, at) => {
    if (typeof id !== "string") throw invalid(`request_ids[${at}]`, "must be a string");
    return id;
  });
}
