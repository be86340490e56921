/**
 * External versions: opened here, gated, moved by somebody else, committed with proofs. A gate takes its turn in the
 * policy's line, so that no publication of ours meets it.
 */
import type { Random } from "../../../contract/clock.ts";
import { PacelineError } from "../../../contract/errors.ts";
import { LIMITS } from "../../../limits.ts";
import type { PolicyRecord, VersionRecord } from "../../../policy/ledger.ts";
import { assertInRun, claimedEpoch } from "../../../policy/runs.ts";
import { isUndecided } from "../../../policy/version-states.ts";
import type { Publication, PublicationProgress, Publisher } from "../../publisher.ts";
import { createAskCanary } from "../canary-request.ts";
import { assertOpen } from "../content-hash.ts";
import type { MemberRef } from "../core/events.ts";
import { musterForMover, settleLeaver } from "../muster.ts";
import { assertPublishable, commitPlanOf } from "../publication-check.ts";
import type { SubmissionParts } from "../submissions.ts";
import { findWorker } from "../update-context.ts";
import { isExternal } from "../version-path.ts";
import { checkedClaims } from "./claims.ts";
import { type ExternalRun, runExternal } from "./run.ts";

export interface ExternalVersions extends Pick<Publisher, "gate" | "commit" | "abort"> {
  /** Mints a version in state `open`. */
  open(publication: Publication): Promise<PublicationProgress>;
  /** Something that was never proved came from this worker. */
  distrusted(ref: MemberRef, reason: string): void;
}

export interface ExternalVersionParts extends SubmissionParts {
  readonly random: Random;
}

/** One gate and what follows it. */
interface Round {
  run: ExternalRun | null;
  /** Resolves when its turn has come; throws if it is withdrawn before that. */
  readonly begun: Promise<ExternalRun>;
}

const keyOf = ({ policy, version }: VersionRecord): string => `${policy}/${version}`;

export function createExternalVersions(parts: ExternalVersionParts): ExternalVersions {
  const { context, board, assignments, catchUp, lines, closing, random } = parts;
  const { ledger, fleet, timings } = context;
  const rounds = new Map<string, Round>();
  /** By version: what its publication said. */
  const lapses = new Map<string, number>();
  const ask = createAskCanary(random);
  const mintFence = (): string => `f-${hex(random)}${hex(random)}`;

  function externalOf(policy: string, version: number): VersionRecord {
    const record = ledger.version(policy, version);
    if (isExternal(record)) return record;
    throw new PacelineError(
      "unsupported",
      `version ${version} of ${policy} was published from a path: its workers load it themselves`,
      { details: { path: "version" } },
    );
  }

  async function open(publication: Publication): Promise<PublicationProgress> {
    assertOpen(closing);
    const policy = ledger.policy(publication.policy);
    assertOurs(policy, publication);
    const runEpoch = claimedEpoch(policy, publication);
    assertRoom(policy);
    const { label = null, onUpdate = policy.onUpdate, updateGraceMs } = publication;
    assertPublishable(policy, { source: publication.source, onUpdate });
    const { record } = await ledger.openOnce(
      {
        policy: policy.policy,
        label,
        runEpoch,
        source: { external: {} },
        digest: null,
        contentOf: null,
        onUpdate,
        updateGraceMs: updateGraceMs ?? policy.updateGraceMs,
      },
      // A retried call is the version that is there; without a label nobody can tell.
      (known) =>
        label !== null &&
        isExternal(known) &&
        known.runEpoch === runEpoch &&
        known.label?.run === label.run &&
        known.label.step === label.step,
    );
    const lapseMs = publication.commit?.timeoutMs;
    if (lapseMs !== undefined) lapses.set(keyOf(record), lapseMs);
    for (const oldest of lapses.keys()) {
      if (lapses.size <= LIMITS.policies) break;
      lapses.delete(oldest);
    }
    return board.progress(record.policy, record.version);
  }

  /** Who proves it is committed, whoever does not: there are no waves and no quorum to choose. */
  function assertOurs(policy: PolicyRecord, publication: Publication): void {
    const { mode = "all", ...rest } = publication.commit ?? {};
    if (mode !== "all") {
      throw new PacelineError("unsupported", `commit.mode: an external version is not ${mode}`, {
        details: { path: "commit.mode" },
      });
    }
    commitPlanOf(policy, { ...publication, commit: { mode, ...rest } });
  }

  function assertRoom({ policy }: PolicyRecord): void {
    const undecided = ledger
      .versions(policy)
      .filter((one) => isExternal(one) && isUndecided(one.state));
    if (undecided.length < LIMITS.externalOpen) return;
    throw new PacelineError(
      "overloaded",
      `${undecided.length} external versions of ${policy} are open: commit or abort one`,
      { details: { versions: undecided.map(({ version }) => version) } },
    );
  }

  function begin(record: VersionRecord): Round {
    const again = record.state === "committed" || record.state === "installed";
    const place = lines.of(record.policy).reserve();
    const begun = Promise.withResolvers<ExternalRun>();
    const round: Round = { run: null, begun: begun.promise };
    const start = (): ExternalRun => {
      const run = runExternal({
        context,
        board,
        record,
        again,
        lapseMs: lapses.get(keyOf(record)) ?? timings.moveMs,
        ask,
        mintFence,
        muster: () => musterForMover(context, board, assignments, record, catchUp.concerns),
        left(ref, phase) {
          settleLeaver(context, assignments, record, ref, phase);
          const worker = findWorker(fleet, ref.worker);
          if (worker) catchUp.consider(worker);
        },
      });
      round.run = run;
      begun.resolve(run);
      void run.over.then(() => {
        if (rounds.get(keyOf(record)) === round) rounds.delete(keyOf(record));
      });
      return run;
    };
    rounds.set(keyOf(record), round);
    place.fill({ record, replaceable: false, start });
    void lines
      .of(record.policy)
      .verdict(record.version)
      ?.then((verdict) => {
        if (round.run !== null) return;
        rounds.delete(keyOf(record));
        begun.reject(verdict);
      });
    return round;
  }

  return {
    open,
    async gate(policy, version) {
      assertOpen(closing);
      const record = externalOf(policy, version);
      const owner = ledger.policy(policy);
      assertInRun(owner, record.runEpoch);
      const late = version === owner.committedVersion;
      if ((!late && !isUndecided(record.state)) || (owner.committedVersion ?? 0) > version) {
        throw conflict(record, "cannot be gated any more");
      }
      const run = await (rounds.get(keyOf(record)) ?? begin(record)).begun;
      await run.gated;
      return { ...board.progress(policy, version), lapseMs: run.lapseMs };
    },

    async commit(policy, version, proofs) {
      const record = externalOf(policy, version);
      const run = rounds.get(keyOf(record))?.run ?? null;
      if (run === null) {
        if (record.state === "open") throw conflict(record, "is not gated");
        // Over already: a retried call hears what the first did.
        return lines.committed(policy, version);
      }
      if (run.state === "gated") {
        run.claim(
          checkedClaims(proofs, {
            record,
            minProof: ledger.policy(policy).minProof,
            fenceOf: run.fenceOf,
            capabilitiesOf: (worker) => findWorker(fleet, worker)?.description.capabilities ?? null,
          }),
        );
      } else if (run.state === "idle" || run.state === "gating" || run.state === "fencing") {
        throw conflict(record, "is not gated yet");
      }
      const verdict = await run.decided;
      await run.over;
      const progress = board.progress(policy, version);
      if (verdict === null) return progress;
      throw new PacelineError(verdict.code, verdict.message, {
        details: { ...verdict.details, workers: rowsOf(progress) },
      });
    },

    async abort(policy, version) {
      const record = ledger.version(policy, version);
      if (!isExternal(record)) return lines.abort(policy, version);
      const round = rounds.get(keyOf(record));
      if (round === undefined && record.state === "open") {
        await ledger.transition(policy, version, "aborted");
      } else {
        await lines.abort(policy, version);
        // Until it is known what became of each worker.
        await round?.run?.over;
        if (ledger.version(policy, version).state === "open") {
          await ledger.transition(policy, version, "aborted");
        }
      }
      return board.progress(policy, version);
    },

    distrusted(ref, reason) {
      for (const { run } of rounds.values()) run?.distrusted(ref, reason);
    },
  };
}

const rowsOf = ({ workers }: PublicationProgress) =>
  workers.map(({ worker, phase, reason }) => ({ worker, phase, reason }));

function conflict({ policy, version, state }: VersionRecord, why: string): PacelineError {
  return new PacelineError(
    "version_conflict",
    `version ${version} of ${policy} (${state}) ${why}`,
    {
      details: { policy, version, state },
    },
  );
}

const hex = (random: Random): string => random.u32().toString(16).padStart(8, "0");
