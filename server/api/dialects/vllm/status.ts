/** What a vLLM server says of itself: health, version, size, its session calls and metrics. */
import type { FastifyReply } from "fastify";
import { PacelineError } from "../../../contract/errors.ts";
import { query, sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { workersOf } from "../openai/models.ts";
import { vllmMetrics } from "./metrics.ts";

/** The release whose wire this dialect speaks. */
const SPOKEN = "0.32.0";

export function statusRoutes(context: DialectContext): DialectRoute[] {
  const { ledger, policy, sessions, job } = context;
  const get = (path: string, handler: DialectRoute["handler"]): DialectRoute => ({
    method: "GET",
    path,
    scope: "none",
    touches: "fleet",
    handler,
  });
  const healthy = (reply: FastifyReply, body: string): FastifyReply => {
    const serves = workersOf(context, policy()).some(
      ({ id, state, description }) =>
        state !== "poisoned" &&
        ledger.holds(id, description.incarnation).some((held) => held.policy === policy()),
    );
    if (serves) return body === "" ? reply.code(200).send() : sendJson(reply, body);
    throw new PacelineError("no_eligible_worker", `no worker holds a version of ${policy()}`, {
      retryAfterMs: 1_000,
    });
  };
  return [
    // Says nothing of a pause, as vLLM's does.
    get("/health", (_request, reply) => healthy(reply, "")),
    get("/ping", (_request, reply) => healthy(reply, "")),
    get("/liveness", (_request, reply) => healthy(reply, '{"status":"ok"}')),
    get("/version", (_request, reply) => sendJson(reply, JSON.stringify({ version: SPOKEN }))),
    {
      ...get("/get_world_size", (_request, reply) => {
        const size = workersOf(context, policy()).reduce((sum, { parallel }) => {
          const { tp = 1, pp = 1, dp = 1 } = parallel;
          return sum + tp * pp * dp;
        }, 0);
        return sendJson(reply, JSON.stringify({ world_size: size }));
      }),
      scope: "read",
    },
    {
      ...get("/metrics", (_request, reply) =>
        reply.header("content-type", context.metrics.contentType).send(vllmMetrics(context)),
      ),
      scope: "read",
    },
    {
      method: "POST",
      path: "/finish_session",
      scope: "generate",
      touches: "job",
      handler(request, reply) {
        const { session_id: id = "" } = query(request, ["session_id"]);
        // A trace that made no call of its own has no session, and a client must not fail on that.
        const known = id !== "" && finished(() => sessions.finish(job, id));
        return sendJson(reply, JSON.stringify({ status: "ok", finished: known }));
      },
    },
  ];
}

function finished(finish: () => unknown): boolean {
  try {
    finish();
    return true;
  } catch (thrown) {
    const error = PacelineError.from(thrown);
    if (error.code === "not_found") return false;
    throw error;
  }
}
