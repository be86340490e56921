/** Who takes part in a publication, and what becomes of those that leave it. */
import type { WorkerRecord } from "../../fleet/fleet.ts";
import type { VersionRecord } from "../../policy/ledger.ts";
import { type Assignments, crowd, obstacle, obstacleToMover } from "./assignments.ts";
import type { MemberEntry, MemberPhase, MemberRef } from "./core/events.ts";
import type { ProgressBoard } from "./progress-board.ts";
import type { UpdateContext } from "./update-context.ts";

/** A poisoned worker would only hold the others up, one that is leaving has no use for it. */
const MEMBERS: ReadonlySet<WorkerRecord["state"]> = new Set(["ready", "paused", "suspect"]);

/**
 * All workers that may serve the policy and live, without those that are busy with another version: these join after
 * the commit. Each is bound to the policy from here on.
 */
export function musterMembers(
  { fleet, ledger, rooms }: UpdateContext,
  board: ProgressBoard,
  assignments: Assignments,
  { policy, version }: VersionRecord,
  busy: (worker: string) => boolean,
): MemberEntry[] {
  const entries: MemberEntry[] = [];
  const crowded: MemberEntry[] = [];
  const record = ledger.policy(policy);
  const leaveOut = (id: string, reason: string): void =>
    board.put(policy, version, id, { phase: "failed", reason, pauseMs: null, counts: false });
  for (const worker of fleet.list()) {
    const { id, policies, state, description } = worker;
    if (!MEMBERS.has(state) || busy(id) || !assignments.free(worker, record)) continue;
    const held = ledger.holds(id, description.incarnation);
    // An adapter goes nowhere before its base.
    if (record.base !== null && !held.some((one) => one.policy === record.base)) continue;
    const engine = fleet.engine(id, description.incarnation);
    const reason = obstacle(worker, engine, record);
    if (reason !== null) {
      leaveOut(id, reason);
      continue;
    }
    const { incarnation } = description;
    const full = crowd(rooms, worker, record, held);
    if (full !== null) {
      const adapters = held.filter(({ base }) => base !== undefined);
      if (rooms.leastUsed(incarnation, adapters) !== null) {
        crowded.push({ worker: id, incarnation, required: false });
      }
      leaveOut(id, full);
      continue;
    }
    const serves = held.some((one) => one.policy === policy);
    assignments.bind(id, record);
    entries.push({ worker: id, incarnation, required: serves || policies.includes(policy) });
  }
  // Where nobody has room one worker makes some: a version is not committed untried.
  return entries.length > 0 ? entries : crowded.slice(0, 1);
}

/**
 * All workers into which somebody else may put this version: poisoned ones too, since nobody but its mover can heal them
 * of an external version; not those that hold it.
 */
export function musterForMover(
  { fleet, ledger }: UpdateContext,
  board: ProgressBoard,
  assignments: Assignments,
  { policy, version }: VersionRecord,
  catchingUp: (worker: string) => boolean,
): MemberEntry[] {
  const entries: MemberEntry[] = [];
  const record = ledger.policy(policy);
  for (const worker of fleet.list()) {
    const { id, state, description } = worker;
    if (!MEMBERS.has(state) && state !== "poisoned") continue;
    if (catchingUp(id) || !assignments.free(worker, record)) continue;
    const held = ledger.holds(id, description.incarnation);
    if (held.some((one) => one.policy === policy && one.version === version)) continue;
    const reason = obstacleToMover(worker, record.minProof);
    if (reason !== null) {
      board.put(policy, version, id, { phase: "failed", reason, pauseMs: null, counts: false });
      continue;
    }
    assignments.bind(id, record);
    entries.push({ worker: id, incarnation: description.incarnation, required: true });
  }
  return entries;
}

/** A worker that did not come to hold the policy is free for another. */
export function settleLeaver(
  { ledger }: UpdateContext,
  assignments: Assignments,
  { policy, version }: VersionRecord,
  { worker, incarnation }: MemberRef,
  phase: MemberPhase,
): void {
  const never = ledger.policy(policy).committedVersion !== version;
  const holds = ledger.holds(worker, incarnation).length > 0;
  if (phase === "unfit" || (phase === "failed" && never && !holds))
    assignments.release(worker, policy);
}
