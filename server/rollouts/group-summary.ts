/** What is told of a group as a whole once it has ended. */
import type { PacelineError } from "../contract/errors.ts";
import { type Result, tokensBefore } from "../contract/result.ts";
import { type LengthBias, lengthBias } from "./length-bias.ts";

export type Member =
  | { readonly result: Result }
  | { readonly id: string; readonly job: string; readonly error: PacelineError };

/** `need`: as many finished as were needed. Else why the one ended without which it could not be. */
export type GroupEnd = "need" | "failed" | "stale" | "timeout" | "client" | "drain";

/** A member that failed, and the one that was made in its place; by their index. */
export interface Replacement {
  readonly index: number;
  readonly by: number;
}

export interface GroupSummary {
  readonly id: string;
  /** Asked for. */
  readonly size: number;
  readonly need: number;
  readonly finished: number;
  /** Made, over-issued and replacing ones included. */
  readonly members: number;
  readonly ended: GroupEnd;
  readonly replaced: readonly Replacement[];
  /** Ended since enough had finished: how many, and the tokens that they keep. */
  readonly cut: { readonly members: number; readonly tokens: number };
  readonly lengths: LengthBias;
  /** Of the tokens of those that finished: made by a version before the committed one. */
  readonly offPolicyShare: number;
}

export const hasFinished = (member: Member): boolean =>
  "result" in member && member.result.finishReason.type !== "abort";

/** Why a member that has not finished ended. */
export function endOf(member: Member): GroupEnd {
  if ("error" in member) return "failed";
  const { cause } = member.result.finishReason;
  return cause === "need" || cause === "stale" || cause === "timeout" || cause === "drain"
    ? cause
    : "client";
}

export function summarise(
  head: Pick<GroupSummary, "id" | "size" | "need" | "ended" | "replaced">,
  members: readonly Member[],
  committed: number | null,
): GroupSummary {
  const results = members.flatMap((member) => ("result" in member ? [member.result] : []));
  const finished = results.filter(({ finishReason }) => finishReason.type !== "abort");
  const others = results.filter(({ finishReason }) => finishReason.type === "abort");
  const cut = others.filter(({ finishReason }) => finishReason.cause === "need");
  const tokens = total(finished.map(lengthOf));
  const older = committed === null ? 0 : total(finished.map((one) => tokensBefore(one, committed)));
  return {
    ...head,
    finished: finished.length,
    members: members.length,
    cut: { members: cut.length, tokens: total(cut.map(lengthOf)) },
    lengths: lengthBias(finished.map(lengthOf), others.map(leastLength)),
    offPolicyShare: tokens === 0 ? 0 : older / tokens,
  };
}

const lengthOf = ({ usage }: Result): number => usage.outputTokens;

/** What was withheld was made all the same; over several attempts its waste may be more than it was long. */
const leastLength = ({ finishReason, routing, usage }: Result): number =>
  finishReason.cause === "stale" && routing.attempts === 1
    ? usage.wastedTokens
    : usage.outputTokens;

const total = (numbers: readonly number[]): number => numbers.reduce((sum, one) => sum + one, 0);
