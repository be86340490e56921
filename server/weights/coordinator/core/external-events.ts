/** The words of one round of an external version, whose bytes somebody else moves; plain data as in `events.ts`. */
import type { ErrorCode } from "../../../contract/errors.ts";
import type { MemberEntry, MemberRef } from "./events.ts";

/** Logprobs of the fixed prompts, one after the other; or, of engines that show it, the checksum of their memory. */
export type Canary = readonly number[] | { readonly checksum: string; readonly layout: string };

/** What a worker showed of the weights that its mover put there, each fact checked already. */
export interface Shown extends MemberRef {
  /** Workers of one cohort compute alike, or lie in memory alike, so that what they show can be compared. */
  readonly cohort: string;
  /** Largest difference of two logprobs that its number format explains. */
  readonly tolerance: number;
  /** Null where a digest, or a label that was agreed to, is proof enough. */
  readonly canary: Canary | null;
  /** Before anything was moved, on this very worker; null where it held nothing, or none was asked for. */
  readonly before: Canary | null;
  /** The mover claims the content that was there before: then nothing changing is no fault. */
  readonly sameContent: boolean;
}

export type ExternalEvent =
  | { readonly type: "start"; readonly members: readonly MemberEntry[] }
  /** Emptied as `on_update` says, and standing still. */
  | ({ readonly type: "gated" } & MemberRef)
  | ({ readonly type: "gate_failed"; readonly reason: string } & MemberRef)
  /** The gate is durable. */
  | { readonly type: "fenced" }
  | { readonly type: "fence_failed"; readonly code: ErrorCode; readonly reason: string }
  /** The mover is done; with these workers, as it claims. */
  | { readonly type: "claim"; readonly members: readonly MemberRef[] }
  | { readonly type: "shown"; readonly shown: Shown }
  | ({ readonly type: "unproven"; readonly reason: string } & MemberRef)
  | { readonly type: "committed" }
  | { readonly type: "commit_failed"; readonly code: ErrorCode; readonly reason: string }
  | ({ readonly type: "installed" } & MemberRef)
  | ({ readonly type: "install_failed"; readonly reason: string } & MemberRef)
  /** Shows what it proved before the gate; runs again with it. */
  | ({ readonly type: "restored" } & MemberRef)
  | ({ readonly type: "restore_failed"; readonly reason: string } & MemberRef)
  | ({ readonly type: "gone"; readonly reason: string } & MemberRef)
  /** Its tokens, or its engine, showed what it never proved. */
  | ({ readonly type: "distrusted"; readonly reason: string } & MemberRef)
  /** Somebody wants it to end; `code` is what whoever waits for it is told. */
  | { readonly type: "abort"; readonly code: ErrorCode; readonly reason: string }
  | { readonly type: "tick" };

export type ExternalCommand =
  /** Close the worker, empty it, let it stand still. */
  | ({ readonly type: "gate" } & MemberRef)
  /** Let it run as it was: its fence was never given out, so nobody moved anything. */
  | ({ readonly type: "ungate" } & MemberRef)
  /** Make the gate durable. */
  | { readonly type: "fence" }
  /** No worker is gated: the version stays open. */
  | { readonly type: "refuse"; readonly code: ErrorCode; readonly reason: string }
  /** Ask what it holds and hold it against the claim. */
  | ({ readonly type: "verify" } & MemberRef)
  | { readonly type: "commit" }
  | { readonly type: "abort"; readonly code: ErrorCode; readonly reason: string }
  /** Prove it, let it run, open it. */
  | ({ readonly type: "install" } & MemberRef)
  /** Ask whether it still holds what it proved before. */
  | ({ readonly type: "restore" } & MemberRef)
  | ({ readonly type: "poison"; readonly reason: string } & MemberRef);

export type ExternalState =
  | "idle"
  | "gating"
  | "fencing"
  | "gated"
  | "verifying"
  | "committing"
  | "installing"
  | "done"
  /** The gate did not come about; nothing was touched. */
  | "refused"
  | "aborted";
