/** What fronts need of the weights' coordinator: publish a version and watch it commit. */
import type { CommitMode, Label, OnUpdate } from "../contract/policy.ts";
import type { VersionRecord, VersionSource } from "../policy/ledger.ts";

export interface Publication extends PublicationOptions {
  readonly policy: string;
  /**
   * A safetensors file or a Hugging Face style directory, which must stay as it is until superseded; or `external`:
   * somebody else moves the bytes, between `gate` and `commit`.
   */
  readonly source: VersionSource;
}

/** What a mover says of one worker; exactly one of the three is not null. */
export interface WorkerProof {
  readonly worker: string;
  /** As `gate` answered it: of this worker, its incarnation, and that gate. */
  readonly fence: string;
  /** Content digest of what the worker holds. */
  readonly digest: string | null;
  /** Content digest of what the worker was sent. */
  readonly receipt: string | null;
  /** The version that the engine was told to call it. */
  readonly reported: number | null;
}

/** What a publication and a rollback may say beside what is published. */
export interface PublicationOptions {
  readonly label?: Label;
  /** Of the run that publishes, as its opening answered. Absent: the label's run, where its name tells. */
  readonly runEpoch?: number;
  readonly commit?: CommitOptions;
  readonly onUpdate?: OnUpdate;
  readonly updateGraceMs?: number;
}

export interface CommitOptions {
  /** Absent: the policy's. */
  readonly mode?: CommitMode;
  /** Of mode `quorum`: workers that must have staged. */
  readonly quorum?: number;
  /** Of mode `rolling`: workers out of service at once; absent: as many as can be spared, between an eighth and half. */
  readonly wave?: number;
  /** Until all have staged, ms. */
  readonly timeoutMs?: number;
}

export type WorkerPhase =
  | "announced"
  | "received"
  | "staged"
  /** Stands still for a mover that is not ours. */
  | "gated"
  | "swapping"
  | "installed"
  | "failed"
  | "poisoned"
  | "gone";

export interface PublicationProgress {
  readonly version: VersionRecord;
  readonly workers: readonly {
    readonly worker: string;
    readonly phase: WorkerPhase;
    readonly reason: string | null;
    /** Milliseconds that generation stood still on this worker; null before the swap. */
    readonly pauseMs: number | null;
    /** Of an external version: what a proof for this worker must name; null where it is not gated. */
    readonly fence: string | null;
  }[];
  /** In the answer of a gate: milliseconds until it lapses. */
  readonly lapseMs: number | null;
  readonly installed: number;
}

export interface Publisher {
  /**
   * Resolves when the version is minted and its content digest known; the same label and content in the same
   * run, under way or committed, are the version that is there. Throws `weights_rejected`, `not_found`, `run_fenced`.
   */
  publish(publication: Publication): Promise<PublicationProgress>;
  /**
   * Takes an adapter from every worker, behind the last rollout under it there; a later publication brings it back. Throws
   * `not_found`, `unsupported` for whole weights, `version_conflict` while a version of it is on its way.
   */
  withdraw(policy: string): Promise<void>;
  /** Throws `not_found`. */
  progress(policy: string, version: number): PublicationProgress;
  /** Each change, ending when the version is installed everywhere, superseded or aborted. */
  watch(policy: string, version: number, signal: AbortSignal): AsyncIterable<PublicationProgress>;
  /** Resolves when committed; throws `commit_aborted`, `run_fenced`. */
  committed(policy: string, version: number): Promise<PublicationProgress>;
  abort(policy: string, version: number): Promise<PublicationProgress>;
  /**
   * External versions only: resolves when every worker stands still as `on_update` says, each with its fence; those of
   * a committed version that came late, too. A retried call joins. Throws `unsupported`, `version_conflict`,
   * `run_fenced`, `no_eligible_worker`, or `commit_aborted` with what each worker answered, when nothing was touched
   * and the version stays open.
   */
  gate(policy: string, version: number): Promise<PublicationProgress>;
  /**
   * The mover is done: resolves when each worker was asked what it holds, and those that proved it run again. Throws
   * without effect `invalid_argument`, `version_conflict` (also for a fence that is not of this gate), `unsupported`,
   * `digest_mismatch` where the claims contradict one another; `commit_aborted` where no worker proved it.
   */
  commit(
    policy: string,
    version: number,
    proofs: readonly WorkerProof[],
  ): Promise<PublicationProgress>;
  /**
   * Publishes what an older version held as a new one; a retried call is the version that is there. Throws
   * `version_conflict` where it was never committed or is the fleet's, `weights_rejected` where its source cannot be
   * read any more, `digest_mismatch` where it has changed, `run_fenced`.
   */
  rollback(
    policy: string,
    version: number,
    options: PublicationOptions,
  ): Promise<PublicationProgress>;
  close(): Promise<void>;
}
