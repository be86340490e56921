/** Whether the job can be served. */
import { PacelineError } from "../../../contract/errors.ts";
import { sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";

export function healthRoutes({ fleet, ledger, policy }: DialectContext): DialectRoute[] {
  const serves = (): boolean =>
    fleet
      .list()
      .some(({ id, state, description }) =>
        state === "lost" || state === "poisoned"
          ? false
          : ledger.holds(id, description.incarnation).some((held) => held.policy === policy()),
      );
  const get = (path: string): DialectRoute => ({
    method: "GET",
    path,
    scope: "none",
    touches: "fleet",
    handler(_request, reply) {
      if (serves()) return sendJson(reply, "{}");
      throw new PacelineError("no_eligible_worker", `no worker holds a version of ${policy()}`, {
        retryAfterMs: 1_000,
      });
    },
  });
  return [get("/health"), get("/health_generate")];
}
