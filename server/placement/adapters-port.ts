/** What a rollout under a LoRA adapter needs of whoever loads adapters. */
import type { HeldVersion } from "../contract/policy.ts";
import type { Grant } from "./port.ts";

export interface AdapterUse {
  /**
   * Resolves when the worker has proved it, loaded now where it was not; null: the worker is being updated, and another place is
   * to be asked for. Throws `version_unavailable` where it cannot be loaded there, `engine_unreachable`, or what aborted `signal`.
   */
  ready(signal: AbortSignal): Promise<HeldVersion | null>;
  /** It is not used any more. */
  leave(): void;
}

export interface AdaptersPort {
  /** From here on it is not unloaded there; null: the policy is no adapter. */
  enter(
    grant: Pick<Grant, "worker" | "incarnation" | "version">,
    policy: string,
  ): AdapterUse | null;
}
