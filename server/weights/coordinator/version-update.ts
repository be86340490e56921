/** One version on its way into one life of one worker: whole weights, or an adapter beside them. */
import type { VersionRecord } from "../../policy/ledger.ts";
import { AdapterUpdate } from "./adapter-update.ts";
import type { MemberRef } from "./core/events.ts";
import type { UpdateContext } from "./update-context.ts";
import { WorkerUpdate } from "./worker-update.ts";

export type VersionUpdate = Pick<
  WorkerUpdate,
  "stage" | "close" | "swap" | "install" | "adopt" | "reopen" | "discard" | "poison" | "pauseMs"
>;

export function versionUpdate(
  context: UpdateContext,
  record: VersionRecord,
  ref: MemberRef,
): VersionUpdate {
  return context.ledger.policy(record.policy).kind === "lora"
    ? new AdapterUpdate(context, record, ref)
    : new WorkerUpdate(context, record, ref);
}
