/** How workers are emptied around an update; the placement owner is one. */
import type { OnUpdate } from "../../contract/policy.ts";

export interface UpdateGate {
  /**
   * Closes the worker and resolves when nothing runs there that must not live through the update; `kept`
   * does. Rejects when that incarnation is gone.
   */
  close(
    worker: string,
    incarnation: string,
    how: {
      readonly why: "update";
      readonly onUpdate: OnUpdate;
      readonly graceMs: number;
      /** Nothing may stay, whatever a rollout says: the engine must compute before it is trusted. */
      readonly empty?: boolean;
    },
  ): Promise<{ readonly kept: readonly string[] }>;
  /** What emptying a worker may take, ms, where an update waits `graceMs` for whoever has no grace of its own. */
  longestGraceMs(graceMs: number): number;
  /** Of these workers' KV room, what nothing that runs or waits needs now, 0–1. */
  spareShare(workers: ReadonlySet<string>): number;
  /** Idempotent. */
  open(worker: string): void;
  /** Closes the worker and ends all that runs there, to go on elsewhere: its weights cannot be trusted. */
  drain(worker: string, how: "migrate", timeoutMs: number): Promise<void>;
}
