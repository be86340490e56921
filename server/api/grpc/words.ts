/** Enums: numbers in the proto, lower-case words in JSON and in the contract. */

import { paceline } from "../../../proto/gen/paceline.js";
import type { PartialFate } from "../../contract/need.ts";
import type { KvAge } from "../../contract/rollout.ts";
import type { ExpertsDtype } from "../../contract/routed-experts.ts";
import type { GroupEnd } from "../../rollouts/group-summary.ts";

const { v1 } = paceline;

export interface Words<W extends string> {
  /** What JSON would hold: the word; a number that is none of ours stays one, for the schema to refuse. */
  word(number: number | null | undefined): string | number | undefined;
  number(word: W): number;
}

/** `numbers` is protobufjs's enum: names to numbers. UNSPECIFIED is the same as absent. */
function words<W extends string>(
  numbers: Readonly<Record<string, string | number>>,
  prefix: string,
): Words<W> {
  const byNumber = new Map<number, string>();
  const byWord = new Map<string, number>();
  for (const [name, number] of Object.entries(numbers)) {
    if (typeof number !== "number" || number === 0) continue;
    const word = name.slice(prefix.length + 1).toLowerCase();
    byNumber.set(number, word);
    byWord.set(word, number);
  }
  return {
    word: (number) => (number ? (byNumber.get(number) ?? number) : undefined),
    number: (word) => {
      const number = byWord.get(word);
      if (number === undefined) throw new Error(`${prefix} has no ${word}`);
      return number;
    },
  };
}

export const ATTESTED = words<"engine" | "coordinator" | "none">(v1.Attested, "ATTESTED");
export const BOUNDARY = words(v1.Boundary, "BOUNDARY");
export const CACHE_REUSE = words<"version" | "session">(v1.CacheReuse, "CACHE_REUSE");
export const DELIVER = words<"reply" | "feed">(v1.Deliver, "DELIVER");
export const ERROR_CODE = words(v1.ErrorCode, "ERROR_CODE");
export const EXPERTS_DTYPE = words<ExpertsDtype>(v1.ExpertsDtype, "EXPERTS_DTYPE");
export const EXPERTS_SOURCE = words<"sampled" | "recomputed">(v1.ExpertsSource, "EXPERTS_SOURCE");
export const FINISH_CAUSE = words(v1.FinishCause, "FINISH_CAUSE");
export const FINISH_TYPE = words(v1.FinishType, "FINISH_TYPE");
export const GROUP_END = words<GroupEnd>(v1.GroupEnd, "GROUP_END");
export const KV = words<KvAge>(v1.Kv, "KV");
export const LATENCY = words<"throughput" | "interactive">(v1.Latency, "LATENCY");
export const LOGPROB_MODE = words(v1.LogprobMode, "LOGPROB_MODE");
export const MOMENT_EVENT = words(v1.MomentEvent, "MOMENT_EVENT");
export const MOVE_REASON = words(v1.MoveReason, "MOVE_REASON");
export const ON_UPDATE = words<"keep" | "reprefill" | "finish">(v1.OnUpdate, "ON_UPDATE");
export const PARTIAL_FATE = words<PartialFate>(v1.PartialFate, "PARTIAL_FATE");
export const RESUME = words<"required" | "best" | "never">(v1.Resume, "RESUME");
export const RESUME_KIND = words(v1.ResumeKind, "RESUME_KIND");
export const STATE = words(v1.State, "STATE");
