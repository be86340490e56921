/** Side data by reference: what lies in the spool as a body of bytes, a range of it at a time if the client likes. */
import type { FastifyRequest } from "fastify";
import { PacelineError } from "../../contract/errors.ts";
import type { RolloutService } from "../../rollouts/service.ts";
import { sendFlow } from "./flow.ts";
import { type Handler, param, query } from "./request.ts";

export interface SideRoutes {
  readonly rollouts: Pick<RolloutService, "side">;
}

export function sideRoutes({ rollouts }: SideRoutes): Record<"readSide", Handler> {
  return {
    readSide(request, reply) {
      const { job = "default" } = query(request, ["job"]);
      const side = rollouts.side(job, param(request, "ref"));
      try {
        const range = rangeOf(request, side.bytes);
        const { from, to } = range ?? { from: 0, to: side.bytes };
        const headers = { ...headersOf(range, side.bytes), "content-length": to - from };
        const head = { status: range === null ? 200 : 206, headers };
        return sendFlow(reply, head, side.read(from, to), () => side.close());
      } catch (thrown) {
        side.close();
        throw thrown;
      }
    },
  };
}

interface Range {
  readonly from: number;
  readonly to: number;
}

const headersOf = (range: Range | null, bytes: number) => ({
  "content-type": "application/octet-stream",
  "accept-ranges": "bytes",
  ...(range && { "content-range": `bytes ${range.from}-${range.to - 1}/${bytes}` }),
});

/**
 * RFC 9110, 14.2: one range of bytes; null where there is none, several, or what is none. Throws `range_not_satisfiable`.
 */
function rangeOf({ headers }: FastifyRequest, bytes: number): Range | null {
  const [, first = "", last = ""] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range ?? "") ?? [];
  if (first === "" && last === "") return null;
  const from = first === "" ? Math.max(0, bytes - Number(last)) : Number(first);
  const to = first === "" || last === "" ? bytes : Math.min(bytes, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < from) return null;
  if (from < to) return { from, to };
  throw new PacelineError("range_not_satisfiable", `there are ${bytes} bytes`, {
    details: { bytes },
  });
}
