/**
 * The only ledger of versions, runs, labels and who holds what. `fleet/` reports births and deaths,
 * `weights/` reports transitions; the placement owner listens. Nothing else keeps versions.
 */
import type {
  CommitMode,
  HeldVersion,
  Label,
  OnUpdate,
  Proof,
  VersionState,
} from "../contract/policy.ts";

export interface PolicyRecord {
  readonly policy: string;
  readonly kind: "full" | "lora";
  readonly base: string | null;
  readonly commit: CommitMode;
  readonly onUpdate: OnUpdate;
  readonly updateGraceMs: number;
  /** The weakest proof with which a worker may serve it. */
  readonly minProof: Proof;
  readonly committedVersion: number | null;
  /** The highest version ever minted; never reused. */
  readonly lastVersion: number;
  /** The one whose publications are taken; null before the first was opened: then anybody's are. */
  readonly run: RunRecord | null;
}

/** One life of a training job on a policy. */
export interface RunRecord {
  readonly policy: string;
  readonly run: string;
  /** Strictly increasing per policy: what is of an older one is fenced. */
  readonly epoch: number;
  /** Of the process that opened it, where it said one. */
  readonly opener: string | null;
  /** Its name means this run alone, so a publication may say it by its label. */
  readonly byName: boolean;
  /** Wall time, ms. */
  readonly openedAt: number;
}

export interface RunOpening {
  readonly policy: string;
  readonly run: string;
  /** Minted by the opening process: the same name from another opener is a new run. */
  readonly opener?: string;
}

/** `external`: somebody else moves the bytes, and nobody can read them again. */
export type VersionSource = { readonly path: string } | { readonly external: NoDetails };

type NoDetails = Readonly<Record<string, never>>;

export interface VersionRecord {
  readonly policy: string;
  readonly version: number;
  readonly label: Label | null;
  /** Of the run that it was published in; null before the policy's first. */
  readonly runEpoch: number | null;
  readonly state: VersionState;
  readonly source: VersionSource;
  /** SHA-256 content digest (hex); null where nobody knows it: an external version before its commit, or by label alone. */
  readonly digest: string | null;
  readonly contentOf: number | null;
  readonly onUpdate: OnUpdate;
  readonly updateGraceMs: number;
  /** Wall time, ms. */
  readonly createdAt: number;
}

export type NewVersion = Omit<VersionRecord, "version" | "state" | "createdAt">;

export type LedgerChange =
  | { readonly type: "policy"; readonly policy: PolicyRecord }
  | { readonly type: "version"; readonly version: VersionRecord }
  /** A new run was opened. */
  | { readonly type: "run"; readonly run: RunRecord }
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
  readonly minProof?: Proof;
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
  /** Fences the run before it; a retried opening answers the same. Throws `not_found`, `run_fenced`. */
  openRun(opening: RunOpening): Promise<RunRecord>;
  /** Mints the next version in state `open`. Throws `run_fenced` if it is not of the current run. */
  open(version: NewVersion): Promise<VersionRecord>;
  /** The newest undecided or serving version that is the `same`, else a new one as from `open`. */
  openOnce(
    version: NewVersion,
    same: (record: VersionRecord) => boolean,
  ): Promise<{ readonly record: VersionRecord; readonly minted: boolean }>;
  /** Whether its label is of the policy's current run: steps of two runs cannot be compared. */
  inCurrentRun(held: Pick<HeldVersion, "policy" | "version">): boolean;
  /**
   * Throws `version_conflict` for a transition that the state machine does not have, `run_fenced` for the
   * commit of a version of an older run.
   */
  transition(
    policy: string,
    version: number,
    to: VersionState,
    /** Content digest that became known on the way; absent or null leaves it. */
    content?: string | null,
  ): Promise<VersionRecord>;
  /** An adapter that is not wanted any more: no version of it is the fleet's until another is committed. Throws `unsupported` for whole weights. */
  withdraw(policy: string): Promise<PolicyRecord>;
  /**
   * A worker proved that it holds a version (I3). Replaces what it held of that policy; an adapter lies on the base that
   * the worker has proved, now and whenever it proves another version of it. Memory only: proofs die with us.
   */
  prove(worker: string, incarnation: string, held: Omit<HeldVersion, "base">): void;
  /** It holds nothing of this policy any more. */
  release(worker: string, incarnation: string, policy: string): void;
  /** A version that this incarnation proved at any time, even if it holds a newer one now; else null. */
  proved(worker: string, incarnation: string, policy: string, version: number): HeldVersion | null;
  /** The worker holds nothing any more: died, restarted or poisoned. */
  forget(worker: string, incarnation: string): void;
  listen(listener: (change: LedgerChange) => void): () => void;
}
