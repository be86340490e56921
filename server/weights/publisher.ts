/** What fronts need of the weights' coordinator: publish a version and watch it commit. */
import type { CommitMode, Label, OnUpdate } from "../contract/policy.ts";
import type { VersionRecord } from "../policy/ledger.ts";

export interface Publication {
  readonly policy: string;
  readonly label?: Label;
  /** A safetensors file or a Hugging Face style directory; must stay as it is until superseded. */
  readonly source: { readonly path: string };
  readonly commit?: { readonly mode: CommitMode; readonly timeoutMs?: number };
  readonly onUpdate?: OnUpdate;
  readonly updateGraceMs?: number;
}

export type WorkerPhase =
  | "announced"
  | "received"
  | "staged"
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
  }[];
  readonly installed: number;
}

export interface Publisher {
  /** Resolves when the version is minted and its content digest known. Throws `weights_rejected`, `not_found`, `version_conflict`. */
  publish(publication: Publication): Promise<PublicationProgress>;
  /** Throws `not_found`. */
  progress(policy: string, version: number): PublicationProgress;
  /** Each change, ending when the version is installed everywhere, superseded or aborted. */
  watch(policy: string, version: number, signal: AbortSignal): AsyncIterable<PublicationProgress>;
  /** Resolves when committed; throws `commit_aborted`. */
  committed(policy: string, version: number): Promise<PublicationProgress>;
  abort(policy: string, version: number): Promise<PublicationProgress>;
  close(): Promise<void>;
}
