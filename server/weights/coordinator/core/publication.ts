/**
 * One publication as a pure state machine: two-phase commit with presumed abort.
 *
 * - Up to the commit nothing that serves has changed, but for the first wave of a roll: one failure, one wrong
 *   digest or the deadline aborts all (`quorum`: when too few are left). A worker that dies is no longer a
 *   member; with none left the version commits alone and workers catch up with it later.
 * - A roll tries the version on its first wave: these are emptied, then swap together, show what they hold and stand
 *   still until the commit. Fails one of them, the version is not committed; whatever was swapped is poisoned.
 * - After the commit there is no way back: a worker that fails is poisoned alone and the others go on.
 * - While `staging`, `trying` and `swapping`, something is always due (`nextDeadline`). `committing` has no
 *   deadline of its own: whether the commit is durable is the store's to say, and must not be guessed.
 */
import type { ErrorCode } from "../../../contract/errors.ts";
import type { CommitRule } from "./commit-rule.ts";
import { waveOf } from "./commit-rule.ts";
import type {
  CoordinatorCommand,
  CoordinatorEvent,
  MemberView,
  PublicationState,
} from "./events.ts";
import { createMembers, isOver, type Member } from "./members.ts";

export interface PublicationPlan {
  readonly rule: CommitRule;
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

type Of<T extends CoordinatorEvent["type"]> = Extract<CoordinatorEvent, { readonly type: T }>;

export function createPublication(plan: PublicationPlan): PublicationCore {
  const { rule } = plan;
  let state: PublicationState = "idle";
  let stageBy = 0;
  /** Workers that are out of service for this publication at once. */
  let wave = plan.width;
  let out: CoordinatorCommand[] = [];
  const members = createMembers();

  function abort(code: ErrorCode, reason: string): void {
    state = "aborted";
    out.push({ type: "abort", code, reason });
    const why = `aborted: ${reason}`;
    for (const member of members.in("announced")) members.move(member, "failed", why);
    for (const member of members.in("staging", "staged")) drop(member, why);
    for (const member of members.in("gating", "gated")) leave(member, why);
    for (const member of members.in("swapping", "swapped")) {
      poison(member, `its weights were replaced when the version was ${why}`);
    }
  }

  function poison(member: Member, reason: string): void {
    members.move(member, "poisoned", reason);
    out.push({ type: "poison", ...member.ref, reason });
  }

  /** Its swap went wrong: before the commit that is the version's end, after it this worker's alone. */
  function broken(member: Member, code: ErrorCode, reason: string): void {
    poison(member, reason);
    if (state === "trying") abort(code, `${member.ref.worker}: ${reason}`);
  }

  /** It keeps what it serves and gives up what it read. */
  function drop(member: Member, reason: string): void {
    members.move(member, "failed", reason);
    out.push({ type: "discard", ...member.ref });
  }

  /** As `drop`, of one that was closed: committed without it, it catches up later. */
  function leave(member: Member, reason: string): void {
    out.push({ type: "ungate", ...member.ref });
    drop(member, reason);
  }

  function commit(): void {
    state = "committing";
    out.push({ type: "commit" });
  }

  /** Whether the version may go on from `staging`. */
  function decide(): void {
    const waiting = members.count("announced", "staging");
    const staged = members.count("staged");
    if (rule.mode === "quorum") {
      if (staged >= rule.quorum) commit();
      else if (staged + waiting < rule.quorum) {
        abort("commit_aborted", `${staged} of a quorum of ${rule.quorum} can stage`);
      }
      return;
    }
    if (waiting > 0) return;
    const rejected = members.in("unfit")[0];
    if (rejected && staged === 0) {
      // It fits nobody: the weights are at fault, not the workers.
      abort("weights_rejected", `${rejected.ref.worker}: ${rejected.reason}`);
    } else if (rule.mode === "rolling" && staged > 0) state = "trying";
    else commit();
  }

  function stageSome(): void {
    for (const member of members.next("announced", plan.width - members.count("staging"))) {
      members.move(member, "staging");
      out.push({ type: "stage", ...member.ref });
    }
  }

  function gate(chosen: readonly Member[], now: number): void {
    for (const member of chosen) {
      members.move(member, "gating", null, now + plan.gateMs);
      out.push({ type: "gate", ...member.ref });
    }
  }

  function swap(member: Member, now: number): void {
    members.move(member, "swapping", null, now + plan.swapMs);
    out.push({ type: "swap", ...member.ref });
  }

  function install(member: Member, now: number): void {
    members.move(member, "installing", null, now + plan.installMs);
    out.push({ type: "install", ...member.ref });
  }

  /** The first wave: none swaps before all are empty, so that none stands still for another's rollouts. */
  function proceedTrying(now: number): void {
    const swapping = members.count("swapping", "swapped");
    const room = wave - members.count("gating", "gated");
    if (swapping === 0) gate(members.first("staged", room), now);
    if (members.count("gating") > 0) return;
    for (const member of members.in("gated")) swap(member, now);
    if (members.count("swapping") > 0) return;
    const left = members.in("failed")[0];
    if (members.count("swapped") === 0 && left) {
      abort("commit_aborted", `${left.ref.worker}: ${left.reason}`);
    } else commit();
  }

  /** Gives out what there is room for. */
  function proceed(now: number): void {
    if (state === "staging") decide();
    if (state === "staging") stageSome();
    if (state === "trying") proceedTrying(now);
    if (state !== "swapping") return;
    for (const member of members.in("swapped")) install(member, now);
    stageSome();
    const room = wave - members.count("gating", "swapping", "installing");
    gate(members.next("staged", room), now);
    const left = members.count(...UNDER_WAY);
    if (left === 0) state = "done";
  }

  function staged(event: Of<"staged">): void {
    const member = members.find(event, "staging");
    if (!member) return;
    if (event.digest === null || event.digest === plan.digest) {
      members.move(member, "staged");
      return;
    }
    const reason = `digest_mismatch: it read ${event.digest}, published is ${plan.digest}`;
    if (aborts()) {
      abort("digest_mismatch", `${event.worker}: ${reason}`);
      members.move(member, "failed", reason);
    } else drop(member, reason);
  }

  function stageFailed({ code, reason, ...event }: Of<"stage_failed">): void {
    const member = members.find(event, "staging");
    if (!member) return;
    if (code === "weights_rejected" && !member.required) {
      members.move(member, "unfit", reason);
      return;
    }
    members.move(member, "failed", reason);
    if (aborts()) abort(code, `${event.worker}: ${reason}`);
  }

  /** Whether one that does not stage ends the publication. */
  const aborts = (): boolean => state === "staging" && rule.mode !== "quorum";

  function swapped(event: Of<"swapped">, now: number): void {
    const member = members.find(event, "swapping");
    if (!member) return;
    if (event.digest !== null && event.digest !== plan.digest) {
      const reason = `digest_mismatch: it holds ${event.digest}, published is ${plan.digest}`;
      broken(member, "digest_mismatch", reason);
    } else if (state === "trying") members.move(member, "swapped");
    else install(member, now);
  }

  /** Of a member; what comes late or out of turn finds it in another phase and changes nothing. */
  function report(event: CoordinatorEvent, now: number): void {
    switch (event.type) {
      case "staged":
        staged(event);
        return;
      case "stage_failed":
        stageFailed(event);
        return;
      case "gated": {
        const member = members.find(event, "gating");
        if (member && state === "trying") members.move(member, "gated");
        else if (member) swap(member, now);
        return;
      }
      case "gate_failed": {
        const member = members.find(event, "gating");
        if (member) leave(member, event.reason);
        return;
      }
      case "swapped":
        swapped(event, now);
        return;
      case "installed": {
        const member = members.find(event, "installing");
        if (member) members.move(member, "installed");
        return;
      }
      case "swap_failed":
      case "install_failed": {
        const member = members.find(event, "swapping", "installing");
        if (member) broken(member, event.code, event.reason);
        return;
      }
      default:
    }
  }

  function tick(now: number): void {
    const late = `not staged within ${plan.stageMs} ms`;
    if (state === "staging" && now >= stageBy) {
      const names = members.in("announced", "staging").map(({ ref }) => ref.worker);
      abort("deadline_exceeded", `${late}: ${names.join(", ")}`);
    } else if (now >= stageBy) {
      for (const member of members.in("announced", "staging")) drop(member, late);
    }
    for (const member of members.due(now)) {
      if (isOver(member.phase)) continue;
      if (member.phase === "gating") leave(member, `not emptied within ${plan.gateMs} ms`);
      else broken(member, "deadline_exceeded", `${member.phase} took longer than its deadline`);
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
      if (state !== "trying" && state !== "swapping") return null;
      const first = members.firstDeadline();
      if (members.count("announced", "staging") === 0) return first;
      return first === null ? stageBy : Math.min(first, stageBy);
    },
    handle(event, now) {
      out = [];
      if (event.type === "start" && state === "idle") {
        members.add(event.members);
        stageBy = now + plan.stageMs;
        wave = waveOf(rule, event.members.length, event.spareShare, plan.width);
        state = "staging";
      } else if (event.type === "gone") {
        const member = members.find(event);
        if (member && !isOver(member.phase)) members.move(member, "gone", event.reason);
      } else if (event.type === "abort") {
        if (state === "staging" || state === "trying") abort(event.code, event.reason);
      } else if (event.type === "committed" && state === "committing") state = "swapping";
      else if (event.type === "commit_failed" && state === "committing") {
        abort(event.code, event.reason);
      } else if (event.type === "tick" && BUSY.has(state)) tick(now);
      else if (BUSY.has(state)) report(event, now);
      proceed(now);
      return out;
    },
  };
}

/** In these members' reports and time count. */
const BUSY: ReadonlySet<PublicationState> = new Set([
  "staging",
  "trying",
  "committing",
  "swapping",
]);

const UNDER_WAY = [
  "announced",
  "staging",
  "staged",
  "gating",
  "gated",
  "swapping",
  "swapped",
  "installing",
] as const;
