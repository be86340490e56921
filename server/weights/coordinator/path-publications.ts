/** Versions that are published from a path: hashed here, read by each worker. */
import type { VersionRecord } from "../../policy/ledger.ts";
import type { Publication, PublicationProgress } from "../publisher.ts";
import type { Assignments } from "./assignments.ts";
import type { CatchUp } from "./catch-up.ts";
import { assertOpen, type ContentHash } from "./content-hash.ts";
import { musterMembers, settleLeaver } from "./muster.ts";
import type { ProgressBoard } from "./progress-board.ts";
import { assertSupported } from "./publication-check.ts";
import type { PublicationLines } from "./publication-lines.ts";
import { type PublicationRun, runPublication } from "./publication-run.ts";
import { findWorker, type UpdateContext } from "./update-context.ts";

export interface PathPublicationParts {
  readonly context: UpdateContext;
  readonly board: ProgressBoard;
  readonly assignments: Assignments;
  readonly catchUp: CatchUp;
  readonly lines: PublicationLines;
  readonly hash: ContentHash;
  readonly closing: AbortSignal;
}

/** Throws as `Publisher.publish`. */
export type PublishPath = (publication: Publication) => Promise<PublicationProgress>;

export function createPathPublications(parts: PathPublicationParts): PublishPath {
  const { context, board, assignments, catchUp, lines, hash, closing } = parts;
  const { ledger, fleet, timings } = context;

  const begin = (record: VersionRecord, stageMs: number): PublicationRun =>
    runPublication({
      context,
      board,
      record,
      stageMs,
      muster: () => musterMembers(context, board, assignments, record, catchUp.concerns),
      left(ref, phase) {
        settleLeaver(context, assignments, record, ref, phase);
        const worker = findWorker(fleet, ref.worker);
        if (worker) catchUp.consider(worker);
      },
    });

  return async (publication) => {
    assertOpen(closing);
    const policy = ledger.policy(publication.policy);
    assertSupported(policy, publication);
    const place = lines.of(policy.policy).reserve();
    let record: VersionRecord;
    try {
      const content = await hash(policy.policy, publication.source.path);
      record = await ledger.open({
        policy: policy.policy,
        label: publication.label ?? null,
        source: publication.source,
        digest: content,
        contentOf: null,
        onUpdate: publication.onUpdate ?? policy.onUpdate,
        updateGraceMs: publication.updateGraceMs ?? policy.updateGraceMs,
      });
    } catch (thrown) {
      place.leave();
      throw thrown;
    }
    if (closing.aborted) {
      place.leave();
      await ledger.transition(policy.policy, record.version, "aborted");
      assertOpen(closing);
    }
    const stageMs = publication.commit?.timeoutMs ?? timings.stageMs;
    place.fill({ record, start: () => begin(record, stageMs) });
    return board.progress(policy.policy, record.version);
  };
}
