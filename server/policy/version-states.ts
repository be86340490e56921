/** The life of a version, as one table. `gated` belongs to versions whose bytes somebody else moves (`external`). */
import { PacelineError } from "../contract/errors.ts";
import type { VersionState } from "../contract/policy.ts";

const NEXT: Readonly<Record<VersionState, readonly VersionState[]>> = {
  open: ["gated", "transferring", "aborted"],
  gated: ["committed", "aborted"],
  transferring: ["staged", "aborted"],
  staged: ["committed", "aborted"],
  committed: ["installed", "superseded"],
  installed: ["superseded"],
  superseded: [],
  aborted: [],
};

/** Throws `version_conflict` for a step that the table does not have. */
export function assertStep(
  { policy, version, state }: { policy: string; version: number; state: VersionState },
  to: VersionState,
): void {
  if (NEXT[state].includes(to)) return;
  throw new PacelineError(
    "version_conflict",
    `version ${version} of ${policy} is ${state} and cannot become ${to}`,
    { details: { policy, version, state, to } },
  );
}

/** On its way to a commit that has not happened: after a restart it is presumed aborted. */
export function isUndecided(state: VersionState): boolean {
  return NEXT[state].includes("aborted");
}

/** Was the fleet's version at some time: only then may a worker hold it and tokens claim it. */
export function wasCommitted(state: VersionState): boolean {
  return state === "superseded" || NEXT[state].includes("superseded");
}

/** Nothing can become of it any more: its record may be forgotten. */
export function isOver(state: VersionState): boolean {
  return NEXT[state].length === 0;
}
