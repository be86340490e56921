/**
 * The words of one publication: what can happen to it, and what it wants done. Plain data, so that the
 * core can be driven by a live shell, a test or a simulated fleet.
 */
import type { ErrorCode } from "../../../contract/errors.ts";

/** One life of one worker. */
export interface MemberRef {
  readonly worker: string;
  readonly incarnation: string;
}

export interface MemberEntry extends MemberRef {
  /**
   * It serves this policy already, or was registered for it by name: if its model does not fit, the
   * publication is at fault. For others `weights_rejected` only means that they are not of this policy.
   */
  readonly required: boolean;
}

export type CoordinatorEvent =
  /** `spareShare`: of the members' room, what nothing that runs or waits needs, 0–1. */
  | {
      readonly type: "start";
      readonly members: readonly MemberEntry[];
      readonly spareShare: number;
    }
  /** The worker has read the weights beside its own and says what it read; null: its engine shows no digest, ever. */
  | ({ readonly type: "staged"; readonly digest: string | null } & MemberRef)
  | ({
      readonly type: "stage_failed";
      readonly code: ErrorCode;
      readonly reason: string;
    } & MemberRef)
  /** The commit is durable: from here on there is no way back. */
  | { readonly type: "committed" }
  | { readonly type: "commit_failed"; readonly code: ErrorCode; readonly reason: string }
  /** Emptied as `on_update` says. */
  | ({ readonly type: "gated" } & MemberRef)
  | ({ readonly type: "gate_failed"; readonly reason: string } & MemberRef)
  /** Paused, swapped, and asked what it holds now; it makes no token until it is told `install`. */
  | ({ readonly type: "swapped"; readonly digest: string | null } & MemberRef)
  | ({
      readonly type: "swap_failed";
      readonly code: ErrorCode;
      readonly reason: string;
    } & MemberRef)
  /** Proven in the ledger and running again. */
  | ({ readonly type: "installed" } & MemberRef)
  | ({
      readonly type: "install_failed";
      readonly code: ErrorCode;
      readonly reason: string;
    } & MemberRef)
  /** This incarnation is lost. */
  | ({ readonly type: "gone"; readonly reason: string } & MemberRef)
  /** Somebody wants it to end; too late once the commit has begun. */
  | { readonly type: "abort"; readonly code: ErrorCode; readonly reason: string }
  /** Time has passed: `nextDeadline` is due. */
  | { readonly type: "tick" };

export type CoordinatorCommand =
  | ({ readonly type: "stage" } & MemberRef)
  | { readonly type: "commit" }
  | { readonly type: "abort"; readonly code: ErrorCode; readonly reason: string }
  /** Close the worker and empty it. */
  | ({ readonly type: "gate" } & MemberRef)
  /** Pause, swap, ask what it holds. */
  | ({ readonly type: "swap" } & MemberRef)
  /** What it holds is what was published: prove it, let it run, open it. */
  | ({ readonly type: "install" } & MemberRef)
  /** Open it again with what it has: nothing was swapped. */
  | ({ readonly type: "ungate" } & MemberRef)
  /** Give up what it staged. */
  | ({ readonly type: "discard" } & MemberRef)
  /** What it holds is unknown or wrong: it may serve nothing. */
  | ({ readonly type: "poison"; readonly reason: string } & MemberRef);

export type PublicationState =
  | "idle"
  | "staging"
  /** The first wave of a roll swaps, before the commit. */
  | "trying"
  | "committing"
  | "swapping"
  | "done"
  | "aborted";

export type MemberPhase =
  /** Waits for its turn to stage. */
  | "announced"
  | "staging"
  | "staged"
  | "gating"
  /** Empty, and waits for the others of its wave; of an external version: stands still for its mover, with a fence. */
  | "gated"
  | "swapping"
  /** Holds the version, unproven, and stands still until the commit. */
  | "swapped"
  /** External: its mover says what it put there; waits for its turn to be asked. */
  | "claimed"
  | "verifying"
  /** External: showed what was claimed. */
  | "verified"
  | "installing"
  /** External: nobody will move anything there any more; waits for its turn to be asked what it has. */
  | "abandoned"
  | "restoring"
  | "installed"
  /** Its model takes no weights of this policy: it was never concerned. */
  | "unfit"
  /** Did not stage, or was not emptied in time, or was abandoned by its mover and still shows what it had. */
  | "failed"
  | "poisoned"
  | "gone";

export interface MemberView extends MemberRef {
  readonly phase: MemberPhase;
  readonly reason: string | null;
}
