/**
 * Versions as SGLang's fields name them: the trainer's step (our label's), as a string; `default` where the trainer
 * has named nothing yet, as a fresh SGLang says. Our own numbers appear in none of its fields. The wish in a request,
 * `weight_version: {min_version | exact_version}`, is Modal Stitch's.
 */
import { PacelineError } from "../../../contract/errors.ts";
import type { Label, VersionConstraint } from "../../../contract/policy.ts";
import type { VersionRecord } from "../../../policy/ledger.ts";
import { invalid } from "../../codec/invalid.ts";
import type { DialectContext } from "../dialect.ts";

type Versions = Pick<DialectContext, "ledger" | "policy">;

export const labelText = (label: Label | null): string =>
  label === null ? "default" : String(label.step);

/** Of the committed version; null before the first. */
export function committed({ ledger, policy }: Versions): VersionRecord | null {
  const record = ledger.policies().find((one) => one.policy === policy());
  const version = record?.committedVersion ?? null;
  return version === null ? null : ledger.version(policy(), version);
}

export const committedText = (context: Versions): string =>
  labelText(committed(context)?.label ?? null);

/** Text of a version's label; of one that nobody knows any more, as of one without. */
export function versionText(version: number | null, { ledger, policy }: Versions): string {
  if (version === null) return "default";
  const known = ledger.versions(policy()).find((one) => one.version === version);
  return labelText(known?.label ?? null);
}

/** The trainer's word for a version as a step; null where it has none. Throws `invalid_argument`. */
export function stepOf(text: string | number | null | undefined): number | null {
  if (text === null || text === undefined || text === "default") return null;
  const step = Number(text);
  if (String(text).trim() !== "" && Number.isSafeInteger(step) && step >= 0) return step;
  throw invalid("weight_version", "must be the trainer's step: a whole number");
}

/** Throws `version_conflict`, which Stitch's clients retry, while no committed version meets it. */
export function constraintOf(
  wish: {
    readonly min_version?: number | undefined;
    readonly exact_version?: number | undefined;
  } | null,
  context: Versions,
): VersionConstraint | null {
  if (wish === null) return null;
  const { min_version: min, exact_version: exact } = wish;
  if (min !== undefined && exact !== undefined) {
    throw invalid("weight_version", "exactly one of min_version and exact_version");
  }
  const now = committed(context);
  const step = now?.label?.step ?? null;
  if (min !== undefined) {
    if (step === null || step < min) throw unmet(`at least ${min}`, context);
    return { min_step: min };
  }
  if (exact === undefined) return null;
  if (now === null || step !== exact) throw unmet(`${exact}`, context);
  return { exact: now.version };
}

function unmet(wanted: string, context: Versions): PacelineError {
  return new PacelineError(
    "version_conflict",
    `weight_version: ${wanted} is wanted, ${committedText(context)} is served`,
    { retryAfterMs: 1_000, details: { path: "weight_version" } },
  );
}
