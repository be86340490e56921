/** Sessions over HTTP: their turns are rollouts; here they end. */
import type { Sessions } from "../../sessions/sessions.ts";
import { type Handler, noBody, param, query, sendJson } from "./request.ts";

export interface SessionRoutes {
  readonly sessions: Pick<Sessions, "finish">;
}

export function sessionRoutes({ sessions }: SessionRoutes): Record<"finishSession", Handler> {
  return {
    finishSession(request, reply) {
      noBody(request);
      const { job = "default" } = query(request, ["job"]);
      return sendJson(reply, JSON.stringify(sessions.finish(job, param(request, "id"))));
    },
  };
}
