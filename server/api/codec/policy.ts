/** Policies and publications on the wire. What this release cannot honour is refused, never dropped (I6). */
import type { z } from "zod";
import { PacelineError } from "../../contract/errors.ts";
import type { HeldVersion } from "../../contract/policy.ts";
import {
  createExternalCommitSchema,
  declaration as declarationSchema,
  publication as publicationSchema,
  rollback as rollbackSchema,
  runOpening as runOpeningSchema,
  type WirePolicy,
  type WirePublicationProgress,
  type WireRun,
} from "../../contract/schema-policy.ts";
import { LIMITS } from "../../limits.ts";
import type {
  PolicyDeclaration,
  PolicyRecord,
  RunOpening,
  RunRecord,
  VersionRecord,
} from "../../policy/ledger.ts";
import type {
  CommitOptions,
  Publication,
  PublicationOptions,
  PublicationProgress,
  WorkerProof,
} from "../../weights/publisher.ts";
import { check } from "./invalid.ts";

const DECLARATION = declarationSchema();
const PUBLICATION = publicationSchema();
const EXTERNAL_COMMIT = createExternalCommitSchema(LIMITS);
const ROLLBACK = rollbackSchema();
const RUN_OPENING = runOpeningSchema();

const unsupported = (path: string, why: string): PacelineError =>
  new PacelineError("unsupported", `${path}: ${why}`, { details: { path } });

/** Body of `PUT /v1/policies/{policy}`. Throws `invalid_argument`, `unsupported`. */
export function decodeDeclaration(policy: string, body: unknown): PolicyDeclaration {
  const wire = check(DECLARATION, body);
  if (wire.max_lag != null) throw unsupported("max_lag", "say `version.max_lag` in the rollout");
  return {
    policy,
    ...(wire.kind == null ? {} : { kind: wire.kind }),
    ...(wire.base == null ? {} : { base: wire.base }),
    ...(wire.commit == null ? {} : { commit: wire.commit }),
    ...(wire.on_update == null ? {} : { onUpdate: wire.on_update }),
    ...(wire.update_grace_ms == null ? {} : { updateGraceMs: wire.update_grace_ms }),
    ...(wire.min_proof == null ? {} : { minProof: wire.min_proof }),
  };
}

/** Body of `POST /v1/policies/{policy}/versions`. Throws `invalid_argument`, `unsupported`. */
export function decodePublication(policy: string, body: unknown): Publication {
  const wire = check(PUBLICATION, body);
  const { path, arena } = wire.source;
  if (arena != null) throw unsupported("source.arena", "this release publishes from a path");
  if (wire.format === "delta") throw unsupported("format", "this release publishes full versions");
  if (wire.base_version != null) throw unsupported("base_version", "only a delta has one");
  const source = path == null ? { external: {} } : { path };
  return { policy, source, ...optionsOf(wire) };
}

/** Body of `POST …/commit`. Throws `invalid_argument`. */
export const decodeCommit = (body: unknown): readonly WorkerProof[] =>
  check(EXTERNAL_COMMIT, body).proofs.map(({ worker, fence, digest, receipt, reported }) => ({
    worker,
    fence,
    digest: digest ?? null,
    receipt: receipt ?? null,
    reported: reported ?? null,
  }));

/** Body of `POST …/rollback`; absent: nothing is asked for. Throws `invalid_argument`, `unsupported`. */
export const decodeRollback = (body: unknown): PublicationOptions =>
  optionsOf(check(ROLLBACK, body ?? {}));

/** Body of `POST /v1/policies/{policy}/runs`. Throws `invalid_argument`. */
export function decodeRunOpening(policy: string, body: unknown): RunOpening {
  const { run, opener } = check(RUN_OPENING, body);
  return { policy, run, ...(opener == null ? {} : { opener }) };
}

type WireOptions = z.infer<typeof ROLLBACK>;
type WireCommit = NonNullable<WireOptions["commit"]>;

function optionsOf(wire: WireOptions): PublicationOptions {
  const { label, commit } = wire;
  return {
    ...(label == null ? {} : { label }),
    ...(wire.run_epoch == null ? {} : { runEpoch: wire.run_epoch }),
    ...(commit == null ? {} : { commit: commitOf(commit) }),
    ...(wire.on_update == null ? {} : { onUpdate: wire.on_update }),
    ...(wire.update_grace_ms == null ? {} : { updateGraceMs: wire.update_grace_ms }),
  };
}

const commitOf = (commit: WireCommit): CommitOptions => ({
  ...(commit.mode == null ? {} : { mode: commit.mode }),
  ...(commit.quorum == null ? {} : { quorum: commit.quorum }),
  ...(commit.wave == null ? {} : { wave: commit.wave }),
  ...(commit.timeout_ms == null ? {} : { timeoutMs: commit.timeout_ms }),
});

export const encodeRun = (record: RunRecord): WireRun => ({
  policy: record.policy,
  run: record.run,
  epoch: record.epoch,
  opener: record.opener,
  by_name: record.byName,
  opened_at_ms: record.openedAt,
});

export const encodeVersion = (record: VersionRecord): WirePolicy["versions"][number] => ({
  policy: record.policy,
  version: record.version,
  state: record.state,
  label: record.label,
  digest: record.digest,
  source: record.source,
  content_of: record.contentOf,
  on_update: record.onUpdate,
  update_grace_ms: record.updateGraceMs,
  created_at_ms: record.createdAt,
  run_epoch: record.runEpoch,
});

/** `holders`: each live worker's proved version of this policy. */
export function encodePolicy(
  record: PolicyRecord,
  versions: readonly VersionRecord[],
  holders: readonly { readonly worker: string; readonly held: HeldVersion }[],
): WirePolicy {
  const committed = record.committedVersion;
  return {
    policy: record.policy,
    kind: record.kind,
    base: record.base,
    commit: record.commit,
    on_update: record.onUpdate,
    update_grace_ms: record.updateGraceMs,
    min_proof: record.minProof,
    committed_version: committed,
    last_version: record.lastVersion,
    label: versions.find(({ version }) => version === committed)?.label ?? null,
    run: record.run?.run ?? null,
    run_epoch: record.run?.epoch ?? null,
    versions: versions.map(encodeVersion),
    workers: holders.map(({ worker, held }) => ({
      worker,
      version: held.version,
      proof: held.proof,
      lag: committed === null ? null : committed - held.version,
    })),
  };
}

export const encodePublication = (progress: PublicationProgress): WirePublicationProgress => ({
  ...encodeVersion(progress.version),
  installed: progress.installed,
  workers: progress.workers.map(({ worker, phase, reason, pauseMs, fence }) => ({
    worker,
    phase,
    reason,
    pause_ms: pauseMs,
    fence,
  })),
  lapse_ms: progress.lapseMs,
});
