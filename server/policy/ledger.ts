/**
 * The only ledger of versions, runs, labels and who holds what. `fleet/` reports births and deaths,
 * `weights/` reports transitions; the placement owner listens. Nothing else keeps versions.
 */
import type { CommitMode, HeldVersion, Label, OnUpdate, VersionState } from "../contract/policy.ts";

export interface PolicyRecord {
  readonly policy: string;
  readonly kind: "full" | "lora";
  readonly base: string | null;
  readonly commit: CommitMode;
  readonly onUpdate: OnUpdate;
  readonly updateGraceMs: number;
  readonly committedVersion: number | null;
  /** The highest version ever minted; never reused. */
  readonly lastVersion: number;
  readonly run: string | null;
}

export interface VersionRecord {
  readonly policy: string;
  readonly version: number;
  readonly label: Label | null;
  readonly state: VersionState;
  readonly source: { readonly path: string };
  /** SHA-256 content digest (hex). */
  readonly digest: string;
  readonly contentOf: number | null;
  readonly onUpdate: OnUpdate;
  readonly updateGraceMs: number;
  /** Wall time, ms. */
  readonly createdAt: number;
}

export type LedgerChange =
  | { readonly type: "policy"; readonly policy: PolicyRecord }
  | { readonly type: "version"; readonly version: VersionRecord }
  /** What a worker proved to hold has changed; empty when it died or was poisoned. */
  | {
      readonly type: "holds";
      readonly worker: string;
      readonly incarnation: string;
      readonly holds: readonly HeldVersion[];
    };

export interface PolicyDeclaration {
  readonly policy: string;
  readonly kind?: "full" | "lora";
  readonly base?: string;
  readonly commit?: CommitMode;
  readonly onUpdate?: OnUpdate;
  readonly updateGraceMs?: number;
}

/** Everything that must survive is durable in the store before the promise resolves and before listeners hear of it. */
export interface Ledger {
  policies(): readonly PolicyRecord[];
  /** Throws `not_found`. */
  policy(policy: string): PolicyRecord;
  version(policy: string, version: number): VersionRecord;
  versions(policy: string): readonly VersionRecord[];
  /** What this incarnation of a worker proved; empty for any other incarnation. */
  holds(worker: string, incarnation: string): readonly HeldVersion[];
  declare(declaration: PolicyDeclaration): Promise<PolicyRecord>;
  /** Mints the next version in state `open`. */
  open(version: Omit<VersionRecord, "version" | "state" | "createdAt">): Promise<VersionRecord>;
  /** Throws `version_conflict` for a transition that the state machine does not have. */
  transition(policy: string, version: number, to: VersionState): Promise<VersionRecord>;
  /** A worker proved that it holds a version (I3). Replaces what it held of that policy. Memory only: proofs die with us. */
  prove(worker: string, incarnation: string, held: HeldVersion): void;
  /** A version that this incarnation proved at any time, even if it holds a newer one now; else null. */
  proved(worker: string, incarnation: string, policy: string, version: number): HeldVersion | null;
  /** The worker holds nothing any more: died, restarted or poisoned. */
  forget(worker: string, incarnation: string): void;
  listen(listener: (change: LedgerChange) => void): () => void;
}
