/** What a publication may say, and what becomes of it; everything else is refused by name, never dropped (I6). */
import { PacelineError } from "../../contract/errors.ts";
import type { PolicyRecord, VersionRecord } from "../../policy/ledger.ts";
import type { PublicationOptions } from "../publisher.ts";
import type { CommitRule } from "./core/commit-rule.ts";

export interface CommitPlan {
  readonly rule: CommitRule;
  /** A newer publication of this mode ends it while it is not committed. */
  readonly replaceable: boolean;
}

/** What an adapter's version cannot be. Throws `unsupported`. */
export function assertPublishable(
  { policy, kind }: PolicyRecord,
  { source, onUpdate }: Pick<VersionRecord, "source" | "onUpdate">,
): void {
  if (kind === "full") return;
  const refuse = (path: string, why: string): PacelineError =>
    new PacelineError("unsupported", `${policy} is an adapter: ${why}`, { details: { path } });
  if ("external" in source) throw refuse("source.external", "engines read it from a path");
  // A rollout never changes its adapter while it runs.
  if (onUpdate === "reprefill") throw refuse("on_update", "its rollouts end as they began");
}

/** Throws `invalid_argument`. */
export function commitPlanOf(policy: PolicyRecord, options: PublicationOptions): CommitPlan {
  const { mode = policy.commit, timeoutMs, quorum, wave } = options.commit ?? {};
  assertWhole("commit.timeout_ms", timeoutMs, 1, "milliseconds");
  assertWhole("update_grace_ms", options.updateGraceMs, 0, "milliseconds");
  assertWhole("commit.wave", wave, 1, "workers");
  assertWhole("commit.quorum", quorum, 1, "workers");
  if (wave !== undefined && mode !== "rolling") {
    throw invalid("commit.wave", `mode ${mode} has no waves; rolling has`);
  }
  if (quorum !== undefined && mode !== "quorum") {
    throw invalid("commit.quorum", `mode ${mode} has no quorum`);
  }
  switch (mode) {
    case "rolling":
      return { rule: { mode, wave: wave ?? null }, replaceable: false };
    case "quorum":
      if (quorum === undefined) throw invalid("commit.quorum", "mode quorum needs it");
      return { rule: { mode, quorum }, replaceable: false };
    default:
      return { rule: { mode: "all" }, replaceable: mode === "latest_wins" };
  }
}

function assertWhole(path: string, value: number | undefined, least: number, unit: string): void {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return;
  throw invalid(path, `must be whole ${unit}, at least ${least}`);
}

const invalid = (path: string, message: string): PacelineError =>
  new PacelineError("invalid_argument", `${path}: ${message}`, { details: { path } });
