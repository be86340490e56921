/** What the live page shows, as `/overview.json` answers it. Between this server and its own page: no contract. */
import type { HeldVersion, Label, VersionState } from "../../contract/policy.ts";
import type { WorkerState } from "../../contract/worker.ts";

export interface Overview {
  /** Wall time of this answer, ms. */
  readonly now_ms: number;
  readonly uptime_ms: number;
  readonly tokens_per_second: number;
  /** Rollouts that wait for a place. */
  readonly waiting: number;
  readonly running: number;
  readonly jobs: readonly {
    readonly job: string;
    readonly waiting: number;
    readonly running: number;
  }[];
  readonly workers: readonly OverviewWorker[];
  readonly policies: readonly OverviewPolicy[];
  readonly history: OverviewHistory;
}

export interface OverviewWorker {
  readonly id: string;
  readonly engine: string;
  readonly pool: string;
  readonly model: string;
  readonly state: WorkerState;
  readonly reason: string | null;
  readonly versions: readonly Pick<HeldVersion, "policy" | "version" | "proof">[];
  readonly running: number;
  readonly waiting: number;
  readonly kv_used_tokens: number;
  readonly kv_total_tokens: number;
  readonly tokens_per_second: number;
}

export interface OverviewPolicy {
  readonly policy: string;
  readonly committed_version: number | null;
  readonly on_update: string;
  /** The run whose publications it takes; null while none was opened. */
  readonly run: { readonly run: string; readonly epoch: number } | null;
  /** Newest first, the latest few. */
  readonly versions: readonly {
    readonly version: number;
    readonly state: VersionState;
    readonly label: Label | null;
    readonly digest: string | null;
    readonly created_at_ms: number;
    /** Live workers that proved to hold it. */
    readonly holders: number;
  }[];
}

/** One entry a sample, oldest first. */
export interface OverviewHistory {
  readonly interval_ms: number;
  readonly tokens_per_second: readonly number[];
  readonly waiting: readonly number[];
  readonly running: readonly number[];
}
