/** GenerateGroup: siblings of one prompt, answered together; the same checks and the same group as over HTTP. */
import type { handleUnaryCall } from "@grpc/grpc-js";
import { paceline } from "../../../proto/gen/paceline.js";
import { assertAny, type GroupParts, startGroup } from "../../rollouts/group.ts";
import type { GroupSummary, Member } from "../../rollouts/group-summary.ts";
import { decodeGroup, groupToWire } from "../codec/group.ts";
import { invalid } from "../codec/invalid.ts";
import type { Mint } from "../codec/rollout.ts";
import { traceparentOf } from "../traceparent.ts";
import { errorToProto } from "./error-status.ts";
import { resultToProto } from "./result-message.ts";
import { answer, decoded } from "./rollout-handlers.ts";
import { continuationFrom, rolloutFromProto } from "./rollout-message.ts";
import { GROUP_END } from "./words.ts";

const { v1 } = paceline;

type Reply = paceline.v1.GroupReply.$Properties;

export interface GroupHandlerOptions extends GroupParts {
  readonly mint: Mint;
}

export function createGroupHandler(options: GroupHandlerOptions): handleUnaryCall<Buffer, Reply> {
  return (call, callback) =>
    answer(call, callback, options.failed, async () => {
      const message = decoded(() => v1.GroupOrder.decode(call.request));
      const traceparent = traceparentOf(call.metadata.get("traceparent")[0]);
      const order = decodeGroup(bodyOf(message), options.mint, traceparent);
      const siblings = startGroup(order, options, "unary");
      // A call cancelled before its message was read has no event left to tell.
      if (call.cancelled) siblings.leave();
      else call.once("cancelled", siblings.leave);
      const ended = await siblings.ended();
      assertAny(ended, options.failed);
      return {
        group: summaryToProto(ended.summary),
        rollouts: ended.members.map(memberToProto),
      };
    });
}

function bodyOf(order: paceline.v1.GroupOrder.$Properties): object {
  const { rollout, job, size, need, over_issue, backfill } = order;
  // What is not said is no field: a group has none of some that a rollout has.
  const said = Object.entries(rolloutFromProto(rollout ?? {})).filter(([, value]) => value != null);
  const fields = Object.fromEntries(said);
  // Who may call is decided by the order's own job.
  if (fields["job"] != null) throw invalid("rollout.job", "is said by the order's `job`");
  const given = (order.continue ?? []).map(continuationFrom);
  return { ...fields, job, size, need, over_issue, backfill, ...(given[0] && { continue: given }) };
}

const memberToProto = (member: Member): paceline.v1.GroupMember.$Properties =>
  "result" in member
    ? { result: resultToProto(member.result) }
    : { error: { id: member.id, job: member.job, error: errorToProto(member.error) } };

const summaryToProto = (summary: GroupSummary): paceline.v1.GroupSummary.$Properties => ({
  ...groupToWire(summary),
  lengths: summary.lengths,
  ended: GROUP_END.number(summary.ended),
});
