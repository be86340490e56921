/** What a rollout ends in whose time is over. */
import { type ErrorCode, PacelineError } from "../contract/errors.ts";
import type { Held, Journey } from "./journey.ts";

/** By why it was held, where it was never placed. */
const UNPLACED = {
  queue: "deadline_exceeded",
  session_paused: "deadline_exceeded",
  kept: "deadline_exceeded",
  no_eligible_worker: "no_eligible_worker",
  version_unavailable: "version_unavailable",
  staleness: "quota_exceeded",
} as const satisfies Record<Held, ErrorCode>;

/** `null`: it ends with what it has. An empty Result would hide that it had no place, or that every attempt failed. */
export function timedOutAs(
  { held, lastError }: Pick<Journey, "held" | "lastError">,
  {
    timeoutMs,
    attempts,
    outputTokens,
  }: { timeoutMs: number | null } & Record<"attempts" | "outputTokens", number>,
): PacelineError | null {
  if (attempts > 0 && (lastError === null || outputTokens > 0)) return null;
  if (lastError !== null) return lastError;
  return new PacelineError(UNPLACED[held], `not placed within ${timeoutMs} ms: ${held}`, {
    details: { reason: held },
  });
}
