/**
 * Receipts of versions that engines loaded by themselves but show no digest of: what each worker computed of fixed prompts, or
 * the checksum that it showed, so that a newcomer is held against those that were believed, whenever it comes.
 */
import type { Random } from "../../contract/clock.ts";
import type { EngineDescription } from "../../contract/worker.ts";
import { LIMITS } from "../../limits.ts";
import type { VersionRecord } from "../../policy/ledger.ts";
import { type AskCanary, createAskCanary } from "./canary-request.ts";
import { cohortOf, judgeCanaries } from "./core/canary.ts";
import type { MemberRef } from "./core/events.ts";
import type { Canary, Shown } from "./core/external-events.ts";

export interface Doubt {
  readonly incarnation: string;
  readonly reason: string;
}

/** What was computed with. */
type Content = Pick<VersionRecord, "policy" | "digest">;

export interface Receipts {
  readonly ask: AskCanary;
  /** Who cannot be believed, by worker, now that this one computed `canary`: it, or others that were believed so far. */
  judge(
    version: Content,
    ref: MemberRef,
    description: EngineDescription,
    canary: Canary,
  ): ReadonlyMap<string, Doubt>;
  /** Whether what this life of it computed of that version still stands. */
  believed(version: Content, ref: MemberRef): boolean;
  /** What it computed is no evidence any more. */
  forget(worker: string): void;
}

/** `still`: what computes as before was not loaded. Not of adapters: one that was not trained yet changes nothing. */
export function createReceipts(random: Random, { still }: { readonly still: boolean }): Receipts {
  /** Content → worker → what it showed when it was believed. Versions of one content are one. */
  const believed = new Map<string, Map<string, Shown>>();

  /** What this life of the worker computed last, and of which content. */
  function lastOf({ worker, incarnation }: MemberRef): readonly [string, Canary] | null {
    for (const [content, workers] of [...believed].reverse()) {
      const shown = workers.get(worker);
      if (shown?.incarnation === incarnation && shown.canary !== null)
        return [content, shown.canary];
    }
    return null;
  }

  const contentOf = ({ policy, digest }: Content): string => `${policy} ${digest}`;

  function forget(worker: string): void {
    for (const workers of believed.values()) workers.delete(worker);
  }

  return {
    ask: createAskCanary(random),
    judge(version, ref, description, canary) {
      const content = contentOf(version);
      const last = still ? lastOf(ref) : null;
      const others = believed.get(content) ?? new Map<string, Shown>();
      others.delete(ref.worker);
      const mine: Shown = {
        ...ref,
        ...cohortOf(description, canary),
        canary,
        before: last?.[1] ?? null,
        sameContent: last?.[0] === content,
      };
      const doubts = new Map<string, Doubt>();
      const shown = [...others.values(), mine];
      const verdicts = judgeCanaries(shown);
      for (const { worker, incarnation } of shown) {
        const reason = verdicts.get(worker);
        if (reason !== undefined) doubts.set(worker, { incarnation, reason });
      }
      for (const worker of doubts.keys()) forget(worker);
      if (!doubts.has(ref.worker)) {
        forget(ref.worker);
        // Judged once: later it is only held against others.
        others.set(ref.worker, { ...mine, before: null });
      }
      // Last used, last dropped.
      believed.delete(content);
      if (others.size > 0) believed.set(content, others);
      for (const oldest of believed.keys()) {
        if (believed.size <= LIMITS.policies) break;
        believed.delete(oldest);
      }
      return doubts;
    },
    believed: (version, { worker, incarnation }) =>
      believed.get(contentOf(version))?.get(worker)?.incarnation === incarnation,
    forget,
  };
}
