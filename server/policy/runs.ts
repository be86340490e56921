/**
 * Runs: whose publications the policy takes. Opening a run mints an epoch, which fences everything of the
 * epochs before it; a publication says its run by `run_epoch`, or by its label's name where that name can
 * mean one run only.
 */
import { PacelineError } from "../contract/errors.ts";
import type { Label } from "../contract/policy.ts";
import type { PolicyRecord, RunOpening, RunRecord, VersionRecord } from "./ledger.ts";

/**
 * What this opening makes: the run that a retried call has opened before, or a new one. Throws `run_fenced`
 * where a newer run has been opened since this opener's own.
 */
export function openedRun(
  policy: PolicyRecord,
  runs: readonly RunRecord[],
  versions: readonly VersionRecord[],
  { run, opener: given }: RunOpening,
  now: number,
): RunRecord {
  const opener = given ?? null;
  const current = policy.run;
  if (current !== null && current.run === run && current.opener === opener) return current;
  const own = runs.find((one) => one.run === run && one.opener === opener);
  if (own !== undefined && opener !== null) {
    throw fenced(policy, `${opener} opened run ${run} before, as epoch ${own.epoch}`);
  }
  const known = runs.some((one) => one.run === run);
  const labelled = versions.some(({ label }) => label?.run === run);
  return {
    policy: policy.policy,
    run,
    epoch: (current?.epoch ?? 0) + 1,
    opener,
    byName: opener === null && !known && !labelled,
    openedAt: now,
  };
}

/**
 * The epoch that a publication belongs to; null while no run was ever opened. Throws `run_fenced`, or
 * `invalid_argument` where epoch and label contradict each other.
 */
export function claimedEpoch(
  policy: PolicyRecord,
  { label, runEpoch }: { readonly label?: Label | null; readonly runEpoch?: number },
): number | null {
  const { run } = policy;
  if (runEpoch !== undefined) {
    if (run === null || run.epoch !== runEpoch)
      throw fenced(policy, `this publication is of epoch ${runEpoch}`);
    if (label && label.run !== run.run) {
      throw new PacelineError(
        "invalid_argument",
        `label.run: epoch ${runEpoch} is run ${run.run}`,
        {
          details: { path: "label.run" },
        },
      );
    }
    return runEpoch;
  }
  if (run === null) return null;
  if (!label) {
    throw fenced(policy, "this publication says no run: give `run_epoch`, or the run in `label`");
  }
  if (label.run !== run.run) throw fenced(policy, `this publication is of run ${label.run}`);
  if (!run.byName) {
    throw fenced(policy, "its name alone does not tell who publishes: give `run_epoch`");
  }
  return run.epoch;
}

/** Throws `run_fenced` for what belongs to an older run. */
export function assertInRun(policy: PolicyRecord, epoch: number | null): void {
  if (epoch === (policy.run?.epoch ?? null)) return;
  throw fenced(policy, epoch === null ? "this is of no run" : `this is of epoch ${epoch}`);
}

function fenced({ policy, run }: PolicyRecord, why: string): PacelineError {
  const owner = run === null ? "no run is open" : `run ${run.run} (epoch ${run.epoch}) owns it`;
  return new PacelineError("run_fenced", `${policy}: ${owner}; ${why}`, {
    details: { policy, run: run?.run ?? null, epoch: run?.epoch ?? null },
  });
}
