/** Groups over HTTP: siblings of one prompt, answered together. A caller that leaves ends them. */
import { PacelineError } from "../../contract/errors.ts";
import { type GroupParts, startGroup } from "../../rollouts/group.ts";
import { decodeGroup, encodeGroup, encodeGroupHead } from "../codec/group.ts";
import type { Mint } from "../codec/rollout.ts";
import { sendArrow } from "./arrow.ts";
import { onDisconnect } from "./disconnect.ts";
import { accepts, type Handler, sendJson } from "./request.ts";

export interface GroupRoutes extends GroupParts {
  readonly mint: Mint;
  /** Told of the errors of single siblings, which do not fail the call. */
  readonly failed: (error: PacelineError) => void;
}

export function groupRoutes(context: GroupRoutes): Record<"submitGroup", Handler> {
  const { mint, failed } = context;
  return {
    async submitGroup(request, reply) {
      const wants = accepts(request);
      if (wants === "sse" || wants === "ndjson") {
        throw new PacelineError("unimplemented", "this release does not stream groups", {
          details: { header: "accept" },
        });
      }
      const group = decodeGroup(request.body, mint);
      const siblings = startGroup(group.siblings, group.need, context);
      onDisconnect(reply.raw, siblings.leave);
      const members = await siblings.members();
      if (reply.raw.destroyed) return reply.hijack();
      const errors = members.flatMap((member) => ("error" in member ? [member.error] : []));
      const [first] = errors;
      // Without a single Result the call itself has failed.
      if (first !== undefined && errors.length === members.length) throw first;
      for (const error of errors) failed(error);
      return wants === "arrow"
        ? sendArrow(reply, members, { group: encodeGroupHead(group, members) })
        : sendJson(reply, encodeGroup(group, members));
    },
  };
}
