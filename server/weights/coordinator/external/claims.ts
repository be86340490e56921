/** What a mover claims, checked before anything is done: whose fence, which proof, and whether anybody takes it. */
import { PacelineError } from "../../../contract/errors.ts";
import { isWeaker, type Proof } from "../../../contract/policy.ts";
import type { Capabilities } from "../../../contract/worker.ts";
import type { VersionRecord } from "../../../policy/ledger.ts";
import type { WorkerProof } from "../../publisher.ts";

/** What the mover says that it put into one worker. */
export interface Claim {
  readonly worker: string;
  readonly proof: Proof;
  /** Content digest of what the worker was sent or holds; null where it claims a label alone. */
  readonly content: string | null;
}

export interface ClaimGrounds {
  readonly record: VersionRecord;
  /** The weakest proof that the policy takes. */
  readonly minProof: Proof;
  /** Of this gate; null for a worker that is not in it. */
  readonly fenceOf: (worker: string) => string | null;
  /** Null for a worker that has left the fleet. */
  readonly capabilitiesOf: (worker: string) => Capabilities | null;
}

/** The strongest proof that an engine of this kind can ever give. */
export const bestProof = ({ weights, promptLogprobs }: Capabilities): Proof =>
  weights.proof === "receipt" && !promptLogprobs && weights.checksum !== true
    ? "reported"
    : weights.proof;

/** Its receipt is what it computes: it must run for that, with nothing else in it. */
export const computesReceipt = (capabilities: Capabilities): boolean =>
  bestProof(capabilities) === "receipt" && capabilities.weights.checksum !== true;

/** By worker. Throws `invalid_argument`, `version_conflict`, `unsupported`, `digest_mismatch`. */
export function checkedClaims(
  proofs: readonly WorkerProof[],
  grounds: ClaimGrounds,
): ReadonlyMap<string, Claim> {
  const claims = new Map<string, Claim>();
  let content: string | null = null;
  for (const [index, proof] of proofs.entries()) {
    const at = `proofs[${index}]`;
    if (claims.has(proof.worker)) {
      throw refused("invalid_argument", `${at}.worker`, `${proof.worker} is named twice`);
    }
    assertFence(proof, at, grounds);
    const claim = claimOf(proof, at, grounds);
    if (content !== null && claim.content !== null && claim.content !== content) {
      throw refused(
        "digest_mismatch",
        at,
        `${claim.content} is not the content that other workers were given (${content})`,
      );
    }
    content ??= claim.content;
    claims.set(proof.worker, claim);
  }
  return claims;
}

function assertFence({ worker, fence }: WorkerProof, at: string, grounds: ClaimGrounds): void {
  const { policy, version } = grounds.record;
  const given = grounds.fenceOf(worker);
  if (given === fence) return;
  throw refused(
    "version_conflict",
    `${at}.fence`,
    given === null
      ? `${worker} is not in the gate of ${policy}@${version}`
      : `${worker} has another fence now: this one is of an earlier gate or of another worker`,
  );
}

function claimOf(given: WorkerProof, at: string, grounds: ClaimGrounds): Claim {
  const { worker, digest, receipt, reported } = given;
  const { record, minProof } = grounds;
  const capabilities = grounds.capabilitiesOf(worker);
  const best = capabilities === null ? "digest" : bestProof(capabilities);
  if (reported !== null && reported !== record.version) {
    throw refused(
      "invalid_argument",
      `${at}.reported`,
      `must be ${record.version}: the engine is to call what it holds so, as its tokens name it`,
    );
  }
  if (digest !== null && best !== "digest") {
    throw refused("unsupported", `${at}.digest`, `the engine of ${worker} shows no digest`);
  }
  if (receipt !== null && best === "reported") {
    const why = `the engine of ${worker} cannot be given a canary, so a receipt proves nothing more than its label`;
    throw refused("unsupported", `${at}.receipt`, why);
  }
  // A receipt that the engine's own digest bears out is as good as a digest.
  const proof: Proof = reported === null ? best : "reported";
  if (isWeaker(proof, minProof)) {
    const why = `policy ${record.policy} takes no proof weaker than ${minProof} (declare \`min_proof\` to change that)`;
    throw refused("unsupported", at, why);
  }
  return { worker, proof, content: digest ?? receipt };
}

function refused(
  code: "invalid_argument" | "version_conflict" | "unsupported" | "digest_mismatch",
  path: string,
  message: string,
): PacelineError {
  return new PacelineError(code, `${path}: ${message}`, { details: { path } });
}
