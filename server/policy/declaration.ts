/** What a declaration makes of a policy: only the named fields change, and what it is never does. */
import { PacelineError } from "../contract/errors.ts";
import type { Proof } from "../contract/policy.ts";
import type { PolicyDeclaration, PolicyRecord } from "./ledger.ts";

/** Long enough for most rollouts to end by themselves, short against a training step. */
const UPDATE_GRACE_MS = 30_000;

/** A label alone is taken only by those who say so. */
export const MIN_PROOF: Proof = "receipt";

const ID = /^[A-Za-z0-9._:-]{1,128}$/;

/** Throws `invalid_argument`. */
export function newPolicy({ policy, kind = "full", base }: PolicyDeclaration): PolicyRecord {
  if (!ID.test(policy)) throw invalid("policy", "an id is 1 to 128 of [A-Za-z0-9._:-]");
  if (kind === "lora" && base === undefined) throw invalid("base", "an adapter needs a base");
  if (kind === "full" && base !== undefined) throw invalid("base", "only an adapter has a base");
  return {
    policy,
    kind,
    base: base ?? null,
    commit: "all",
    onUpdate: "keep",
    updateGraceMs: UPDATE_GRACE_MS,
    minProof: MIN_PROOF,
    committedVersion: null,
    lastVersion: 0,
    run: null,
  };
}

/**
 * `before` itself where nothing changes. Throws `conflict` for another kind or base, `not_found` for an unknown
 * base, `invalid_argument` for a base that is an adapter itself.
 */
export function declared(
  before: PolicyRecord,
  declaration: PolicyDeclaration,
  find: (policy: string) => PolicyRecord,
): PolicyRecord {
  const { kind = before.kind, base = before.base } = declaration;
  if (kind !== before.kind || base !== before.base) {
    throw new PacelineError("conflict", `${before.policy} is declared as ${before.kind} already`, {
      details: { policy: before.policy, kind: before.kind, base: before.base },
    });
  }
  if (base !== null && find(base).kind !== "full") {
    throw invalid("base", `${base} is an adapter itself`);
  }
  const { commit, onUpdate, updateGraceMs, minProof } = { ...before, ...declaration };
  const same =
    commit === before.commit &&
    onUpdate === before.onUpdate &&
    updateGraceMs === before.updateGraceMs &&
    minProof === before.minProof;
  return same ? before : { ...before, commit, onUpdate, updateGraceMs, minProof };
}

function invalid(path: string, message: string): PacelineError {
  return new PacelineError("invalid_argument", message, { details: { path } });
}
