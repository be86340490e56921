/** Side data by reference: what lies in the spool as a body of bytes, a range of it at a time if the client likes. */
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { PacelineError } from "../../contract/errors.ts";
import type { RolloutService } from "../../rollouts/service.ts";
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
        const body = Readable.from(side.read(from, to), { objectMode: false });
        // Also of a reader who left, or for whom a piece could not be read: his connection is cut then.
        body.once("close", () => side.close());
        return headed(reply, range, side.bytes)
          .header("content-length", to - from)
          .send(body);
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

function headed(reply: FastifyReply, range: Range | null, bytes: number): FastifyReply {
  reply.header("content-type", "application/octet-stream").header("accept-ranges", "bytes");
  if (range === null) return reply;
  return reply.code(206).header("content-range", `bytes ${range.from}-${range.to - 1}/${bytes}`);
}

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
