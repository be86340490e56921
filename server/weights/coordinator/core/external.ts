/**
 * One round of an external version, as a pure state machine: gate → somebody else moves the bytes → claim →
 * verify → commit → install.
 *
 * - Until the fences are given out nothing can have changed: one worker that cannot be gated opens all again.
 * - From then on memory may have been written by others, so there is no way back: a worker that does not show
 *   what was claimed is poisoned alone, and one that proved it is enough to commit.
 * - What the mover leaves behind (it died, it aborted, it gave no proof for a worker) is asked whether it still holds
 *   what it proved before, and poisoned if it cannot show so.
 * - Something is always due (`nextDeadline`), but for what the store has to say.
 */
import type { ErrorCode } from "../../../contract/errors.ts";
import type { MemberPhase, MemberView } from "./events.ts";
import type { ExternalCommand, ExternalEvent, ExternalState, Shown } from "./external-events.ts";
import { createMembers, isOver, type Member } from "./members.ts";

export interface ExternalPlan {
  /** For one worker to be emptied and stand still, ms. */
  readonly gateMs: number;
  /** From the gate to the claim, ms: then the mover is taken to be dead. */
  readonly lapseMs: number;
  /** For one worker to show what it holds, ms. */
  readonly verifyMs: number;
  /** For one worker to be proven and run again, ms. */
  readonly installMs: number;
  /** Workers that one thing is done to at once. */
  readonly width: number;
  /** Why what some workers showed does not hold beside what the others did, by worker. */
  readonly judge: (shown: readonly Shown[]) => ReadonlyMap<string, string>;
}

export interface ExternalCore {
  readonly state: ExternalState;
  /** Clock time (ms) at which a `tick` is due; null while nothing is waited for but the store. */
  nextDeadline(): number | null;
  /** Clock time (ms) at which the gate lapses; null before it is gated and after the claim. */
  readonly lapsesAt: number | null;
  handle(event: ExternalEvent, now: number): readonly ExternalCommand[];
  members(): readonly MemberView[];
  /** Members that changed since it was last asked. */
  moved(): readonly MemberView[];
}

/** What waits for its turn → what it is in then, the command, and how long it may take. */
const TURNS = [
  ["announced", "gating", "gate", "gateMs"],
  ["claimed", "verifying", "verify", "verifyMs"],
  ["verified", "installing", "install", "installMs"],
  ["abandoned", "restoring", "restore", "verifyMs"],
] as const satisfies readonly (readonly [
  MemberPhase,
  MemberPhase,
  ExternalCommand["type"],
  keyof ExternalPlan,
])[];

export function createExternal(plan: ExternalPlan): ExternalCore {
  let state: ExternalState = "idle";
  let lapsesAt: number | null = null;
  let out: ExternalCommand[] = [];
  const members = createMembers();
  const shown = new Map<string, Shown>();

  function poison(member: Member, reason: string): void {
    members.move(member, "poisoned", reason);
    out.push({ type: "poison", ...member.ref, reason });
  }

  function abandon(...phases: readonly MemberPhase[]): void {
    for (const member of members.in(...phases)) members.move(member, "abandoned", member.reason);
  }

  function refuse(code: ErrorCode, reason: string): void {
    state = "refused";
    out.push({ type: "refuse", code, reason });
    for (const member of members.in("announced", "gating", "gated")) {
      if (member.phase !== "announced") out.push({ type: "ungate", ...member.ref });
      members.move(member, "failed", "not all were gated");
    }
  }

  function abort(code: ErrorCode, reason: string): void {
    state = "aborted";
    lapsesAt = null;
    out.push({ type: "abort", code, reason });
    abandon("gated", "claimed", "verifying", "verified");
  }

  /** What follows once nobody is waited for any more. */
  function settle(): void {
    if (state === "gating" && members.count("announced", "gating") === 0) {
      if (members.count("gated") > 0) {
        state = "fencing";
        out.push({ type: "fence" });
      } else refuse("no_eligible_worker", "no worker is left that could be gated");
    } else if (state === "gated" && members.count("gated") === 0) {
      abort("commit_aborted", "no gated worker is left");
    } else if (state === "verifying" && members.count("claimed", "verifying") === 0) decide();
    else if (state === "installing" && members.count(...BUSY) === 0) state = "done";
  }

  /** All have shown what they hold, each by itself: now beside one another. */
  function decide(): void {
    const verified = members.in("verified");
    const verdicts = plan.judge(verified.flatMap(({ ref }) => shown.get(ref.worker) ?? []));
    for (const member of verified) {
      const reason = verdicts.get(member.ref.worker);
      if (reason !== undefined) poison(member, reason);
    }
    if (members.count("verified") === 0) {
      abort("digest_mismatch", "no worker proved to hold it");
    } else {
      state = "committing";
      out.push({ type: "commit" });
    }
  }

  function gating(event: ExternalEvent): void {
    if (event.type === "abort") refuse(event.code, event.reason);
    if (event.type !== "gated" && event.type !== "gate_failed") return;
    const member = members.find(event, "gating");
    if (!member) return;
    if (event.type === "gated") members.move(member, "gated");
    else {
      out.push({ type: "ungate", ...member.ref });
      members.move(member, "failed", event.reason);
      refuse("commit_aborted", `${event.worker}: ${event.reason}`);
    }
  }

  function fencing(event: ExternalEvent, now: number): void {
    if (event.type === "fence_failed") refuse(event.code, event.reason);
    if (event.type !== "fenced") return;
    state = "gated";
    lapsesAt = now + plan.lapseMs;
  }

  function gated(event: ExternalEvent): void {
    if (event.type === "abort") abort(event.code, event.reason);
    if (event.type !== "claim") return;
    state = "verifying";
    lapsesAt = null;
    for (const ref of event.members) {
      const member = members.find(ref, "gated");
      if (member) members.move(member, "claimed");
    }
  }

  function verifying(event: ExternalEvent): void {
    if (event.type === "shown") {
      const member = members.find(event.shown, "verifying");
      if (!member) return;
      shown.set(event.shown.worker, event.shown);
      members.move(member, "verified");
    } else if (event.type === "unproven") {
      const member = members.find(event, "verifying");
      if (member) poison(member, event.reason);
    }
  }

  function committing(event: ExternalEvent): void {
    if (event.type === "commit_failed") abort(event.code, event.reason);
    if (event.type !== "committed") return;
    state = "installing";
    abandon("gated");
  }

  /** What concerns one worker alone, whatever the others do. */
  function alone(event: ExternalEvent): void {
    switch (event.type) {
      case "gone":
      case "distrusted": {
        const member = members.find(event);
        if (!member || isOver(member.phase)) return;
        if (event.type === "gone") members.move(member, "gone", event.reason);
        else poison(member, event.reason);
        return;
      }
      case "installed":
      case "restored": {
        const busy = event.type === "installed" ? "installing" : "restoring";
        const member = members.find(event, busy);
        if (!member) return;
        if (event.type === "installed") members.move(member, "installed");
        else members.move(member, "failed", "left by its mover; it shows what it held before");
        return;
      }
      case "install_failed":
      case "restore_failed": {
        const member = members.find(event, "installing", "restoring");
        if (member) poison(member, event.reason);
        return;
      }
      default:
    }
  }

  function tick(now: number): void {
    if (state === "gated" && lapsesAt !== null && now >= lapsesAt) {
      abort("deadline_exceeded", `nothing was committed within ${plan.lapseMs} ms of the gate`);
    }
    for (const member of members.due(now)) {
      if (member.phase === "gating") {
        gating({ type: "gate_failed", ...member.ref, reason: `not gated in ${plan.gateMs} ms` });
      } else poison(member, `${member.phase} took longer than its deadline`);
    }
  }

  /** Gives out what there is room for. */
  function proceed(now: number): void {
    for (const [waiting, busy, command, ms] of TURNS) {
      // Proven means committed: before that, what was verified waits.
      if (waiting === "verified" && state !== "installing") continue;
      for (const member of members.next(waiting, plan.width - members.count(busy))) {
        members.move(member, busy, member.reason, now + plan[ms]);
        out.push({ type: command, ...member.ref });
      }
    }
  }

  return {
    get state() {
      return state;
    },
    get lapsesAt() {
      return lapsesAt;
    },
    members: members.views,
    moved: members.moved,
    nextDeadline() {
      const first = members.firstDeadline();
      return lapsesAt === null || first === null ? (lapsesAt ?? first) : Math.min(lapsesAt, first);
    },
    handle(event, now) {
      out = [];
      if (event.type === "start" && state === "idle") {
        members.add(event.members);
        state = "gating";
      } else if (event.type === "tick") tick(now);
      else if (state === "gating") gating(event);
      else if (state === "fencing") fencing(event, now);
      else if (state === "gated") gated(event);
      else if (state === "verifying") verifying(event);
      else if (state === "committing") committing(event);
      alone(event);
      settle();
      proceed(now);
      return out;
    },
  };
}

/** In these something is still to be done for a worker. */
const BUSY = ["verified", "installing", "abandoned", "restoring"] as const;
