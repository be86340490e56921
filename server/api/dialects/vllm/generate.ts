/** `POST /inference/v1/generate` and the calls that end what it began. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { SessionRef } from "../../../contract/rollout.ts";
import { abandon } from "../../../rollouts/abandon.ts";
import { invalid } from "../../codec/invalid.ts";
import { sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import type { MountState } from "../mount-state.ts";
import { vllmError } from "../openai/error.ts";
import { objectBody } from "../openai/token-ask.ts";
import { runAll, streamAll } from "../openai/token-run.ts";
import { encodeGenerated, GenerateChunks } from "./generate-reply.ts";
import { decodeGenerate, ID_PREFIX } from "./generate-request.ts";

/** Where a request's unknown fields are told. */
export const IGNORED_HEADER = "paceline-ignored-fields";

export function generateRoutes(context: DialectContext, state: MountState): DialectRoute[] {
  const { live, names, hold, turns } = state;
  const turnOf = (session: string, request: string | null): SessionRef =>
    turns.of(context.job, session, request);

  async function generate(request: FastifyRequest, reply: FastifyReply): Promise<unknown> {
    if (!(await hold.passes(reply))) return reply.hijack();
    const asked = decodeGenerate(request.body, request.headers, context, turnOf);
    // A parsed body is several times its token ids: not kept while the rollout waits.
    request.body = undefined;
    if (asked.ignored.length > 0) reply.header(IGNORED_HEADER, asked.ignored.join(","));
    const shaped = { asked, names, created: Math.floor(context.clock.wall() / 1000) };
    const done = live.add(asked.requestId, asked.rollouts);
    try {
      if (asked.stream) {
        const chunks = new GenerateChunks(shaped);
        return await streamAll(context, asked, reply, {
          tokens: (index, chunk) => chunks.tokens(index, chunk),
          finished: (index, result) => chunks.finished(index, result),
          end: (results) => chunks.end(results),
          error: vllmError,
        });
      }
      const results = await runAll(context, asked, reply);
      return results === null ? reply.hijack() : sendJson(reply, encodeGenerated(shaped, results));
    } finally {
      done();
    }
  }

  /** Ends them with what they have, as `abort`; answers how many requests that were. */
  function abort(ids: readonly string[]): number {
    // The client's own id, without the prefix, means the same.
    const found = ids
      .map((id) => [...live.find(id), ...live.find(ID_PREFIX + id)])
      .filter(({ length }) => length > 0);
    for (const { job, id } of found.flat()) {
      abandon(context.rollouts, { job, id }, "client");
    }
    return found.length;
  }

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
      const aborted =
        ids === null ? await context.rollouts.abortJob(context.job, "client") : abort(ids);
      return sendJson(reply, JSON.stringify({ status: "aborted", aborted }));
    }),
  ];
}

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
