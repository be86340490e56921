/** `/abort_request`: of this job, whatever it says. What ends so is answered 200, with what it has. */
import { z } from "zod";
import { abandon } from "../../../rollouts/abandon.ts";
import { check, invalid } from "../../codec/invalid.ts";
import { sendJson } from "../../http/request.ts";
import type { DialectContext, DialectRoute } from "../dialect.ts";
import type { MountState } from "../mount-state.ts";

const BODY = z.looseObject({
  rid: z.string().nullish(),
  abort_all: z.boolean().nullish(),
});

export function abortRoutes(
  { rollouts, job }: DialectContext,
  { hold, live }: MountState,
): DialectRoute[] {
  return [
    {
      method: "POST",
      path: "/abort_request",
      scope: "generate",
      touches: "job",
      async handler(request, reply) {
        const { rid, abort_all: all } = check(BODY, request.body ?? {});
        if (all === true) {
          hold.abortAll();
          await rollouts.abortJob(job, "client");
        } else {
          if (rid == null || rid === "") throw invalid("rid", "or abort_all is needed");
          const matches = isRid(rid);
          hold.abort(matches);
          for (const one of [...live.ids()].filter(matches)) {
            abandon(rollouts, { job, id: one }, "client");
          }
        }
        return sendJson(reply, "{}");
      },
    },
  ];
}

/** It, or one of its batch. SGLang takes any id that begins so, which ends strangers; we do not. */
function isRid(rid: string): (other: string) => boolean {
  const batch = `${rid}_`;
  return (other) =>
    other === rid || (other.startsWith(batch) && /^\d+$/.test(other.slice(batch.length)));
}
