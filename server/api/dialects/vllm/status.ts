/** What a vLLM server says of itself: health, version, size, its session calls and metrics. */
import { PacelineError } from "../../../contract/errors.ts";
import { query, sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import { gpusOfAll, workersOf } from "../job-workers.ts";
import type { MountState } from "../mount-state.ts";
import { sessionId } from "../session-turns.ts";
import { vllmMetrics } from "./metrics.ts";

/** The release whose wire this dialect speaks. */
const SPOKEN = "0.32.0";

/** Of OpenAI's dialect too. */
export function statusRoutes(context: DialectContext, { hold }: MountState): DialectRoute[] {
  const { sessions, job } = context;
  return [
    // Says nothing of a pause, as vLLM's does.
    get("/health", "none", (_request, reply) => {
      assertServed(context);
      return reply.code(200).send();
    }),
    get("/metrics", "read", (_request, reply) =>
      reply
        .header("content-type", context.metrics.contentType)
        .send(vllmMetrics(context, hold.waiting)),
    ),
    {
      method: "POST",
      path: "/finish_session",
      scope: "generate",
      touches: "job",
      handler(request, reply) {
        const { session_id: id = "" } = query(request, ["session_id"]);
        // A trace that made no call of its own has no session, and a client must not fail on that.
        const known = id !== "" && finished(() => sessions.finish(job, sessionId(id)));
        return sendJson(reply, JSON.stringify({ status: "ok", finished: known }));
      },
    },
  ];
}

export function serverRoutes(context: DialectContext): DialectRoute[] {
  const workers = () => workersOf(context);
  return [
    get("/ping", "none", (_request, reply) => {
      assertServed(context);
      return reply.code(200).send();
    }),
    get("/liveness", "none", (_request, reply) => {
      assertServed(context);
      return sendJson(reply, '{"status":"ok"}');
    }),
    get("/version", "none", (_request, reply) =>
      sendJson(reply, JSON.stringify({ version: SPOKEN })),
    ),
    get("/get_world_size", "read", (_request, reply) =>
      sendJson(reply, JSON.stringify({ world_size: gpusOfAll(workers()) })),
    ),
    // Of the dump that vLLM gives here, what trainers read.
    get("/server_info", "read", (_request, reply) => {
      const [first] = workers();
      if (first === undefined) throw unserved(context);
      const { model, dtype, maxModelLen } = first.description;
      const info = {
        vllm_config: {
          model_config: { model, dtype: `torch.${dtype}`, max_model_len: maxModelLen },
          parallel_config: { world_size: gpusOfAll(workers()) },
        },
      };
      return sendJson(reply, JSON.stringify(info));
    }),
  ];
}

const get = (
  path: string,
  scope: DialectRoute["scope"],
  handler: DialectRoute["handler"],
): DialectRoute => ({ method: "GET", path, scope, touches: "fleet", handler });

/** Throws `no_eligible_worker`. */
function assertServed(context: DialectContext): void {
  const policy = context.policy();
  const serves = workersOf(context, policy).some(
    ({ id, state, description }) =>
      state !== "poisoned" &&
      context.ledger.holds(id, description.incarnation).some((held) => held.policy === policy),
  );
  if (!serves) throw unserved(context);
}

const unserved = ({ policy }: DialectContext): PacelineError =>
  new PacelineError("no_eligible_worker", `no worker holds a version of ${policy()}`, {
    retryAfterMs: 1_000,
  });

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
