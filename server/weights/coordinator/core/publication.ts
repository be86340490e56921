/**
 * One publication in mode `all`, as a pure state machine: two-phase commit with presumed abort.
 *
 * - Up to the commit nothing that serves has changed: one failure, one wrong digest or the deadline
 *   aborts all. A worker that dies is no longer a member; with none left the version commits alone and
 *   workers catch up with it later.
 * - After it there is no way back: a worker that fails is poisoned alone and the others go on.
 * - While `staging` and `swapping`, something is always due (`nextDeadline`). `committing` has no
 *   deadline of its own: whether the commit is durable is the store's to say, and must not be guessed.
 */
import type { ErrorCode } from "../../../contract/errors.ts";
import type {
  CoordinatorCommand,
  CoordinatorEvent,
  MemberView,
  PublicationState,
} from "./events.ts";
import { createMembers, isOver, type Member } from "./members.ts";

export interface PublicationPlan {
  /** Of the published content. */
  readonly digest: string;
  /** Until all have staged, ms. */
  readonly stageMs: number;
  /** For one worker to be emptied, ms. */
  readonly gateMs: number;
  /** For one worker to pause, swap and show what it holds, ms. */
  readonly swapMs: number;
  /** For one worker to be proven and run again, ms. */
  readonly installMs: number;
  /** Workers that stage at once, and workers that are closed at once. */
  readonly width: number;
}

export interface PublicationCore {
  readonly state: PublicationState;
  /** Clock time (ms) at which a `tick` is due; null while nothing is waited for but the store. */
  nextDeadline(): number | null;
  handle(event: CoordinatorEvent, now: number): readonly CoordinatorCommand[];
  members(): readonly MemberView[];
  /** Members that changed since it was last asked. */
  moved(): readonly MemberView[];
}

export function createPublication(plan: PublicationPlan): PublicationCore {
  let state: PublicationState = "idle";
  let stageBy = 0;
  let out: CoordinatorCommand[] = [];
  const members = createMembers();

  function abort(code: ErrorCode, reason: string): void {
    state = "aborted";
    out.push({ type: "abort", code, reason });
    for (const member of members.in("announced", "staging", "staged")) {
      if (member.phase !== "announced") out.push({ type: "discard", ...member.ref });
      members.move(member, "failed", "the publication was aborted");
    }
  }

  function poison(member: Member, reason: string): void {
    members.move(member, "poisoned", reason);
    out.push({ type: "poison", ...member.ref, reason });
  }

  function decide(): void {
    if (members.count("announced", "staging") > 0) return;
    const rejected = members.in("unfit")[0];
    if (rejected && members.count("staged") === 0) {
      // It fits nobody: the weights are at fault, not the workers.
      abort("weights_rejected", `${rejected.ref.worker}: ${rejected.reason}`);
      return;
    }
    state = "committing";
    out.push({ type: "commit" });
  }

  /** Gives out what there is room for. */
  function proceed(now: number): void {
    if (state === "staging") {
      for (const member of members.next("announced", plan.width - members.count("staging"))) {
        members.move(member, "staging");
        out.push({ type: "stage", ...member.ref });
      }
      decide();
    } else if (state === "swapping") {
      const busy = members.count("gating", "swapping", "installing");
      for (const member of members.next("staged", plan.width - busy)) {
        members.move(member, "gating", null, now + plan.gateMs);
        out.push({ type: "gate", ...member.ref });
      }
      if (members.count("staged", "gating", "swapping", "installing") === 0) state = "done";
    }
  }

  function staging(event: CoordinatorEvent): void {
    if (event.type === "abort") abort(event.code, event.reason);
    if (event.type !== "staged" && event.type !== "stage_failed") return;
    const member = members.find(event, "staging");
    if (!member) return;
    const { worker } = event;
    if (event.type === "staged") {
      members.move(member, "staged");
      if (event.digest === plan.digest) return;
      const reason = `digest_mismatch: it read ${event.digest}, published is ${plan.digest}`;
      abort("digest_mismatch", `${worker}: ${reason}`);
      members.move(member, "failed", reason);
    } else if (event.code === "weights_rejected" && !member.required) {
      members.move(member, "unfit", event.reason);
    } else {
      members.move(member, "failed", event.reason);
      abort(event.code, `${worker}: ${event.reason}`);
    }
  }

  function committing(event: CoordinatorEvent): void {
    if (event.type === "committed") state = "swapping";
    else if (event.type === "commit_failed") abort(event.code, event.reason);
  }

  function swapping(event: CoordinatorEvent, now: number): void {
    switch (event.type) {
      case "gated": {
        const member = members.find(event, "gating");
        if (!member) return;
        members.move(member, "swapping", null, now + plan.swapMs);
        out.push({ type: "swap", ...member.ref });
        return;
      }
      case "gate_failed": {
        const member = members.find(event, "gating");
        if (member) leave(member, event.reason);
        return;
      }
      case "swapped": {
        const member = members.find(event, "swapping");
        if (!member) return;
        if (event.digest !== plan.digest) {
          poison(member, `digest_mismatch: it holds ${event.digest}, published is ${plan.digest}`);
          return;
        }
        members.move(member, "installing", null, now + plan.installMs);
        out.push({ type: "install", ...member.ref });
        return;
      }
      case "installed": {
        const member = members.find(event, "installing");
        if (member) members.move(member, "installed");
        return;
      }
      case "swap_failed":
      case "install_failed": {
        const member = members.find(event, "swapping", "installing");
        if (member) poison(member, event.reason);
        return;
      }
      default:
    }
  }

  /** Committed without it: it was not touched, and catches up later. */
  function leave(member: Member, reason: string): void {
    members.move(member, "failed", reason);
    out.push({ type: "ungate", ...member.ref }, { type: "discard", ...member.ref });
  }

  function tick(now: number): void {
    if (state === "staging" && now >= stageBy) {
      const late = members.in("announced", "staging").map(({ ref }) => ref.worker);
      abort("deadline_exceeded", `not staged within ${plan.stageMs} ms: ${late.join(", ")}`);
    }
    if (state !== "swapping") return;
    for (const member of members.due(now)) {
      if (member.phase === "gating") leave(member, `not emptied within ${plan.gateMs} ms`);
      else poison(member, `${member.phase} took longer than its deadline`);
    }
  }

  return {
    get state() {
      return state;
    },
    members: members.views,
    moved: members.moved,
    nextDeadline() {
      if (state === "staging") return stageBy;
      return state === "swapping" ? members.firstDeadline() : null;
    },
    handle(event, now) {
      out = [];
      if (event.type === "start" && state === "idle") {
        members.add(event.members);
        stageBy = now + plan.stageMs;
        state = "staging";
      } else if (event.type === "gone") {
        const member = members.find(event);
        if (member && !isOver(member.phase)) members.move(member, "gone", event.reason);
      } else if (event.type === "tick") tick(now);
      else if (state === "staging") staging(event);
      else if (state === "committing") committing(event);
      else if (state === "swapping") swapping(event, now);
      proceed(now);
      return out;
    },
  };
}
